// Which situation a message is: every situation against the message by meaning, words, form and feeling, and how far to trust the best of them.
import { EMOTIONS } from '../contract.ts';
import type { Situation } from '../corpus.ts';
import type { Calibration } from './calibration.ts';
import { type Cues, cuesOf } from './cues.ts';
import { affinities } from './feelings.ts';
import { type Felt, type Tone, toneOfLabel } from './felt.ts';
import { odds } from './fit.ts';
import { contrary, covered, covering, type Profile, profileOf, wordsOf } from './profile.ts';
import { rowsOf } from './rows.ts';
import type { Topic } from './topics.ts';
import { rarityIn, tokensOf } from './words.ts';

export interface Heard {
  text: string;
  /** L2-normalised. */
  embedding: Float32Array;
  /** What the encoder read, in the order of EMOTIONS. */
  read: Float32Array;
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
  /** Share of the others that come with another tone. */
  astray: number;
}

/** Every situation against one message. */
export interface Ranking {
  /** Best first, twelve. */
  best: readonly Match[];
  /** Of what is only said when a talk goes on, compared among itself: such messages are full of what first ones tell of. */
  later: readonly Match[];
  of(id: string): Match | undefined;
}

export interface SituationIndex {
  /** `topics`: of the talk that goes on; none at its beginning. */
  rank(heard: Heard, topics?: readonly Topic[]): Ranking;
  /** Whether a word occurs in any wording. */
  known(token: string): boolean;
  hear(text: string, embedding: Float32Array, read: Float32Array, felt: Felt): Heard;
}

/** What is compared, in the order of `Match.features` and of the calibration's weights. */
export const featureNames = [
  'prototype',
  'learned',
  'nearest',
  'three',
  'covered',
  'covering',
  'contrary',
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
export const trustNames = ['odds of the share', 'astray', 'score', 'prototype', 'nearest', 'contrary', 'opposite'] as const;

export function trustFeatures({ share, astray, score, features }: Match): number[] {
  return trustNames.map((name) => {
    if (name === 'odds of the share') return Math.log(share / (1 - share + 1e-4));
    if (name === 'astray') return astray;
    return name === 'score' ? score / 10 : (features[featureNames.indexOf(name)] as number);
  });
}

/** How sure it is that the best match fits, 0 .. 1. */
export function sureOf(best: Match, { trust }: Pick<Calibration, 'trust'>): number {
  return best.isWording ? 1 : odds(trust, trustFeatures(best)) * (isVetoed(best) ? 0.4 : 1);
}

/** The opposite of what is felt, or of what is said, is no match however near it is: rare in any list, it is what hurts most. */
export function isVetoed({ features }: Match): boolean {
  const at = (name: (typeof featureNames)[number]) => features[featureNames.indexOf(name)] as number;
  // Where the message denies what the situation affirms, a likely feeling is enough.
  return at('opposite') >= (at('negation') >= 0.5 ? 0.6 : 0.75) || at('contrary') >= 0.4;
}

/** So many situations are compared wording by wording. */
const looked = 48;

const none: ReadonlySet<number> = new Set();
/** Their shares among the wordings are compared with the message's, in the order of the features. */
const forms = ['negated', 'question', 'you', 'me'] as const;
const width = featureNames.length;
const exact = featureNames.indexOf('exact');

export interface IndexOptions {
  situations: readonly Situation[];
  /** Embeddings of `[description, ...examples]` of every situation, row after row. */
  vectors: Float32Array;
  dimensions: number;
  calibration: Calibration;
  /** By id, what the encoder was trained to tell the situations apart by; one of one's own, or a changed encoder, has none. */
  learned?: ReadonlyMap<string, Float32Array> | undefined;
}

export function createSituationIndex({ situations, vectors, dimensions, calibration, learned }: IndexOptions): SituationIndex {
  const profiles = situations.map(profileOf);
  const starts: number[] = [];
  let rows = 0;
  for (const { examples } of situations) {
    starts.push(rows);
    rows += 1 + examples.length;
  }
  const prototypes = prototypesOf(situations, starts, vectors, dimensions);
  const taught = Float32Array.from(prototypes);
  situations.forEach(({ id }, s) => void taught.set(learned?.get(id) ?? [], s * dimensions));
  const count = profiles.length;
  const compared = rowsOf([prototypes, taught, vectors], dimensions);
  const vocabulary = new Set(situations.flatMap(({ examples, description }) => [description, ...examples].flatMap(tokensOf)));
  const rarity = rarityIn(profiles.map(({ stems }) => stems));
  const weights = Float64Array.from(
    profiles.flatMap(({ wordings }) => wordings),
    (stems) => stems.reduce((sum, stem) => sum + rarity.of(stem), 0),
  );
  const feelings = situations.map(({ emotion }) => EMOTIONS.indexOf(emotion));
  const tones = situations.map(({ emotion }) => toneOfLabel(emotion));

  const worded = new Map<string, Set<number>>();
  profiles.forEach(({ plain }, s) => {
    for (const text of plain) worded.set(text, (worded.get(text) ?? new Set()).add(s));
  });
  const numbers = new Map(situations.map(({ id }, s) => [id, s]));
  const known = (token: string) => vocabulary.has(token);
  const usual = Float64Array.from(profiles.flatMap((profile) => forms.map((form) => profile[form])));
  const away = new Map<number, Float64Array>();
  /** How far each situation's nearest wording is from that length; messages have few different ones. */
  const lengthsTo = (length: number): Float64Array => {
    const found = away.get(length) ?? Float64Array.from(profiles, (profile) => nearest(profile.lengths, length));
    if (away.size < 200) away.set(length, found);
    return found;
  };

  /** The features of any situation; the row is another's with the next call. */
  const featuresOf = (heard: Heard): ((s: number) => Float32Array) => {
    const { embedding, cues, felt } = heard;
    const words = wordsOf(heard.text, cues, rarity);
    const fits = affinityTo(felt.emotions);
    const logs = { low: Math.log(0.05 + felt.low), level: Math.log(0.05 + felt.level), bright: Math.log(0.05 + felt.bright) };
    const whole = compared.dots(embedding, 0, 2 * count).slice();
    const same = worded.get(words.plain) ?? none;
    const said = forms.map((form) => +cues[form]);
    const lengths = lengthsTo(words.length);
    const fill = (row: Float32Array, s: number, isNear: boolean): Float32Array => {
      const profile = profiles[s] as Profile;
      const own = whole[s] as number;
      const from = 2 * count + (starts[s] as number);
      const { first, mean, at } = isNear
        ? bestThree(compared.dots(embedding, from, from + profile.wordings.length))
        : { first: own, mean: own, at: 0 };
      const tone = tones[s] as Tone;
      let put = 0;
      row[put++] = own;
      row[put++] = whole[count + s] as number;
      row[put++] = first;
      row[put++] = mean;
      row[put++] = isNear ? covered(words, profile) : 0;
      row[put++] = isNear ? covering(words, profile.wordings[at] as string[], weights[(starts[s] as number) + at] as number) : 0;
      row[put++] = isNear ? contrary(words, profile) : 0;
      row[put++] = fits[feelings[s] as number] as number;
      row[put++] = logs[tone];
      row[put++] = tone === 'low' ? felt.bright : tone === 'bright' ? felt.low : 0;
      for (let form = 0; form < forms.length; form++)
        row[put++] = Math.abs((said[form] as number) - (usual[s * forms.length + form] as number));
      row[put++] = lengths[s] as number;
      row[put++] = same.has(s) ? 1 : 0;
      return row;
    };
    // Wordings and words are only looked at where the situation as a whole is near: the rest cannot win and would cost most of the time.
    const near = new Map(highest(whole.subarray(0, count), looked).map((s) => [s, fill(new Float32Array(width), s, true)]));
    const far = new Float32Array(width);
    return (s) => near.get(s) ?? fill(far, s, false);
  };

  return {
    known,
    hear: (text, embedding, read, felt) => ({ text, embedding, read, felt, cues: cuesOf(text, known) }),
    rank(heard, topics = []) {
      const features = featuresOf(heard);
      // Faces without a word are compared among themselves: in words they would be a party or a tear, and "three hearts" a kiss.
      const wordless = heard.cues.form === 'emoji';
      const scoreAt = (s: number) => {
        const { wordless: faces } = profiles[s] as Profile;
        const row = features(s);
        const another = wordless ? faces < 0.3 : faces >= 0.6 && row[exact] === 0;
        return another ? Number.NEGATIVE_INFINITY : scoreOf(row, calibration.weights);
      };
      const among = (has: (situation: Situation) => boolean) => {
        const scores = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
        for (let s = 0; s < count; s++) if (has(situations[s] as Situation)) scores[s] = scoreAt(s);
        const most = scores.reduce((top, score) => Math.max(top, score), Number.NEGATIVE_INFINITY);
        const sum = scores.reduce((total, score) => total + Math.exp(score - most), 0);
        const shareOf = (s: number) => Math.exp((scores[s] as number) - most) / sum;
        const rivals = highest(scores, 12).filter((s) => shareOf(s) > 0);
        const matchOf = (s: number): Match => {
          const astray = rivals.reduce((sum, rival) => sum + (tones[rival] === tones[s] ? 0 : shareOf(rival)), 0);
          const row = features(s).slice();
          return {
            situation: situations[s] as Situation,
            score: scores[s] as number,
            share: shareOf(s),
            features: row,
            isWording: row[exact] === 1,
            astray,
          };
        };
        return { best: rivals.map(matchOf), matchOf };
      };
      const { best, matchOf } = among(({ after }) => after === undefined);
      const later = topics.length > 0 ? among((situation) => isOpen(situation, topics)).best : [];
      return {
        best,
        later,
        of(id) {
          const s = numbers.get(id);
          return s === undefined ? undefined : ([...best, ...later].find(({ situation }) => situation.id === id) ?? matchOf(s));
        },
      };
    },
  };
}

/** Where the highest scores stand, so many at most, the highest first; of equal ones the first. */
function highest(scores: ArrayLike<number>, most: number): number[] {
  const found: number[] = [];
  for (let s = 0; s < scores.length; s++) {
    const score = scores[s] as number;
    if (found.length === most && score <= (scores[found[most - 1] as number] as number)) continue;
    let at = found.length < most ? found.length : most - 1;
    for (; at > 0 && (scores[found[at - 1] as number] as number) < score; at--) found[at] = found[at - 1] as number;
    found[at] = s;
  }
  return found;
}

function isOpen({ after }: Situation, topics: readonly Topic[]): boolean {
  return after?.some((topic) => topics.includes(topic)) ?? false;
}

export function scoreOf(features: Float32Array, weights: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += (weights[i] as number) * (features[i] as number);
  return sum;
}

/** How far the nearest of them is. */
function nearest(numbers: readonly number[], to: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (const number of numbers) least = Math.min(least, Math.abs(number - to));
  return least;
}

/** Expected affinity of what is felt to every label. */
function affinityTo(emotions: Float32Array): Float32Array {
  const total = emotions.reduce((sum, p) => sum + p, 0) || 1;
  return Float32Array.from(affinities, (row) => row.reduce((sum, near, i) => sum + near * (emotions[i] as number), 0) / total);
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

/** The highest similarity and where it is, and the mean of the three highest; with fewer the last one counts again. */
function bestThree(similarities: Float32Array): { first: number; mean: number; at: number } {
  let first = -1;
  let second = -1;
  let third = -1;
  let at = 0;
  for (let i = 0; i < similarities.length; i++) {
    const similarity = similarities[i] as number;
    if (similarity > first) {
      third = second;
      second = first;
      first = similarity;
      at = i;
    } else if (similarity > second) {
      third = second;
      second = similarity;
    } else if (similarity > third) third = similarity;
  }
  if (second < 0) second = first;
  if (third < 0) third = second;
  return { first, mean: (first + second + third) / 3, at };
}
