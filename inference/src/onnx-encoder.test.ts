import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dot } from './encoder.ts';
import { type OnnxEncoder, openEncoder } from './onnx-encoder.ts';
import { type Registry, readRegistry, verifyLive } from './registry.ts';
import { readSettings } from './settings.ts';
import { openTokenizer } from './tokenizer.ts';

interface Golden {
  text: string;
  input_ids: number[];
  /** The first numbers of it. */
  embedding?: number[];
  emotion?: number[];
}

const batches: number[] = [];
let registry: Registry;
let encoder: OnnxEncoder;
let golden: Golden[];

beforeAll(async () => {
  registry = await readRegistry(readSettings({}).modelsDir);
  encoder = await openEncoder({ registry, threads: 1, log: pino({ level: 'silent' }), onBatch: (size) => batches.push(size) });
  const { folder } = await verifyLive(registry, 'encoder');
  const rows = readFileSync(join(folder, 'golden.jsonl'), 'utf8').trim().split('\n');
  golden = rows.map((row) => JSON.parse(row));
});
afterAll(() => encoder?.close());

test('makes the very tokens that training made', async () => {
  const tokenize = await openTokenizer((await verifyLive(registry, 'encoder')).folder, encoder.config.maxTokens);
  for (const { text, input_ids } of golden) expect({ text, ids: tokenize(text) }).toEqual({ text, ids: input_ids });
});

test('gives the numbers that training measured', async () => {
  const measured = golden.filter((row) => row.embedding && row.emotion);
  expect(measured.length).toBeGreaterThan(10);
  for (const { text, embedding = [], emotion = [] } of measured) {
    const { embeddings, emotions } = await encoder.encode([text]);
    expect({ text, off: farthest(embeddings[0] as Float32Array, embedding) < 0.02 }).toEqual({ text, off: true });
    expect({ text, off: farthest(emotions[0] as Float32Array, emotion) < 0.05 }).toEqual({ text, off: true });
  }
});

test('gives the same numbers in the background, whatever comes along', async () => {
  const texts = golden.slice(0, 8).map(({ text }) => text);
  const together = await encoder.encode(texts, { background: true });
  for (const [i, text] of texts.entries()) expect((await encoder.encode([text])).embeddings[0]).toEqual(together.embeddings[i]);
});

test('gives nearly the same numbers in company', async () => {
  const texts = golden.slice(0, 20).map(({ text }) => text);
  const together = await encoder.encode(texts);
  for (const [i, text] of texts.entries()) {
    const alone = await encoder.encode([text]);
    expect(dot(alone.embeddings[0] as Float32Array, together.embeddings[i] as Float32Array)).toBeGreaterThan(0.93);
  }
});

test('runs what comes together as one batch, cut to its length', async () => {
  batches.length = 0;
  const { embeddings } = await encoder.encode(['hi', 'yo', 'hey', 'word '.repeat(1000), 'sup']);
  expect(embeddings).toHaveLength(5);
  expect(batches).toEqual([1, 3, 1]);
});

test('normalises what it says and answers probabilities', async () => {
  const { embeddings, emotions } = await encoder.encode(['i am so happy for you!', '🙂', ' ']);
  for (const embedding of embeddings) expect(dot(embedding, embedding)).toBeCloseTo(1, 3);
  for (const scores of emotions) expect(scores.every((score) => score >= 0 && score <= 1)).toBe(true);
});

test('leaves the main thread free under load', async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const before = batches.length;
  await encoder.encode(Array.from({ length: 96 }, (_, i) => `${golden[i % golden.length]?.text} and so on and so forth, ${i}`));
  clearInterval(timer);
  // A thread that computes for itself has its turn between the batches and at no other time.
  expect(ticks).toBeGreaterThan(3 * (batches.length - before));
});

function farthest(a: ArrayLike<number>, b: number[]): number {
  return Math.max(...b.map((n, i) => Math.abs(n - (a[i] as number))));
}
