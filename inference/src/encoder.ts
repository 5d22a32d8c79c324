// The encoder port: one pass over a text gives its embedding and its 28 calibrated emotion scores.
import type { Emotion } from './contract.ts';

export interface Encoder {
  /** Version in the registry, `v1`. */
  readonly version: string;
  /** sha256 of the model file, hex. Whatever is derived from embeddings (vectors, classifiers) belongs to one checksum. */
  readonly checksum: string;
  readonly config: EncoderConfig;
  /**
   * Both lists run parallel to `texts`. The text step (emoji to words) and truncation to `maxTokens` happen inside: pass texts as they are written.
   * Rejects with the session's error when any of them fails; callers that must not share a failure ask one by one (batching joins them again).
   * `background` texts wait until no other text does.
   */
  encode(texts: readonly string[], options?: EncodeOptions): Promise<Encoded>;
}

export interface EncodeOptions {
  background?: boolean;
  signal?: AbortSignal;
}

export interface Encoded {
  /** `dimensions` numbers each, L2-normalised: a dot product is the cosine similarity. */
  embeddings: Float32Array[];
  /** Calibrated probabilities each, in the order of `config.labels`. */
  emotions: Float32Array[];
}

export interface EncoderConfig {
  /** In the order of the model's head. */
  labels: Emotion[];
  /** One per label, same order. */
  thresholds: number[];
  maxTokens: number;
  dimensions: number;
  sentiment: { positive: Emotion[]; negative: Emotion[]; ambiguous: Emotion[] };
}

/** Cosine similarity of two normalised embeddings, −1 .. 1. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** `Read.embedding` (base64 of little-endian float32) as numbers. */
export function decodeEmbedding(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  const numbers = new Float32Array(bytes.length / 4);
  for (let i = 0; i < numbers.length; i++) numbers[i] = bytes.readFloatLE(i * 4);
  return numbers;
}

export function encodeEmbedding(numbers: Float32Array): string {
  const bytes = Buffer.alloc(numbers.length * 4);
  for (let i = 0; i < numbers.length; i++) bytes.writeFloatLE(numbers[i] as number, i * 4);
  return bytes.toString('base64');
}
