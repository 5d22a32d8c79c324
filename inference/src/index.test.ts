import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue, QueueEvents } from 'bullmq';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startRedis } from '../../test/services.ts';
import { type Prediction, Read, ReadDone, Written } from './contract.ts';
import { fakeJob } from './fakes.ts';
import { type Inference, loadMinds, readSettings, startInference } from './index.ts';
import { readRegistry } from './registry.ts';
import { serve } from './serve.ts';

const log = pino({ level: 'silent' });
const folder = mkdtempSync(join(tmpdir(), 'troupe-inference-'));
const settings = readSettings({ DATA_DIR: folder });
const metrics = new Registry();
let live: string;
let redis: Service;
let inference: Inference;

beforeAll(async () => {
  live = (await readRegistry(settings.modelsDir)).models.find(({ task, live }) => task === 'encoder' && live)!.version;
  redis = await startRedis();
  inference = await startInference({ settings, connection: { redisUrl: redis.url }, log, metrics });
});
afterAll(async () => {
  await inference?.stop();
  await redis?.stop();
  rmSync(folder, { recursive: true });
});

test('reads and answers through the queues', async () => {
  const read = Read.parse(await ask('read', { contract: 1, turnId: 't1', text: 'my dog died last night' }));
  expect(read.detected).toContain('sadness');
  expect(read.sentiment.label).toBe('negative');
  expect(read.intent.name).toBe(null);
  const reply = Written.parse(await ask('write', fakeJob({ text: 'my dog died last night', read })));
  expect(reply.source.generator).toBe('lines');
  expect(reply.versions.encoder).toBe(live);
  expect(reply.candidates[0]?.text).toBe(reply.text);
});

test('reads several texts in one job, in their order', async () => {
  const beside = ['i got the job!!', 'the table is brown'];
  const done = ReadDone.parse(await ask('read', { contract: 1, turnId: 'many', text: 'my dog died last night', beside }));
  const alone = await Promise.all(
    beside.map(async (text, n) => Read.parse(await ask('read', { contract: 1, turnId: `alone-${n}`, text }))),
  );
  expect(done.detected).toContain('sadness');
  expect(done.beside).toHaveLength(2);
  // Scores move a little with what shares a batch: its dynamic quantisation is the model's own.
  const meant = ({ detected, sentiment, intent }: Prediction) => [detected, sentiment.label, intent.name];
  expect(done.beside?.map(meant)).toEqual(alone.map(meant));
  expect(Object.keys(done.beside?.[0] ?? {}).sort()).toEqual(['detected', 'emotions', 'intent', 'safety', 'sentiment']);
});

test('says which models are live and what writes', () => {
  expect(inference.models()).toContainEqual({ task: 'encoder', version: live, arm: 'live', live: true });
  expect(inference.generator).toBe('lines');
});

test('is ready, and serves that with its metrics', async () => {
  const server = await serve({ ready: inference.ready, metrics, host: '127.0.0.1', port: 0 });
  const get = async (path: string) => {
    const response = await fetch(server.address + path);
    return { status: response.status, body: await response.text() };
  };
  expect(await get('/healthz')).toEqual({ status: 200, body: '{"status":"ok"}' });
  expect(await get('/readyz')).toEqual({ status: 200, body: '{"ready":true,"failing":[]}' });
  const { body } = await get('/metrics');
  expect(body).toMatch(/troupe_read_batch_size_count [1-9]/);
  expect(body).toContain(`troupe_model_info{task="encoder",version="${live}",arm="live"} 1`);
  expect(body).toContain('troupe_write_tokens_total 0');
  expect((await get('/elsewhere')).status).toBe(404);
  await expect(
    serve({ ready: inference.ready, metrics, host: '127.0.0.1', port: Number(new URL(server.address).port) }),
  ).rejects.toMatchObject({
    code: 'port_in_use',
    message: expect.stringContaining('METRICS_PORT'),
  });
  await server.close();
});

test('names what is not ready', async () => {
  const ready = async () => ({ ready: false, failing: [{ name: 'models', reason: 'they are being loaded' }] });
  const server = await serve({ ready, metrics, host: '127.0.0.1', port: 0 });
  const response = await fetch(`${server.address}/readyz`);
  expect([response.status, await response.json()]).toEqual([503, await ready()]);
  await server.close();
});

test('does not start with a damaged model, and names the file and its sum', async () => {
  const modelsDir = join(folder, 'models');
  cpSync(settings.modelsDir, modelsDir, { recursive: true });
  const file = join(modelsDir, 'encoder', live, 'model.int8.onnx');
  truncateSync(file, 1000);
  await expect(start({ modelsDir })).rejects.toMatchObject({
    code: 'model_damaged',
    message: expect.stringMatching(/model\.int8\.onnx is damaged: it has 1000 bytes, expected \d+ bytes with sha256 [0-9a-f]{64}/),
  });
  rmSync(file);
  await expect(start({ modelsDir })).rejects.toMatchObject({ code: 'model_missing', message: expect.stringContaining(file) });
});

test('does not start without characters or skills, and names the setting', async () => {
  await expect(start({ charactersDir: '/nowhere' })).rejects.toThrow('CHARACTERS_DIR');
  await expect(start({ skillsDir: '/nowhere' })).rejects.toThrow('SKILLS_DIR');
});

test('lets lines answer where the registry names a generator that is not here', async () => {
  const modelsDir = join(folder, 'later');
  cpSync(settings.modelsDir, modelsDir, { recursive: true });
  writeFileSync(
    join(modelsDir, 'registry.json'),
    JSON.stringify({ schema: 1, tasks: { encoder: { live, versions: [live] } }, generator: { default: 'local' } }),
  );
  const other = await start({ modelsDir });
  expect(other.generator).toBe('lines');
  await other.stop();
});

test('lets lines answer where what the registry names cannot be loaded, and does not start where somebody asked for it by name', async () => {
  const modelsDir = join(folder, 'unloadable');
  const baseModel = join(folder, 'base.gguf');
  writeFileSync(baseModel, 'no model');
  cpSync(settings.modelsDir, modelsDir, { recursive: true });
  const registry = JSON.parse(readFileSync(join(modelsDir, 'registry.json'), 'utf8'));
  writeFileSync(join(modelsDir, 'registry.json'), JSON.stringify({ ...registry, generator: { ...registry.generator, default: 'local' } }));
  const other = await start({ modelsDir, baseModel });
  expect(other.generator).toBe('lines');
  await other.stop();
  await expect(start({ modelsDir, baseModel, generator: 'local' })).rejects.toMatchObject({ code: 'base_invalid' });
});

test('lets a language model speak, streamed, where GENERATOR names one', async () => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const content of ['Oh, hon. ', 'Tell me about the dog.'])
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`);
    response.end(`data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const minds = await loadMinds({ ...settings, generator: 'openai', openai: { baseUrl, apiKey: 'none', model: 'tiny' } }, log);
  // A message that is like no situation: lines are unsure there.
  const text = 'the committee of seven met behind the greenhouse on tuesday';
  const deltas: string[] = [];
  const job = fakeJob({ text, read: await minds.reader.read(text), stream: true });
  const reply = await minds.writer.write(job, { signal: new AbortController().signal, onDelta: (delta) => deltas.push(delta) });
  expect(reply).toMatchObject({ text: 'Oh, hon. Tell me about the dog.', source: { generator: 'openai', kind: 'model' }, tokens: 2 });
  expect(reply.versions).toMatchObject({ generator: 'openai/tiny' });
  expect(deltas).toEqual(['Oh, hon.', ' Tell me about the dog.']);
  await minds.close();
  server.close();
});

function start(given: Partial<typeof settings>): Promise<Inference> {
  return startInference({ settings: { ...settings, ...given }, connection: { redisUrl: redis.url }, log });
}

async function ask(name: string, data: object): Promise<unknown> {
  const connection = { url: redis.url };
  const queue = new Queue(name, { connection });
  const events = new QueueEvents(name, { connection });
  await events.waitUntilReady();
  const job = await queue.add(name, data);
  const result = await job.waitUntilFinished(events, 20_000);
  await Promise.all([queue.close(), events.close()]);
  return result;
}
