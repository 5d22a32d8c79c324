// Embeddings of texts that do not change (the corpus' lines), keyed by the text, for one encoder.
import type { Logger } from 'pino';
import type { Encoder } from './encoder.ts';

export interface Vectors {
  readonly dimensions: number;
  has(text: string): boolean;
  /** The text's embedding (L2-normalised within int8's rounding), or undefined while it is not known. Never encodes. */
  get(text: string): Float32Array | undefined;
  /** Row after row in the order of `texts`; a row that is not known is zeros. */
  matrix(texts: readonly string[]): Float32Array;
  /**
   * Resolves when every text is known. What is missing is encoded in the background, in the order given, and kept in the cache folder;
   * calls queue up behind one another. Rejects with the encoder's error or the signal's reason; what was encoded until then stays.
   */
  fill(texts: readonly string[], options?: { progress?: (done: number, total: number) => void; signal?: AbortSignal }): Promise<void>;
}

export interface VectorsOptions {
  encoder: Encoder;
  /** The file that ships beside the model; a missing one or one of another encoder is ignored and said in the log. */
  shippedFile: string;
  /** Where what was encoded here is kept, a file per encoder. */
  cacheDir: string;
  log: Logger;
}

export async function openVectors(_options: VectorsOptions): Promise<Vectors> {
  throw new Error('not written yet');
}
