// A situation's wordings by their words and forms, and how a message compares with them where no embedding can tell: what is denied, asked, left out.
import type { Situation } from '../corpus.ts';
import { type Cues, cuesOf } from './cues.ts';
import { plainOf, type Rarity, stemsOf, tokensOf } from './words.ts';

export interface Profile {
  /** Log lengths of the wordings in words, each once. */
  lengths: number[];
  stems: ReadonlySet<string>;
  /** Stems of each, the description first. */
  wordings: string[][];
  /** Stems that some wording denies, and that some wording says without denying. */
  denied: ReadonlySet<string>;
  affirmed: ReadonlySet<string>;
  plain: ReadonlySet<string>;
  /** Shares of the wordings. */
  wordless: number;
  negated: number;
  question: number;
  you: number;
  me: number;
}

/** A message as it is compared: its telling stems and what each says. */
export interface Words {
  plain: string;
  stems: string[];
  weights: number[];
  total: number;
  denied: ReadonlySet<string>;
  length: number;
  cues: Cues;
}

export function profileOf({ description, examples }: Situation): Profile {
  const cues = examples.map((example) => cuesOf(example, () => true));
  const share = (has: (c: Cues) => boolean) => cues.filter(has).length / cues.length;
  const wordings = [description, ...examples].map((text) => stemsOf(tokensOf(text)));
  const said = cues.map(({ tokens }) => ({ stems: stemsOf(tokens), denied: deniedIn(tokens) }));
  return {
    lengths: [...new Set(cues.map(({ tokens }) => Math.log(1 + tokens.length)))],
    stems: new Set(wordings.flat()),
    wordings,
    denied: new Set(said.flatMap(({ denied }) => [...denied])),
    affirmed: new Set(said.flatMap(({ stems, denied }) => stems.filter((stem) => !denied.has(stem)))),
    plain: new Set(examples.map(plainOf)),
    wordless: share((c) => c.form === 'emoji'),
    negated: share((c) => c.negated),
    question: share((c) => c.question),
    you: share((c) => c.you),
    me: share((c) => c.me),
  };
}

export function wordsOf(text: string, cues: Cues, rarity: Rarity): Words {
  const stems = stemsOf(cues.tokens);
  const weights = stems.map((stem) => rarity.of(stem));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return { plain: plainOf(text), stems, weights, total, denied: deniedIn(cues.tokens), length: Math.log(1 + cues.tokens.length), cues };
}

/** How much of the message occurs in the situation at all, 0 .. 1. */
export function covered(words: Words, profile: Profile): number {
  return weighed(words, (stem) => profile.stems.has(stem));
}

/** How much of the message says the opposite of the situation: denies what it says, or says what it denies. */
export function contrary(words: Words, { denied, affirmed }: Profile): number {
  return weighed(words, (stem) =>
    words.denied.has(stem) ? affirmed.has(stem) && !denied.has(stem) : denied.has(stem) && !affirmed.has(stem),
  );
}

/** How much of its nearest wording, whose stems weigh `all`, the message says. */
export function covering({ stems, weights }: Words, wording: readonly string[], all: number): number {
  if (all === 0) return 0;
  let said = 0;
  for (let i = 0; i < stems.length; i++) if (wording.includes(stems[i] as string)) said += weights[i] as number;
  return said / all;
}

/** Stems within the reach of a "not": the three telling words after it, and the one before "anymore". */
export function deniedIn(tokens: readonly string[]): Set<string> {
  const denied = new Set<string>();
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as string;
    if (lapsed.has(token)) for (const stem of stemsOf(tokens.slice(Math.max(0, i - 3), i))) denied.add(stem);
    if (!deniers.has(token) || ends.has(tokens[i + 1] ?? '')) continue;
    const reach = tokens.slice(i + 1, i + 6);
    const end = reach.findIndex((next) => turns.has(next));
    for (const stem of stemsOf(end < 0 ? reach : reach.slice(0, end)).slice(0, 3)) denied.add(stem);
  }
  return denied;
}

export const deniers: ReadonlySet<string> = new Set(
  'no not never nobody none nothing neither cant cannot dont didnt doesnt isnt wasnt werent arent wont wouldnt couldnt havent hasnt hadnt aint without hardly barely stopped'.split(
    ' ',
  ),
);
/** "Won't stop raining" and "can't wait" deny nothing. */
const ends = new Set(['stop', 'stopped', 'quit', 'end', 'only', 'just', 'wait']);
const lapsed = new Set(['anymore', 'cancelled', 'canceled']);
const turns = new Set(['but', 'and', 'because', 'so', 'though', 'until', 'when', 'while', 'since', 'if']);

function weighed({ stems, weights, total }: Words, counts: (stem: string) => boolean): number {
  if (total === 0) return 0;
  let sum = 0;
  for (let i = 0; i < stems.length; i++) if (counts(stems[i] as string)) sum += weights[i] as number;
  return sum / total;
}
