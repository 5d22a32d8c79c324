// What readers said of lines as answers to everyday messages, and those lines as they are weighed.
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { EMOTIONS, type Utterance } from '../contract.ts';
import type { Character, Corpus, Line } from '../corpus.ts';
import type { Bench } from './bench.ts';
import { beforeIn, type Listen } from './listen.ts';
import { featuresOf, linesByPurpose, type Purpose, type View } from './weigh.ts';

/**
 * One talk with one character. Every turn: what was said, the marks of lines for it (0 wrong, 1 passable, 2 fits), and what was answered. Where others read
 * them for that alone, those of the lines that a person who had understood would not say.
 */
interface MarkedTalk {
  character: string;
  turns: { text: string; said: string; marks: Record<string, 0 | 1 | 2>; absurd?: string[] }[];
}

export interface Marked {
  view: View;
  /** `absurd` is undefined where nobody read for it. */
  lines: { line: Line; purpose: Purpose; mark: number; absurd: boolean | undefined; features: Float32Array }[];
  talk: number;
  /** Every fifth talk only measures. */
  part: 'tune' | 'test';
  /** The encoder learned from its marks: it is surer here than it will be of what people write. */
  seen: boolean;
}

const isTest = (turns: MarkedTalk['turns']) => crc32((turns[0] as (typeof turns)[number]).text) % 5 === 0;

/** What the encoder learned from, too (training/datasets.yaml), and what it did not. */
const [learned, apart] = ['./answers.jsonl', './answers.apart.jsonl'];

function markedTalks(file: string): MarkedTalk[] {
  const lines = readFileSync(new URL(file, import.meta.url), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line) as MarkedTalk);
}

/**
 * First messages of talks that calibrate, with the situations a reply of which fits; `none` where none of those that were marked does. Of messages that
 * the encoder learned from it is surer than of any that people will write.
 */
export function fittingSituations(corpus: Corpus): { text: string; accept: string[] }[] {
  const situationOf = new Map(
    [...corpus.characters.values()].flatMap(({ replies }) =>
      [...replies].flatMap(([id, lines]) => lines.map((line): [string, string] => [line.id, id])),
    ),
  );
  const accepted = new Map<string, Set<string>>();
  for (const { turns } of markedTalks(apart).filter((talk) => !isTest(talk.turns))) {
    const { text, marks } = turns[0] as (typeof turns)[number];
    const fit = accepted.get(text) ?? new Set();
    for (const [line, mark] of Object.entries(marks)) {
      const situation = situationOf.get(line);
      if (situation && mark === 2) fit.add(situation);
    }
    accepted.set(text, fit);
  }
  return [...accepted].map(([text, fit]) => ({ text, accept: fit.size > 0 ? [...fit] : ['none'] }));
}

/** A line that is gone is left out. One that is written anew must get another id: its marks were another's. */
export async function markedAnswers({ corpus, read }: Bench, listen: Listen): Promise<Marked[]> {
  const marked: Marked[] = [];
  const talks = [learned, apart].flatMap((file) => markedTalks(file).map((talk) => ({ ...talk, learned: file === learned })));
  for (const [talk, { character: slug, turns, learned }] of talks.entries()) {
    const part = isTest(turns) ? 'test' : 'tune';
    const character = corpus.characters.get(slug);
    if (!character) continue;
    const known = linesOf(character);
    const history: Utterance[] = [];
    for (const { text, said, marks, absurd } of turns) {
      const before = beforeIn(history);
      const [message, earlier] = await read(before === undefined ? [text] : [text, before]);
      if (!message) continue;
      const view = listen(
        character,
        {
          turnId: text,
          text,
          grave: false,
          mood: { valence: 0, intensity: 0, label: 'neutral', turns: 0 },
          history: [...history],
          read: { emotions: EMOTIONS.map((label, i) => ({ label, score: message.emotions[i] as number })) },
        } as Parameters<Listen>[1],
        { message, before: earlier ?? null },
      );
      const lines = Object.entries(marks).flatMap(([id, mark]) => {
        const found = known.get(id);
        return found
          ? [{ ...found, mark, absurd: absurd?.includes(id), features: Float32Array.from(featuresOf(view, found.line, found.purpose)) }]
          : [];
      });
      // Of a talk the encoder is given the first message (training/prepare.py).
      marked.push({ view, lines, talk, part, seen: learned && part === 'tune' && history.length === 0 });
      history.push({ role: 'user', text }, { role: 'character', text: said });
    }
  }
  return marked;
}

function linesOf(character: Character): Map<string, { line: Line; purpose: Purpose }> {
  return new Map(linesByPurpose(character).flatMap(([purpose, lines]) => lines.map((line) => [line.id, { line, purpose }] as const)));
}
