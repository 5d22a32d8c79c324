// Which situation a message is: every situation against the message by meaning, words, form and feeling, and how far to trust the best of them.
import { EMOTIONS } from '../contract.ts';
import type { Situation } from '../corpus.ts';
import type { Calibration } from './calibration.ts';
import { type Cues, cuesOf } from './cues.ts';
import { affinities } from './feelings.ts';
import { type Felt, type Tone, toneOfLabel } from './felt.ts';
import { plainOf, type Rarity, rarityIn, stemsOf, tokensOf } from './words.ts';

export interface Heard {
  text: string;
  /** L2-normalised. */
  embedding: Float32Array;
  felt: Felt;
  cues: Cues;
}

export interface Match {
  situation: Situation;
  /** Likelihood that it is the one, among all; sums to 1 over the matches and the rest. */
  share: number;
  /** Before the share: a weighted sum of the features. */
  score: number;
  features: Float32Array;
  /** The message is one of its wordings, letter for letter but for spelling. */
  isWording: boolean;
}

export interface SituationIndex {
  named(id: string): { situation: Situation } | undefined;
  /** Best first, at most `top`. */
  rank(heard: Heard, top?: number): Match[];
  /** Whether a word occurs in any wording. */
  known(token: string): boolean;
  hear(text: string, embedding: Float32Array, felt: Felt): Heard;
}

/** What is compared, in the order of `Match.features` and of the calibration's weights. */
export const featureNames = [
  'prototype',
  'nearest',
  'three',
  'covered',
  'covering',
  'feeling',
  'tone',
  'opposite',
  'negation',
  'question',
  'you',
  'me',
  'length',
  'exact',
] as const;

/** What tells whether the best match is to be trusted, in the order of the calibration's trust weights. */
export const trustNames = ['share', 'prototype', 'nearest', 'covered', 'tone'] as const;

export function trustFeatures(best: Match): number[] {
  const at = (name: (typeof featureNames)[number]) => best.features[featureNames.indexOf(name)] as number;
  return [Math.log(best.share / (1 - best.share + 1e-4)), at('prototype'), at('nearest'), at('covered'), at('tone')];
}

const exact = featureNames.indexOf('exact');

export interface IndexOptions {
  situations: readonly Situation[];
  /** Embeddings of `[description, ...examples]` of every situation, row after row. */
  vectors: Float32Array;
  dimensions: number;
  calibration: Calibration;
}

export function createSituationIndex({ situations, vectors, dimensions, calibration }: IndexOptions): SituationIndex {
  const entries = situations.map((situation) => entryOf(situation));
  const starts: number[] = [];
  let rows = 0;
  for (const { examples } of situations) {
    starts.push(rows);
    rows += 1 + examples.length;
  }
  const prototypes = prototypesOf(situations, starts, vectors, dimensions);
  const vocabulary = new Set(situations.flatMap(({ examples, description }) => [description, ...examples].flatMap(tokensOf)));
  const rarity = rarityIn(entries.map(({ stems }) => stems));
  const feelings = situations.map(({ emotion }) => EMOTIONS.indexOf(emotion));
  const tones = situations.map(({ emotion }) => toneOfLabel(emotion));

  const known = (token: string) => vocabulary.has(token);

  const features = (heard: Heard): Float32Array[] => {
    const { embedding, cues, felt } = heard;
    const plain = plainOf(heard.text);
    const stems = stemsOf(cues.tokens);
    const weights = stems.map((stem) => rarity.of(stem));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const length = Math.log(1 + cues.tokens.length);
    const fits = affinityTo(felt.emotions);
    return entries.map((entry, s) => {
      const from = starts[s] as number;
      const count = entry.lengths.length + 1;
      const [first, second, third, at] = bestThree(embedding, vectors, from, count, dimensions);
      const covered = total > 0 ? stems.reduce((sum, stem, i) => sum + (entry.stems.has(stem) ? (weights[i] as number) : 0), 0) / total : 0;
      const emotion = feelings[s] as number;
      const tone = tones[s] as Tone;
      return Float32Array.of(
        dotAt(embedding, prototypes, s, dimensions),
        first,
        (first + second + third) / 3,
        covered,
        coveringOf(stems, entry, at, rarity),
        fits[emotion] as number,
        Math.log(0.05 + felt[tone]),
        tone === 'low' ? felt.bright : tone === 'bright' ? felt.low : 0,
        Math.abs((cues.negated ? 1 : 0) - entry.negated),
        Math.abs((cues.question ? 1 : 0) - entry.question),
        Math.abs((cues.you ? 1 : 0) - entry.you),
        Math.abs((cues.me ? 1 : 0) - entry.me),
        Math.min(...entry.lengths.map((other) => Math.abs(other - length))),
        entry.plain.has(plain) ? 1 : 0,
      );
    });
  };

  return {
    named: (id) => situations.filter((situation) => situation.id === id).map((situation) => ({ situation }))[0],
    known,
    hear: (text, embedding, felt) => ({ text, embedding, felt, cues: cuesOf(text, known) }),
    rank(heard, top = 12) {
      const all = features(heard);
      const scores = all.map((values) => scoreOf(values, calibration.weights));
      const highest = Math.max(...scores);
      const sum = scores.reduce((total, score) => total + Math.exp(score - highest), 0);
      return scores
        .map(
          (score, s): Match => ({
            situation: situations[s] as Situation,
            score,
            share: Math.exp(score - highest) / sum,
            features: all[s] as Float32Array,
            isWording: (all[s] as Float32Array)[exact] === 1,
          }),
        )
        .sort((a, b) => b.score - a.score)
        .slice(0, top);
    },
  };
}

export function scoreOf(features: Float32Array, weights: readonly number[]): number {
  return weights.reduce((sum, weight, i) => sum + weight * (features[i] as number), 0);
}

/** Expected affinity of what is felt to every label. */
function affinityTo(emotions: Float32Array): Float32Array {
  const total = emotions.reduce((sum, p) => sum + p, 0) || 1;
  return Float32Array.from(affinities, (row) => row.reduce((sum, near, i) => sum + near * (emotions[i] as number), 0) / total);
}

interface Entry {
  /** Log lengths of the wordings in words. */
  lengths: number[];
  stems: ReadonlySet<string>;
  wordings: ReadonlySet<string>[];
  plain: ReadonlySet<string>;
  /** Shares of the wordings. */
  negated: number;
  question: number;
  you: number;
  me: number;
}

function entryOf({ description, examples }: Situation): Entry {
  const cues = examples.map((example) => cuesOf(example, () => true));
  const share = (has: (c: Cues) => boolean) => cues.filter(has).length / cues.length;
  const wordings = [description, ...examples].map((text) => new Set(stemsOf(tokensOf(text))));
  return {
    lengths: cues.map(({ tokens }) => Math.log(1 + tokens.length)),
    stems: new Set(wordings.flatMap((stems) => [...stems])),
    wordings,
    plain: new Set(examples.map(plainOf)),
    negated: share((c) => c.negated),
    question: share((c) => c.question),
    you: share((c) => c.you),
    me: share((c) => c.me),
  };
}

/** How much of the nearest wording the message says. */
function coveringOf(stems: readonly string[], entry: Entry, at: number, rarity: Rarity): number {
  const wording = entry.wordings[at] as ReadonlySet<string>;
  let all = 0;
  let said = 0;
  for (const stem of wording) {
    const weight = rarity.of(stem);
    all += weight;
    if (stems.includes(stem)) said += weight;
  }
  return all > 0 ? said / all : 0;
}

/** Of the normalised rows, so that a long wording weighs as much as a short one. */
function prototypesOf(
  situations: readonly Situation[],
  starts: readonly number[],
  vectors: Float32Array,
  dimensions: number,
): Float32Array {
  const prototypes = new Float32Array(situations.length * dimensions);
  situations.forEach(({ examples }, s) => {
    const from = starts[s] as number;
    for (let row = from; row <= from + examples.length; row++)
      for (let i = 0; i < dimensions; i++) prototypes[s * dimensions + i]! += vectors[row * dimensions + i] as number;
    const own = prototypes.subarray(s * dimensions, (s + 1) * dimensions);
    const norm = Math.hypot(...own) || 1;
    for (let i = 0; i < dimensions; i++) own[i]! /= norm;
  });
  return prototypes;
}

function dotAt(embedding: Float32Array, matrix: Float32Array, row: number, dimensions: number): number {
  let sum = 0;
  for (let i = 0, at = row * dimensions; i < dimensions; i++, at++) sum += (embedding[i] as number) * (matrix[at] as number);
  return sum;
}

/** The three nearest similarities (the last repeated where there are fewer), and which text is the nearest. */
function bestThree(
  embedding: Float32Array,
  matrix: Float32Array,
  from: number,
  count: number,
  dimensions: number,
): [first: number, second: number, third: number, at: number] {
  let [first, second, third, at] = [-1, -1, -1, 0];
  for (let i = 0; i < count; i++) {
    const similarity = dotAt(embedding, matrix, from + i, dimensions);
    if (similarity > first) [first, second, third, at] = [similarity, first, second, i];
    else if (similarity > second) [second, third] = [similarity, second];
    else if (similarity > third) third = similarity;
  }
  if (second < 0) second = first;
  if (third < 0) third = second;
  return [first, second, third, at];
}
