// What readers said of lines as answers to everyday messages, and those lines as they are weighed.
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { EMOTIONS, type Utterance } from '../contract.ts';
import type { Character, Corpus, Line } from '../corpus.ts';
import type { Bench } from './bench.ts';
import { beforeIn, type Listen } from './listen.ts';
import { featuresOf, linesByPurpose, type Purpose, type View } from './weigh.ts';

/** One talk with one character. Every turn: what was said, the marks of lines for it (0 wrong, 1 passable, 2 fits), and what was answered. */
interface MarkedTalk {
  character: string;
  turns: { text: string; said: string; marks: Record<string, 0 | 1 | 2> }[];
}

export interface Marked {
  view: View;
  lines: { line: Line; purpose: Purpose; mark: number; features: number[] }[];
  talk: number;
  /** Every fifth talk only measures. */
  part: 'tune' | 'test';
}

const isTest = (turns: MarkedTalk['turns']) => crc32((turns[0] as (typeof turns)[number]).text) % 5 === 0;

function markedTalks(): MarkedTalk[] {
  const lines = readFileSync(new URL('./answers.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line) as MarkedTalk);
}

/** First messages of talks that calibrate, with the situations a reply of which fits; `none` where none of those that were marked does. */
export function fittingSituations(corpus: Corpus): { text: string; accept: string[] }[] {
  const situationOf = new Map(
    [...corpus.characters.values()].flatMap(({ replies }) =>
      [...replies].flatMap(([id, lines]) => lines.map((line): [string, string] => [line.id, id])),
    ),
  );
  const accepted = new Map<string, Set<string>>();
  for (const { turns } of markedTalks().filter((talk) => !isTest(talk.turns))) {
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
  for (const [talk, { character: slug, turns }] of markedTalks().entries()) {
    const character = corpus.characters.get(slug);
    if (!character) continue;
    const known = linesOf(character);
    const history: Utterance[] = [];
    for (const { text, said, marks } of turns) {
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
        return found ? [{ ...found, mark, features: featuresOf(view, found.line, found.purpose) }] : [];
      });
      marked.push({ view, lines, talk, part: isTest(turns) ? 'test' : 'tune' });
      history.push({ role: 'user', text }, { role: 'character', text: said });
    }
  }
  return marked;
}

function linesOf(character: Character): Map<string, { line: Line; purpose: Purpose }> {
  return new Map(linesByPurpose(character).flatMap(([purpose, lines]) => lines.map((line) => [line.id, { line, purpose }] as const)));
}
