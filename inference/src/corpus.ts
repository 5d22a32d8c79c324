// The corpus: what people say (situations) and what every character answers (replies, exchanges, conversations, universal lines), as files in CHARACTERS_DIR.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Emotion } from './contract.ts';
import { readCardLines } from './corpus-card.ts';
import { type Row, readRows, refuse, refuseTwins } from './corpus-files.ts';
import { InferenceError } from './errors.ts';
import { type ActName, actNamed, actNames, faceOfAct } from './lines/acts.ts';
import { faceOf } from './lines/feelings.ts';
import { plainLines } from './lines/plain.ts';
import { type Topic, topicNames } from './lines/topics.ts';

export const EXPRESSIONS = [
  'neutral',
  'joy',
  'amusement',
  'caring',
  'sadness',
  'surprise',
  'anger',
  'curiosity',
  'pride',
  'embarrassment',
] as const;
export type Expression = (typeof EXPRESSIONS)[number];

export interface Corpus {
  situations: Situation[];
  /** By slug. */
  characters: Map<string, Character>;
}

/** Something people say, in several wordings, and the feeling it usually comes with. */
export interface Situation {
  id: string;
  emotion: Emotion;
  description: string;
  examples: string[];
  /** Of what is only said when a talk goes on: on which topics. It is none of the first messages. */
  after?: readonly Topic[] | undefined;
}

export interface Line {
  id: string;
  text: string;
  expression: Expression;
  /** Of a universal line for a feeling: what kind of message it fits; any where nothing is said. */
  fits?: Fits | undefined;
}

/**
 * `bare`: one that names the feeling alone, for the line asks what it is about. `told`: one that tells something, `small` an everyday thing only.
 * `big`: no everyday small thing.
 */
const fits = ['any', 'bare', 'told', 'small', 'big'] as const;
export type Fits = (typeof fits)[number];

export interface Character {
  slug: string;
  name: string;
  nickname: string;
  /** By situation, in the file's order: a short, a middle and a full reply. */
  replies: Map<string, Line[]>;
  dialogues: Dialogue[];
  /** Lines that fit any message of the emotion. Never fewer than three for an emotion: plain ones stand in. */
  feelings: Map<Emotion, Line[]>;
  /** Lines that perform an act. Never empty for an act: plain ones stand in. */
  acts: Map<ActName, Line[]>;
  /** Lines that fit any message about the topic. */
  topics: Map<Topic, Line[]>;
}

/** A talk that was written out: an exchange (one or two turns) or a whole conversation. */
export interface Dialogue {
  kind: 'exchange' | 'conversation';
  id: string;
  turns: DialogueTurn[];
}

export interface DialogueTurn {
  /** The answer's id as a line: what goes into `used`. */
  line: string;
  user: string;
  emotion: Emotion;
  answer: string;
  expression: Expression;
}

/** Rejects with `corpus_invalid` or `card_invalid`: the file, the line and the fix. */
export async function loadCorpus(charactersDir: string): Promise<Corpus> {
  const situations = await readSituations(charactersDir);
  const known = new Map(situations.map((situation) => [situation.id, situation]));
  const characters = new Map<string, Character>();
  for (const slug of await folders(charactersDir)) {
    const character = await readCharacter(join(charactersDir, slug), slug, known);
    if (character) characters.set(slug, character);
  }
  if (characters.size === 0)
    throw new InferenceError(
      'corpus_invalid',
      `${charactersDir} holds no character; put a folder with a card.json (Character Card V3) there`,
    );
  return { situations, characters };
}

/** Every text that is compared with a message, what the first replies need first: situations, then dialogues. */
export async function corpusTexts(charactersDir: string): Promise<string[]> {
  const corpus = await loadCorpus(charactersDir);
  return [...new Set([...situationTexts(corpus), ...dialogueTexts(corpus)])];
}

export function situationTexts({ situations }: Corpus): string[] {
  return situations.flatMap(({ description, examples }) => [description, ...examples]);
}

/** The openings of everybody before what follows them. */
export function dialogueTexts({ characters }: Corpus): string[] {
  const all = [...characters.values()].flatMap(({ dialogues }) => dialogues.map(({ turns }) => turns.map(({ user }) => user)));
  return [...all.flatMap((users) => users.slice(0, 1)), ...all.flatMap((users) => users.slice(1))];
}

const shippedDir = fileURLToPath(new URL('../../characters', import.meta.url));

const text = z.string().trim().min(1, 'must not be empty');
const Face = z.enum(EXPRESSIONS);
const SituationRow = z.object({
  id: text,
  emotion: Emotion,
  description: text,
  examples: z.array(text).min(1, 'needs at least one wording'),
  after: z.array(z.enum(topicNames), 'must be a list of topics').min(1).optional(),
});
const WordingRow = z.object({ situation: text, text });
const ReplyRow = z.object({ id: text, character: text.optional(), situation: text, expression: Face.default('neutral'), text });
const UserTurn = z.object({ role: z.literal('user'), text, emotion: Emotion.optional() });
const CharacterTurn = z.object({ role: z.literal('character'), text, expression: Face.optional() });
const DialogueRow = z.object({
  id: text,
  character: text.optional(),
  emotion: Emotion.optional(),
  turns: z.array(z.union([UserTurn, CharacterTurn], 'must be {"role":"user","text"} or {"role":"character","text"}')).min(2),
});
const UniversalRow = z
  .object({
    id: text,
    character: text.optional(),
    emotion: Emotion.optional(),
    act: text.optional(),
    topic: z.enum(topicNames).optional(),
    expression: Face.optional(),
    fits: z.enum(fits).optional(),
    text,
  })
  .refine(
    (row) => [row.emotion, row.act, row.topic].filter((one) => one !== undefined).length === 1,
    'needs an emotion, an act or a topic, and one only',
  )
  .refine(({ fits, emotion }) => fits === undefined || emotion !== undefined, 'has "fits", which only a line with an emotion may have');

async function folders(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((cause) => {
    throw new InferenceError('corpus_invalid', `${dir} cannot be read; CHARACTERS_DIR must name the folder of the characters`, { cause });
  });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort();
}

/** A folder of one's own without situations keeps what everybody says. */
async function readSituations(dir: string): Promise<Situation[]> {
  const own = await readRows(join(dir, 'situations.jsonl'), SituationRow);
  const from = own ? dir : shippedDir;
  const rows = own ?? (await readRows(join(from, 'situations.jsonl'), SituationRow)) ?? [];
  if (rows.length === 0)
    throw new InferenceError('corpus_invalid', `${join(from, 'situations.jsonl')} is missing or empty; restore it from the release`);
  refuseTwins(rows, ({ id }) => id, 'situation');
  if (rows.every(({ value }) => value.after))
    throw new InferenceError(
      'corpus_invalid',
      `${join(from, 'situations.jsonl')} only has situations that follow on a topic ("after"); a talk needs some that it can begin with`,
    );
  const more = (await readRows(join(from, 'wordings.jsonl'), WordingRow)) ?? [];
  const known = new Map(rows.map(({ value }) => [value.id, { ...value, examples: [...value.examples] }]));
  for (const { value, at } of more) {
    const situation = known.get(value.situation) ?? refuse(at, noSituation(value.situation));
    if (!situation.examples.includes(value.text)) situation.examples.push(value.text);
  }
  return [...known.values()];
}

function noSituation(id: string): string {
  return `there is no situation "${id}" in situations.jsonl; correct it or add it there`;
}

async function readCharacter(folder: string, slug: string, situations: ReadonlyMap<string, Situation>): Promise<Character | undefined> {
  const [card, replies, exchanges, conversations, universal] = await Promise.all([
    readCardLines(join(folder, 'card.json')),
    readRows(join(folder, 'situations.jsonl'), ReplyRow),
    readRows(join(folder, 'exchanges.jsonl'), DialogueRow),
    readRows(join(folder, 'conversations.jsonl'), DialogueRow),
    readRows(join(folder, 'universal.jsonl'), UniversalRow),
  ]);
  if (!card) {
    const lines = replies ?? exchanges ?? conversations ?? universal;
    if (lines?.[0]) refuse(`${folder}/card.json`, 'the folder has lines but no card; put a Character Card V3 there');
    return undefined;
  }
  const rows = [replies, exchanges, conversations, universal].flatMap(
    (list): Row<{ id: string; character?: string | undefined }>[] => list ?? [],
  );
  refuseTwins(rows, ({ id }) => id, 'line');
  for (const { value, at } of rows)
    if (value.character !== undefined && value.character !== slug)
      refuse(at, `the line is ${value.character}'s, but this is ${slug}'s folder; move it or correct "character"`);
  for (const { value, at } of replies ?? []) if (!situations.has(value.situation)) refuse(at, noSituation(value.situation));

  const written = [...dialogues('exchange', exchanges ?? []), ...dialogues('conversation', conversations ?? [])];
  const plain = plainLines(card.nickname);
  const own = universalLines(universal ?? []);
  const greetings = card.greetings.map((greeting, i): Line => ({ id: `${slug}-greeting-${i + 1}`, text: greeting, expression: 'neutral' }));
  if (!own.acts.has('greeting') && greetings.length > 0) own.acts.set('greeting', greetings);
  if (!own.acts.has('opening') && greetings.length > 0) own.acts.set('opening', greetings);
  return {
    slug,
    name: card.name,
    nickname: card.nickname,
    replies: group(replies ?? [], ({ situation }) => situation),
    dialogues: written.length > 0 ? written : cardDialogues(slug, card.pairs),
    feelings: new Map(Emotion.options.map((emotion) => [emotion, atLeastThree(own.feelings.get(emotion) ?? [], plain.feelings(emotion))])),
    acts: new Map(actNames.map((act) => [act, own.acts.get(act) ?? plain.acts(act)])),
    topics: own.topics,
  };
}

function group(rows: readonly Row<z.infer<typeof ReplyRow>>[], key: (row: z.infer<typeof ReplyRow>) => string): Map<string, Line[]> {
  const groups = new Map<string, Line[]>();
  for (const { value } of rows) {
    const line: Line = { id: value.id, text: value.text, expression: value.expression };
    groups.set(key(value), [...(groups.get(key(value)) ?? []), line]);
  }
  return groups;
}

/** A character with one line for a joy (out of a script, say) is not at a loss for words at the second. */
function atLeastThree(own: readonly Line[], plain: readonly Line[]): Line[] {
  return [...own, ...(own.length === 0 ? plain : plain.slice(0, Math.max(0, 3 - own.length)))];
}

function universalLines(rows: readonly Row<z.infer<typeof UniversalRow>>[]) {
  const feelings = new Map<Emotion, Line[]>();
  const acts = new Map<ActName, Line[]>();
  const topics = new Map<Topic, Line[]>();
  for (const { value, at } of rows) {
    const { id, text, expression, emotion, topic } = value;
    if (emotion) add(feelings, emotion, { id, text, expression: expression ?? faceOf(emotion), fits: value.fits });
    else if (topic) add(topics, topic, { id, text, expression: expression ?? 'neutral' });
    else {
      const act = actNamed(value.act as string) ?? refuse(at, `act "${value.act}" is not known; it must be one of ${actNames.join(', ')}`);
      add(acts, act, { id, text, expression: expression ?? faceOfAct(act) });
    }
  }
  return { feelings, acts, topics };
}

function add<Key>(groups: Map<Key, Line[]>, key: Key, line: Line): void {
  groups.set(key, [...(groups.get(key) ?? []), line]);
}

function dialogues(kind: Dialogue['kind'], rows: readonly Row<z.infer<typeof DialogueRow>>[]): Dialogue[] {
  return rows.map(({ value, at }) => ({ kind, id: value.id, turns: dialogueTurns(value, at) }));
}

/** The first answer of an exchange is the line with the exchange's own id; later ones carry their place. */
function dialogueTurns({ id, emotion, turns }: z.infer<typeof DialogueRow>, at: string): DialogueTurn[] {
  const found: DialogueTurn[] = [];
  for (let i = 0; i + 1 < turns.length; i += 2) {
    const [said, answered] = [turns[i], turns[i + 1]];
    if (said?.role !== 'user' || answered?.role !== 'character')
      return refuse(at, `turns ${i + 1} and ${i + 2} must be the user's, then the character's; put them in that order`);
    const felt = said.emotion ?? emotion ?? 'neutral';
    found.push({
      line: i === 0 ? id : `${id}-${i / 2 + 1}`,
      user: said.text,
      emotion: felt,
      answer: answered.text,
      expression: answered.expression ?? faceOf(felt),
    });
  }
  return found;
}

function cardDialogues(slug: string, pairs: readonly { user: string; character: string }[]): Dialogue[] {
  return pairs.map(({ user, character }, i) => {
    const id = `${slug}-example-${i + 1}`;
    return { kind: 'exchange', id, turns: [{ line: id, user, emotion: 'neutral', answer: character, expression: 'neutral' }] };
  });
}
