// Embeddings of texts that do not change (the corpus' lines), keyed by the text, for one encoder.
//
// File: header of 48 bytes ('TRPV', u32 format, u32 dimensions, u32 zero, 32 bytes sha256 of the encoder's model file), then rows:
// 8 bytes of the text's sha256, f32 scale, `dimensions` int8; number = int8 × scale. Little-endian; a row cut short at the end is ignored.
import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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
  fill(texts: readonly string[], options?: FillOptions): Promise<void>;
}

export interface FillOptions {
  /** Counts the texts that were missing. */
  progress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

export interface VectorsOptions {
  encoder: Encoder;
  /** The file that ships beside the model; a missing one or one of another encoder is ignored and said in the log. */
  shippedFile: string;
  /** Where what was encoded here is kept, a file per encoder. */
  cacheDir: string;
  log: Logger;
}

export async function openVectors({ encoder, shippedFile, cacheDir, log }: VectorsOptions): Promise<Vectors> {
  const { dimensions } = encoder.config;
  const cacheFile = join(cacheDir, `${encoder.checksum.slice(0, 16)}.vectors`);
  const rows = new Map<string, Buffer>();
  for (const file of [shippedFile, cacheFile]) {
    const found = await readRows(file, encoder);
    if (typeof found === 'string') log.info({ file, why: found }, 'no vectors from this file; what is missing is encoded here');
    else for (const row of found) rows.set(row.toString('latin1', 0, keyBytes), row);
  }
  let cacheWorks = true;
  let prepared: Promise<void> | undefined;
  let last: Promise<void> = Promise.resolve();

  const remember = async (fresh: Buffer[]): Promise<void> => {
    for (const row of fresh) rows.set(row.toString('latin1', 0, keyBytes), row);
    if (!cacheWorks) return;
    try {
      prepared ??= prepareCache(cacheFile, encoder);
      await prepared;
      await appendFile(cacheFile, Buffer.concat(fresh));
    } catch (error) {
      cacheWorks = false;
      log.warn({ err: error, cacheFile }, 'vectors cannot be kept; they are encoded again at the next start');
    }
  };

  /** One chunk at a time, in turns: a few texts do not wait for the thousands that somebody else has asked for. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };

  const read = (text: string, into: Float32Array, offset: number): boolean => {
    const row = rows.get(keyOf(text));
    if (!row) return false;
    const scale = row.readFloatLE(keyBytes);
    for (let i = 0; i < dimensions; i++) into[offset + i] = row.readInt8(keyBytes + 4 + i) * scale;
    return true;
  };

  return {
    dimensions,
    has: (text) => rows.has(keyOf(text)),
    get(text) {
      const numbers = new Float32Array(dimensions);
      return read(text, numbers, 0) ? numbers : undefined;
    },
    matrix(texts) {
      const numbers = new Float32Array(texts.length * dimensions);
      texts.forEach((text, i) => void read(text, numbers, i * dimensions));
      return numbers;
    },
    async fill(texts, { progress, signal } = {}) {
      const wanted = [...new Set(texts)].filter((text) => !rows.has(keyOf(text)));
      for (let done = 0; done < wanted.length; done += chunk)
        await inTurn(async () => {
          const part = wanted.slice(done, done + chunk);
          const missing = part.filter((text) => !rows.has(keyOf(text)));
          if (missing.length > 0) {
            const { embeddings } = await encoder.encode(missing, { background: true, ...(signal ? { signal } : {}) });
            await remember(missing.map((text, i) => toRow(text, embeddings[i] as Float32Array)));
          }
          progress?.(done + part.length, wanted.length);
        });
    },
  };
}

/** Writes the file that ships with an encoder, sorted, so that the same texts give the same bytes wherever the encoder does. */
export async function writeVectors(
  file: string,
  encoder: Encoder,
  texts: readonly string[],
  progress?: FillOptions['progress'],
): Promise<number> {
  const unique = [...new Set(texts)];
  const rows: Buffer[] = [];
  for (let done = 0; done < unique.length; done += chunk) {
    const part = unique.slice(done, done + chunk);
    const { embeddings } = await encoder.encode(part, { background: true });
    rows.push(...part.map((text, i) => toRow(text, embeddings[i] as Float32Array)));
    progress?.(rows.length, unique.length);
  }
  rows.sort(Buffer.compare);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, Buffer.concat([header(encoder), ...rows]));
  await rename(`${file}.new`, file);
  return rows.length;
}

const format = 1;
const headerBytes = 48;
const keyBytes = 8;
const chunk = 64;

function keyOf(text: string): string {
  return createHash('sha256').update(text).digest().toString('latin1', 0, keyBytes);
}

function header({ checksum, config }: Encoder): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.write('TRPV', 0, 'latin1');
  bytes.writeUInt32LE(format, 4);
  bytes.writeUInt32LE(config.dimensions, 8);
  Buffer.from(checksum, 'hex').copy(bytes, 16);
  return bytes;
}

function toRow(text: string, embedding: Float32Array): Buffer {
  const row = Buffer.alloc(keyBytes + 4 + embedding.length);
  const scale = embedding.reduce((largest, n) => Math.max(largest, Math.abs(n)), 0) / 127 || 1;
  row.write(keyOf(text), 0, 'latin1');
  row.writeFloatLE(scale, keyBytes);
  embedding.forEach((n, i) => void row.writeInt8(Math.round(n / scale), keyBytes + 4 + i));
  return row;
}

/** Leaves a file whose length is whole rows, empty where it was none of this encoder's. */
async function prepareCache(file: string, encoder: Encoder): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const rows = await readRows(file, encoder);
  if (typeof rows === 'string') await writeFile(file, header(encoder));
  else await truncate(file, headerBytes + rows.length * rowBytes(encoder));
}

/** The rows, or why there are none. */
async function readRows(file: string, encoder: Encoder): Promise<Buffer[] | string> {
  const bytes = await readFile(file).catch(() => undefined);
  if (!bytes) return 'it is not here';
  if (bytes.length < headerBytes || bytes.toString('latin1', 0, 4) !== 'TRPV') return 'it holds no vectors';
  if (!bytes.subarray(0, headerBytes).equals(header(encoder))) return 'it belongs to another encoder or format';
  const size = rowBytes(encoder);
  const count = Math.floor((bytes.length - headerBytes) / size);
  return Array.from({ length: count }, (_, i) => bytes.subarray(headerBytes + i * size, headerBytes + (i + 1) * size));
}

function rowBytes({ config }: Encoder): number {
  return keyBytes + 4 + config.dimensions;
}
