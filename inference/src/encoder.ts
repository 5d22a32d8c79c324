// The encoder port: one pass over a text gives its embedding and its 28 calibrated emotion scores.
import type { Emotion, SafetyScore } from './contract.ts';

export interface Encoder {
  /** Version in the registry, `v1`. */
  readonly version: string;
  /** sha256 of the model file, hex. Whatever is derived from embeddings (vectors, classifiers) belongs to one checksum. */
  readonly checksum: string;
  readonly config: EncoderConfig;
  /** Unit vectors by situation id: what it was trained to tell the troupe's situations apart by. */
  readonly situations?: ReadonlyMap<string, Float32Array> | undefined;
  /**
   * Both lists run parallel to `texts`. The text step (emoji to words) and truncation to `maxTokens` happen inside: pass texts as they are written.
   * Rejects with the session's error when any of them fails; callers that must not share a failure ask one by one (batching joins them again).
   * `background` texts wait until no other text does, and run alone: int8 scales its activations over a whole batch, so that a text's numbers move
   * with its company (cosine about 0.99); what is kept for good is encoded as an idle system would.
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
  /** Calibrated probabilities each, in the order of `config.safety.labels`; absent where the model has no such heads. */
  safety?: Float32Array[];
}

export interface EncoderConfig {
  /** In the order of the model's head. */
  labels: Emotion[];
  /** One per label, same order. */
  thresholds: number[];
  maxTokens: number;
  dimensions: number;
  sentiment: { positive: Emotion[]; negative: Emotion[]; ambiguous: Emotion[] };
  /** `thresholds`: from where a label is likely; `certain`: from where it is acted upon. In the order of the head. */
  safety?: { labels: SafetyScore['label'][]; thresholds: number[]; certain: number[] } | undefined;
}

/** Cosine similarity of two normalised embeddings, −1 .. 1. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  // Two sums side by side: one would wait for each addition.
  let even = 0;
  let odd = 0;
  let i = 0;
  for (; i + 1 < a.length; i += 2) {
    even += (a[i] as number) * (b[i] as number);
    odd += (a[i + 1] as number) * (b[i + 1] as number);
  }
  if (i < a.length) even += (a[i] as number) * (b[i] as number);
  return even + odd;
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
