// A character out of a script (training/ingest.py, from training/tests/scripts/pier.txt), through the real generator with the model that ships.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EMOTIONS } from '../contract.ts';
import { loadCorpus } from '../corpus.ts';
import { encodeEmbedding } from '../encoder.ts';
import { fakeJob } from '../fakes.ts';
import { type Draft, type Generator, toRequest } from '../generator.ts';
import { type OnnxEncoder, openEncoder } from '../onnx-encoder.ts';
import { readRegistry } from '../registry.ts';
import { openVectors } from '../vectors.ts';
import { createLines } from './lines.ts';

const charactersDir = join('training', 'tests', 'ingested');
const log = pino({ level: 'silent' });
const folder = mkdtempSync(join(tmpdir(), 'troupe-ingested-'));
let encoder: OnnxEncoder;
let lines: Generator;

beforeAll(async () => {
  encoder = await openEncoder({ registry: await readRegistry('models'), threads: 1, log });
  const shippedFile = join('models', 'encoder', encoder.version, 'lines.vectors');
  const vectors = await openVectors({ encoder, shippedFile, cacheDir: folder, log });
  const corpus = await loadCorpus(charactersDir);
  await vectors.fill([...(corpus.characters.get('mrs-pell')?.dialogues ?? [])].flatMap(({ turns }) => turns.map(({ user }) => user)));
  lines = createLines({ charactersDir, vectors, encoder, log });
  await lines.load();
});
afterAll(async () => {
  await lines?.close();
  await encoder?.close();
  rmSync(folder, { recursive: true });
});

async function reply(text: string): Promise<Draft> {
  const { embeddings, emotions } = await encoder.encode([text]);
  const scores = EMOTIONS.map((label, i) => ({ label, score: emotions[0]?.[i] ?? 0 })).sort((a, b) => b.score - a.score);
  const read = { ...fakeJob().read, emotions: scores, embedding: encodeEmbedding(embeddings[0] as Float32Array) };
  const job = fakeJob({ text, character: 'mrs-pell', read });
  return (await lines.candidates(toRequest(job), new AbortController().signal))[0] as Draft;
}

it.each([
  ['hello', /^Good evening\. You are welcome in this house/],
  ["we're getting married in june", /^Marriage is a very long crossing/],
  ['my neighbours are so loud', /^Neighbours are always well informed and never right\.$/],
  ['good evening', /^Good evening/],
  ['are you happy?', /^I am perfectly satisfied, which lasts longer\.$/],
])('answers %j with a line of the play', async (text, line) => {
  expect((await reply(text)).text).toMatch(line);
});

it.each(['my father died last night', 'i am so lonely', 'i failed everything'])('has nothing light for %j', async (text) => {
  const { text: said, expression } = await reply(text);
  expect(['caring', 'sadness']).toContain(expression);
  expect(said).not.toMatch(/boat|tavern|beer|crossing|impertinent/);
});

it.each(['are you a bot?', 'who are you?', 'tell me a joke'])('keeps to plain, honest words for %j', async (text) => {
  expect((await reply(text)).line).toMatch(/^plain-/);
});

it('knows what people say though its folder brings no situations', async () => {
  expect((await loadCorpus(charactersDir)).situations.length).toBeGreaterThan(500);
});
