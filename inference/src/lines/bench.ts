// What the scripts here stand on: the corpus, the live encoder, and texts read as a job would bring them. Readings are kept between runs in the temp folder.
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { pino } from 'pino';
import { EMOTIONS, type Emotion } from '../contract.ts';
import { type Corpus, loadCorpus, type Situation } from '../corpus.ts';
import type { Encoder } from '../encoder.ts';
import { openEncoder } from '../onnx-encoder.ts';
import { readRegistry } from '../registry.ts';
import { readSettings } from '../settings.ts';
import type { Calibration } from './calibration.ts';
import { createFelt } from './felt.ts';
import type { Reading as ReadMessage } from './listen.ts';
import { createSituationIndex, type Heard, type SituationIndex } from './situations.ts';

export interface Bench {
  corpus: Corpus;
  charactersDir: string;
  encoder: Encoder;
  /** Runs parallel to `texts`. */
  read(texts: readonly string[]): Promise<Reading[]>;
  /** The index over these situations, and its ears. */
  index(situations: readonly Situation[], calibration: Calibration): Promise<{ index: SituationIndex; hear: (reading: Reading) => Heard }>;
  close(): Promise<void>;
}

export interface Reading extends ReadMessage {
  text: string;
}

/** A message of our own with the situations that fit it; `none` stands for none. */
export interface Labelled {
  text: string;
  group: string;
  accept: string[];
  /** What its writer feels, where somebody said so. */
  emotion?: Emotion;
  /**
   * `tune` calibrates, `test` was looked at while the mechanism was made, `fresh` was written after it and after the wordings; `everyday` is what
   * ordinary people write, by people who knew none of the situations.
   */
  part: 'tune' | 'test' | 'fresh' | 'everyday';
}

export function labelledMessages(): Labelled[] {
  return ['./messages.jsonl', './everyday.jsonl'].flatMap((file) => {
    const lines = readFileSync(new URL(file, import.meta.url), 'utf8')
      .trim()
      .split('\n');
    return lines.map((line) => JSON.parse(line) as Labelled);
  });
}

/** The news and not the word for it: what people write where the situations have no wording like it. */
export interface Indirect {
  text: string;
  /** Those that fit, the best first; `none` stands for none. */
  accept: string[];
  emotion: Emotion;
  /** Every fifth only measures; training/evaluation_sets.py has the same ones. */
  part: 'tune' | 'test';
}

export function indirectMessages(charactersDir: string): Indirect[] {
  const lines = readFileSync(join(charactersDir, 'indirect.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const {
      text,
      situation,
      also = [],
      emotion,
    } = JSON.parse(line) as Record<'text' | 'situation', string> & {
      also?: string[];
      emotion: Emotion;
    };
    return { text, accept: [situation, ...also], emotion, part: crc32(text) % 5 === 0 ? 'test' : 'tune' };
  });
}

/** What people further say in the situations: learned from, and compared with nothing. */
export function everydayWordings(charactersDir: string): { text: string; situation: string }[] {
  const lines = readFileSync(join(charactersDir, 'wordings.everyday.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as { text: string; situation: string });
}

/** The situations that a talk may begin with; the others are only looked for once it goes on, among themselves. training/data.py has the same ones. */
export function openings({ situations }: Corpus): Situation[] {
  return situations.filter(({ after }) => after === undefined);
}

/** How many wordings of a situation stand in situations.jsonl; those of wordings.jsonl come after them. */
const ownWordings = 7;

/** Which of a situation's own wordings is never trained on: training/data.py holds the same one apart. */
export function heldOutWording({ id, examples }: Situation): number {
  return crc32(id) % Math.min(ownWordings, examples.length);
}

/** The situations without that wording of each (where they have others), and those wordings. */
export function heldOut(situations: readonly Situation[]): { rest: Situation[]; kept: { text: string; id: string; emotion: Emotion }[] } {
  const has = ({ examples }: Situation) => examples.length > 1;
  return {
    rest: situations.map((s) => (has(s) ? { ...s, examples: s.examples.toSpliced(heldOutWording(s), 1) } : s)),
    kept: situations.filter(has).map((s) => ({ text: s.examples[heldOutWording(s)] as string, id: s.id, emotion: s.emotion })),
  };
}

export async function openBench(): Promise<Bench> {
  const settings = readSettings(process.env);
  const log = pino({ level: 'warn' }, pino.destination(2));
  const encoder = await openEncoder({ registry: await readRegistry(settings.modelsDir), threads: settings.threads, log });
  const corpus = await loadCorpus(settings.charactersDir);
  const { dimensions } = encoder.config;
  const kept = openReadings(encoder);

  const read = async (texts: readonly string[]): Promise<Reading[]> => {
    const missing = [...new Set(texts)].filter((text) => !kept.has(text));
    for (let done = 0; done < missing.length; done += 64) {
      const part = missing.slice(done, done + 64);
      const { embeddings, emotions } = await encoder.encode(part);
      part.forEach((text, i) => void kept.add(text, embeddings[i] as Float32Array, emotions[i] as Float32Array));
      if (missing.length > 256) process.stderr.write(`\rreading ${done + part.length} of ${missing.length} texts `);
    }
    return texts.map((text) => kept.get(text));
  };

  return {
    corpus,
    charactersDir: settings.charactersDir,
    encoder,
    read,
    async index(situations, calibration) {
      const texts = situations.flatMap(({ description, examples }) => [description, ...examples]);
      const vectors = new Float32Array(texts.length * dimensions);
      (await read(texts)).forEach(({ embedding }, i) => void vectors.set(embedding, i * dimensions));
      const index = createSituationIndex({ situations, vectors, dimensions, calibration, learned: encoder.situations });
      const felt = createFelt(calibration.felt);
      return { index, hear: ({ text, embedding, emotions }) => index.hear(text, embedding, emotions, felt(text, embedding, emotions)) };
    },
    close: () => encoder.close(),
  };
}

function openReadings({ checksum, config }: Encoder) {
  const folder = join(tmpdir(), 'troupe-bench');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${checksum.slice(0, 16)}.readings`);
  const width = config.dimensions + EMOTIONS.length;
  const size = 16 + width * 4;
  const rows = new Map<string, Buffer>();
  const keyOf = (text: string) => createHash('sha256').update(text).digest().toString('latin1', 0, 16);
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  for (let at = 0; at + size <= bytes.length; at += size)
    rows.set(bytes.toString('latin1', at, at + 16), bytes.subarray(at + 16, at + size));
  return {
    has: (text: string) => rows.has(keyOf(text)),
    get(text: string): Reading {
      const row = rows.get(keyOf(text)) as Buffer;
      const numbers = Float32Array.from({ length: width }, (_, i) => row.readFloatLE(i * 4));
      return { text, embedding: numbers.slice(0, config.dimensions), emotions: numbers.slice(config.dimensions) };
    },
    add(text: string, embedding: Float32Array, emotions: Float32Array) {
      const row = Buffer.alloc(width * 4);
      [...embedding, ...emotions].forEach((value, i) => void row.writeFloatLE(value, i * 4));
      rows.set(keyOf(text), row);
      appendFileSync(file, Buffer.concat([Buffer.from(keyOf(text), 'latin1'), row]));
    },
  };
}
