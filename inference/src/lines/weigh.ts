// How well a line answers the message here, as readers judged thousands of lines for everyday messages (answers.jsonl): what weigh-fit.ts learned of it.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { EMOTIONS, type Emotion } from '../contract.ts';
import { type Character, EXPRESSIONS, type Line } from '../corpus.ts';
import type { Encoder } from '../encoder.ts';
import { type ActName, actNames } from './acts.ts';
import { asksWhatWasSaid } from './asked.ts';
import { affinity, groupOf } from './feelings.ts';
import { type Felt, toneOfLabel, unpackRows } from './felt.ts';
import { isQuestion, type Moment, suits } from './moment.ts';
import { featureNames, isVetoed, type Match, type Ranking } from './situations.ts';
import type { Talk } from './talk.ts';
import { lowTopics, type Topic, topicOf } from './topics.ts';

/** What a line is a line for. */
export type Purpose =
  | { of: 'situation'; id: string }
  | { of: 'feeling'; emotion: Emotion }
  | { of: 'act'; act: ActName }
  | { of: 'topic'; topic: Topic };

/** All that is known when a line is weighed. */
export interface View {
  moment: Moment;
  talk: Talk;
  /** Of the message, and of it together with the one before it; null at the beginning. */
  now: Ranking;
  joined: Ranking | null;
  /** What is felt in the message and the one before it together, and the embedding of both; of the message alone at the beginning. */
  together: Felt;
  meant: Float32Array;
  /** That the likeliest situation fits, 0 .. 1. */
  sure: number;
  /** Whether the message tells more than how one feels. */
  told: boolean;
}

/** What the features go into, the bias last: a linear sum, and a few units. */
const Layer = z.object({ linear: z.array(z.number()), hidden: z.array(z.array(z.number())) });
/** Logistic: slope and bias over the score. */
const Odds = z.tuple([z.number(), z.number()]);
const WeighingFile = z.object({
  encoder: z.string(),
  /** For lines of situations, and for all others; what both have units for is worth the same. */
  situations: Layer,
  others: Layer,
  out: z.array(z.number()),
  /** That a line of a score is not wrong, and that it fits well. */
  passes: Odds,
  fits: Odds,
  /** Of purposes with marks, by `keyOf`, apart by spaces; a row for each. */
  taught: z.object({ purposes: z.string(), dimensions: z.number().int(), rows: z.string() }),
  /** Of lines with marks, at the beginning and in a talk. */
  standing: z.object({ first: z.record(z.string(), z.number()), later: z.record(z.string(), z.number()) }),
});

/**
 * By a line's id, and by `keyOf` of its purpose, by how much readers marked it above (below: negative) what stood beside it, drawn to nothing where
 * they were few. Lines of one purpose differ: "Start wherever you like" is wrong four times of five where somebody is in the middle.
 */
export type Standing = z.infer<typeof WeighingFile>['standing'];

/** The direction in which messages lie that lines of a purpose answer well, L2-normalised or shorter. */
export type Taught = (purpose: Purpose) => Float32Array | undefined;

export interface Weighing extends Omit<z.infer<typeof WeighingFile>, 'encoder' | 'taught'> {
  taught: Taught;
}

export const weighingFile = fileURLToPath(new URL('./weighing.json', import.meta.url));

/**
 * Learned with one encoder. Most of what it knows is about shares and tones, and stands for another one as well; the directions do not: what that one
 * learned of the situations stands in.
 */
export async function readWeighing(
  { checksum, situations }: Pick<Encoder, 'checksum' | 'situations'>,
  file = weighingFile,
): Promise<Weighing> {
  const { encoder, taught, ...weights } = WeighingFile.parse(JSON.parse(await readFile(file, 'utf8')));
  const purposes = encoder === checksum && taught.purposes ? taught.purposes.split(' ') : [];
  const rows = purposes.length > 0 ? unpackRows(taught.rows, purposes.length, taught.dimensions) : [];
  return { ...weights, taught: taughtOf(new Map(purposes.map((key, i) => [key, rows[i] as Float32Array])), situations) };
}

export function taughtOf(directions: ReadonlyMap<string, Float32Array>, learned: Encoder['situations']): Taught {
  return (purpose) => directions.get(keyOf(purpose)) ?? (purpose.of === 'situation' ? learned?.get(purpose.id) : undefined);
}

export function keyOf(purpose: Purpose): string {
  const { of, ...named } = purpose;
  return `${of}:${Object.values(named)[0]}`;
}

/** Every line of a character that is a line for something; what dialogues have is not. */
export function linesByPurpose({ replies, feelings, acts, topics }: Character): [purpose: Purpose, lines: readonly Line[]][] {
  return [
    ...[...replies].map(([id, lines]): [Purpose, readonly Line[]] => [{ of: 'situation', id }, lines]),
    ...[...feelings].map(([emotion, lines]): [Purpose, readonly Line[]] => [{ of: 'feeling', emotion }, lines]),
    ...[...acts].map(([act, lines]): [Purpose, readonly Line[]] => [{ of: 'act', act }, lines]),
    ...[...topics].map(([topic, lines]): [Purpose, readonly Line[]] => [{ of: 'topic', topic }, lines]),
  ];
}

/** For lines of one purpose: what the expected mark is worth, 0 for wrong .. 1 for a reply of the situation that fits. */
export function weigher(weighing: Weighing, view: View, purpose: Purpose): (line: Weighed) => number {
  const { passes, fits } = weighing;
  const score = scorer(weighing, view, purpose);
  const more = purpose.of === 'situation' ? specific : 0;
  return (line) => {
    const scored = score(line) + more;
    return (chance(passes[0] * scored + passes[1]) + chance(fits[0] * scored + fits[1])) / 2;
  };
}

/** Higher is better among the lines for one message; what those of one purpose have in common is only added up once. */
function scorer({ situations, others, out, taught, standing }: Weighing, view: View, purpose: Purpose): (line: Weighed) => number {
  const layer = columnsOf(purpose.of === 'situation' ? situations : others);
  const common = [...taughtFeatures(view, taught(purpose)), ...messageFeatures(view), ...purposeFeatures(view, purpose)];
  const sums = added(new Float64Array(1 + out.length), layer, common, 0);
  return (line) => {
    const own = [...lineFeatures(view, line), ...standingOf(view, line, purpose, standing), 1];
    const [fitted, here] = [layer.length / sums.length, common.length + own.length];
    if (fitted !== here)
      throw new Error(
        `${weighingFile} weighs ${fitted} features of a line and the code counts ${here}; fit it anew: npx tsx inference/src/lines/weigh-fit.ts`,
      );
    return outputOf(added(sums.slice(), layer, own, common.length), out);
  };
}

/** Feature after feature, its weights of the linear sum and of every unit: most features of a row are zero. */
function columnsOf(layer: Weighing['situations']): Float64Array {
  const known = columns.get(layer);
  if (known) return known;
  const rows = [layer.linear, ...layer.hidden];
  const made = Float64Array.from({ length: layer.linear.length * rows.length }, (_, at) => {
    const [feature, row] = [Math.floor(at / rows.length), at % rows.length];
    return rows[row]?.[feature] as number;
  });
  columns.set(layer, made);
  return made;
}

const columns = new WeakMap<Weighing['situations'], Float64Array>();

/** `sums` itself, with what the features, which stand `from` there in the layer, add to it. */
function added(sums: Float64Array, layer: Float64Array, features: readonly number[], from: number): Float64Array {
  for (let i = 0; i < features.length; i++) {
    const value = features[i] as number;
    if (value === 0) continue;
    const at = (from + i) * sums.length;
    for (let j = 0; j < sums.length; j++) sums[j]! += value * (layer[at + j] as number);
  }
  return sums;
}

function outputOf(sums: Float64Array, out: readonly number[]): number {
  let score = sums[0] as number;
  for (let j = 0; j < out.length; j++) score += (out[j] as number) * Math.tanh(sums[j + 1] as number);
  return score;
}

/**
 * So much higher stands what is about the matter: of two lines that fit readers who compare whole answers take that one, and whole talks of lines that fit
 * anything tire them.
 */
const specific = 1.2;

type Weighed = Pick<Line, 'id' | 'text' | 'expression' | 'fits'>;

/** In a fixed order that depends on whether the line answers a situation; what is taught stands first, and last. */
export function featuresOf(view: View, line: Weighed, purpose: Purpose, direction?: Float32Array, standing = [0, 0]): number[] {
  return [
    ...taughtFeatures(view, direction),
    ...messageFeatures(view),
    ...purposeFeatures(view, purpose),
    ...lineFeatures(view, line),
    ...standing,
  ];
}

/** Of the line, and of all lines of its purpose. */
export function standingOf(
  { moment }: View,
  { id }: Pick<Line, 'id'>,
  purpose: Purpose,
  { first, later }: Standing,
): [own: number, all: number] {
  const known = moment.history.length === 0 ? first : later;
  return [known[id] ?? 0, known[keyOf(purpose)] ?? 0];
}

export function taughtFeatures({ moment, meant }: View, direction: Float32Array | undefined): [now: number, together: number] {
  return direction ? [dotOf(direction, moment.heard.embedding), dotOf(direction, meant)] : [0, 0];
}

function dotOf(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function purposeFeatures(view: View, purpose: Purpose): number[] {
  return purpose.of === 'situation' ? situationFeatures(view, purpose.id) : otherFeatures(view, purpose);
}

function chance(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds));
}

/** Counted once a turn. */
const counted = new WeakMap<View, number[]>();

function messageFeatures(view: View): number[] {
  const known = counted.get(view) ?? countedIn(view);
  counted.set(view, known);
  return known;
}

function countedIn({ moment, now, sure, together, told }: View): number[] {
  const { heard, lately, answering, words, history } = moment;
  const { felt, cues } = heard;
  return [
    felt.low,
    felt.bright,
    together.low,
    together.bright,
    Math.log(1 + words),
    +cues.question,
    +cues.negated,
    +cues.you,
    +cues.me,
    +cues.exclaims,
    +cues.request,
    +told,
    +answering,
    lately,
    Math.min(3, history.length / 2),
    sure,
    now.best[0]?.share ?? 0,
    ...turnFeatures(moment),
  ];
}

/** What the person does with this turn, and whether the one before it asked for something. */
function turnFeatures({ heard: { cues }, requested }: Moment): number[] {
  return [cues.plan, cues.leaving, cues.order, cues.otherwise, requested].map(Number);
}

function lineFeatures(view: View, { text, expression, fits }: Weighed): number[] {
  const { moment, told } = view;
  const asks = isQuestion(text);
  return [
    lengthOf(text),
    +asks,
    +(asks && moment.asked >= 2),
    +asksWhatWasSaid(text, moment.heard.text),
    suits(expression, moment.tone, false),
    +(told && fits === 'bare'),
    +(told && fits === 'told'),
    +(told && (fits === 'small' || fits === 'big')),
    +(!told && fits === 'told'),
    ...EXPRESSIONS.map((face) => +(face === expression)),
  ];
}

/** Log of how many words it has. */
function lengthOf(text: string): number {
  const known = lengths.get(text) ?? Math.log(text.split(/\s+/).length);
  if (lengths.size < 40_000) lengths.set(text, known);
  return known;
}

const lengths = new Map<string, number>();

function situationFeatures({ moment, talk, now, joined, together: both }: View, id: string): number[] {
  const match = now.of(id) as Match;
  const { felt, cues } = moment.heard;
  const tone = toneOfLabel(match.situation.emotion);
  const first = now.best[0] as Match;
  const at = (name: (typeof featureNames)[number]) => match.features[featureNames.indexOf(name)] as number;
  const topic = topicOf(id);
  const { after } = match.situation;
  const stays = talk.topic !== null && (after === undefined ? topic === talk.topic : after.includes(talk.topic));
  const low = talk.topic !== null && lowTopics.has(talk.topic);
  const mourns = talk.topic === 'loss' || talk.topic === 'pet-loss';
  const share = logOdds(match.share);
  const together = logOdds(((joined ?? now).of(id) as Match).share);
  return [
    share,
    Math.min(9, first.score - match.score),
    Math.max(-1, match.score / 10),
    match.astray,
    +match.isWording,
    +isVetoed(match),
    felt[tone],
    tone === 'low' ? felt.bright : tone === 'bright' ? felt.low : 0,
    both[tone],
    tone === 'low' ? both.bright : tone === 'bright' ? both.low : 0,
    +(tone === 'level'),
    ...situational.map(at),
    together,
    together - share,
    +(after !== undefined),
    // Answered already: only who asks for more of it wants it again.
    +(talk.situation === id),
    +(talk.situation === id && (cues.question || cues.order)),
    +(talk.situation === id && moment.requested),
    +stays,
    // A pastime is anything one does for pleasure: one says nothing of another.
    +(stays && topic === 'pastime'),
    +(low && !stays && tone !== 'low'),
    +(mourns && topic !== undefined && !stays),
    +(moment.lately < -0.3 && tone === 'bright'),
    +(match.situation.emotion === 'grief' && felt.low < 0.5),
    +(tone === 'level' && felt.low >= 0.6),
    +(cues.question && cues.you && !cues.me && at('you') < 0.4 && at('question') < 0.4),
    +(cues.question && cues.you && !cues.me && at('question') >= 0.7 && at('you') >= 0.7),
  ];
}

const situational = [
  'prototype',
  'learned',
  'nearest',
  'covered',
  'covering',
  'contrary',
  'feeling',
  'opposite',
  'negation',
  'question',
  'you',
  'me',
] as const satisfies readonly (typeof featureNames)[number][];

function otherFeatures({ moment, talk, together, told }: View, purpose: Purpose): number[] {
  const { felt, cues } = moment.heard;
  const emotion = purpose.of === 'feeling' ? purpose.emotion : null;
  const tone = emotion && toneOfLabel(emotion);
  const act = purpose.of === 'act' ? purpose.act : null;
  const sharesOf = (has: (label: Emotion) => number, { emotions } = felt) =>
    EMOTIONS.reduce((sum, label, i) => sum + has(label) * (emotions[i] as number), 0);
  const features = [
    +(emotion !== null),
    emotion ? sharesOf((label) => +(label === emotion)) : 0,
    emotion ? (moment.heard.read[EMOTIONS.indexOf(emotion)] as number) : 0,
    emotion ? sharesOf((label) => +(groupOf[label] === groupOf[emotion])) : 0,
    emotion ? sharesOf((label) => affinity(label, emotion)) : 0,
    emotion ? sharesOf((label) => +(groupOf[label] === groupOf[emotion]), together) : 0,
    emotion ? sharesOf((label) => affinity(label, emotion), together) : 0,
    tone ? together[tone] : 0,
    tone === 'low' ? together.bright : tone === 'bright' ? together.low : 0,
    tone ? felt[tone] : 0,
    tone === 'low' ? felt.bright : tone === 'bright' ? felt.low : 0,
    +(tone === 'level'),
    +(emotion === 'curiosity'),
    +(purpose.of === 'topic'),
    +(purpose.of === 'topic' && purpose.topic === talk.topic),
    +(keyOf(purpose) === talk.purpose),
    +(emotion !== null && emotion === moment.mood),
    tone === 'low' ? -moment.lately : tone === 'bright' ? moment.lately : 0,
  ];
  const byAct = [
    ...[1, felt.low, felt.bright, together.low, together.bright, +cues.question, +told],
    ...[+cues.you, +(moment.history.length > 0), ...turnFeatures(moment)],
  ];
  const acts = new Array<number>(actNames.length * byAct.length).fill(0);
  if (act)
    byAct.forEach((value, i) => {
      acts[actNames.indexOf(act) * byAct.length + i] = value;
    });
  return [...features, ...acts];
}

function logOdds(share: number): number {
  return Math.log(Math.max(share, 1e-4) / (1 - Math.min(share, 0.9999) + 1e-4));
}
