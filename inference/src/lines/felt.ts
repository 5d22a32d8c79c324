// What a message of everyday life feels like: the read's emotions (learnt from comments that name feelings) led over to messages that only tell what happened.
import { EMOTIONS, type Emotion } from '../contract.ts';
import { valence } from './feelings.ts';
import { stemOf, tokensOf } from './words.ts';

/** One row of weights for every emotion, over `[embedding × 4, log odds of the read's emotions ÷ 3, 1]` and then the words, each `spoken` where it occurs. */
export interface FeltWeights {
  dimensions: number;
  words: readonly string[];
  rows: Float32Array[];
}

export interface Felt {
  /** Sums to 1, in the order of EMOTIONS. */
  emotions: Float32Array;
  low: number;
  level: number;
  bright: number;
}

/** Without weights for the encoder, what was read is taken as it is. */
export function createFelt(weights: FeltWeights | null): (text: string, embedding: Float32Array, read: Float32Array) => Felt {
  if (!weights) return (_, __, read) => toneOf(shares(read));
  const places = new Map(weights.words.map((word, i) => [word, i]));
  return (text, embedding, read) => {
    const features = feltFeatures(embedding, read);
    const said = wordsFelt(text).flatMap((word) => places.get(word) ?? []);
    return toneOf(
      softmax(
        weights.rows.map((row) => dot(row, features) + said.reduce((sum, i) => sum + spoken * (row[features.length + i] as number), 0)),
      ),
    );
  };
}

/** What is told by its words alone: "hung up on me" lies where all telephone calls lie. Stems, pairs of neighbours, and faces; each once. */
export function wordsFelt(text: string): string[] {
  const stems = tokensOf(text).map(stemOf);
  const faces = text.match(/\p{Extended_Pictographic}/gu) ?? [];
  return [...new Set([...stems, ...stems.slice(1).map((stem, i) => `${stems[i]}_${stem}`), ...faces])];
}

/** What a word's feature is where it occurs. */
export const spoken = 1.5;

export function feltFeatures(embedding: Float32Array, read: Float32Array): Float32Array {
  const features = new Float32Array(embedding.length + read.length + 1);
  for (let i = 0; i < embedding.length; i++) features[i] = (embedding[i] as number) * 4;
  read.forEach((p, i) => {
    const sure = Math.min(0.9999, Math.max(0.0001, p));
    features[embedding.length + i] = Math.log(sure / (1 - sure)) / 3;
  });
  features[features.length - 1] = 1;
  return features;
}

export function toneOf(emotions: Float32Array): Felt {
  let [low, level, bright] = [0, 0, 0];
  EMOTIONS.forEach((label, i) => {
    const p = emotions[i] as number;
    const tone = toneOfLabel(label);
    if (tone === 'low') low += p;
    else if (tone === 'bright') bright += p;
    else level += p;
  });
  return { emotions, low, level, bright };
}

export type Tone = 'low' | 'level' | 'bright';

/**
 * What is felt, in agreement with which situations it may be: each errs in its own way. `shares` are the situations' likelihoods with their usual
 * feeling, the likeliest of them; the rest is spread evenly. A face in the text that has one tone alone speaks against the other. The powers are of a grid of thirty, chosen on
 * wordings kept apart, indirect messages and our own; `measure.ts` says what they are worth.
 */
export function agreed(felt: Felt, shares: readonly { share: number; emotion: Emotion }[], text: string): Felt {
  const rest = Math.max(0, 1 - shares.reduce((sum, { share }) => sum + share, 0)) / 3;
  const mass = { low: rest, level: rest, bright: rest };
  for (const { share, emotion } of shares) mass[toneOfLabel(emotion)] += share;
  const factor = (tone: Tone) => Math.max(0.01, felt[tone]) ** -0.4 * Math.max(0.02, mass[tone]) ** 0.3;
  const factors = { low: factor('low'), level: factor('level'), bright: factor('bright') };
  const face = Object.keys(faces).find((tone) => faces[tone as keyof typeof faces].test(text));
  if (face) factors[face === 'low' ? 'bright' : 'low'] *= against;
  const emotions = felt.emotions.map((p, i) => p * factors[toneOfLabel(EMOTIONS[i] as Emotion)]);
  const sum = emotions.reduce((a, b) => a + b, 0) || 1;
  return toneOf(emotions.map((p) => p / sum));
}

/** Faces of one tone alone. 🥹 "holds back tears", as the encoder reads it, of joy; 😭 may be either. */
const faces = { bright: /🎉|🥳|🥹|🥰|😍|🤩|💍|😄|😁|😊|🙌/u, low: /💔|😢|😞|😔|☹|😡|😤|🤬/u };
const against = 0.3;

export function toneOfLabel(label: Emotion): Tone {
  return valence[label] <= -0.4 ? 'low' : valence[label] >= 0.4 ? 'bright' : 'level';
}

/** int8 with a scale for each row, little-endian, base64. */
export function packRows(rows: readonly Float32Array[]): string {
  const bytes = Buffer.alloc(rows.length * (4 + (rows[0]?.length ?? 0)));
  let at = 0;
  for (const row of rows) {
    const scale = row.reduce((largest, w) => Math.max(largest, Math.abs(w)), 0) / 127 || 1;
    at = bytes.writeFloatLE(scale, at);
    for (const weight of row) at = bytes.writeInt8(Math.round(weight / scale), at);
  }
  return bytes.toString('base64');
}

export function unpackRows(base64: string, count: number, width: number): Float32Array[] {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length !== count * (4 + width)) throw new Error(`packed weights: ${bytes.length} bytes are not ${count} rows of ${width}`);
  return Array.from({ length: count }, (_, r) => {
    const from = r * (4 + width);
    const scale = bytes.readFloatLE(from);
    return Float32Array.from({ length: width }, (_, i) => bytes.readInt8(from + 4 + i) * scale);
  });
}

export function unpackFelt(base64: string, dimensions: number, words: readonly string[]): FeltWeights {
  return { dimensions, words, rows: unpackRows(base64, EMOTIONS.length, dimensions + EMOTIONS.length + 1 + words.length) };
}

export function softmax(scores: readonly number[]): Float32Array {
  const highest = Math.max(...scores);
  const powers = Float32Array.from(scores, (score) => Math.exp(score - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function shares(read: Float32Array): Float32Array {
  const sum = read.reduce((a, b) => a + b, 0) || 1;
  return read.map((p) => p / sum);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
