// A real model of transformers.js, real onnxruntime; fixtures/hub-tiny is made by training/tiny_hub.py and answers everything with one sentence.
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterAll, afterEach, expect, test } from 'vitest';
import { createBreaker } from '../breaker.ts';
import type { Card } from '../cards.ts';
import { fakeEncoder, fakeJob, fakeLines, line } from '../fakes.ts';
import { type StreamingGenerator, toRequest } from '../generator.ts';
import { createWriter } from '../writer.ts';
import { createHub, type HubOptions } from './hub.ts';

const fixture = fileURLToPath(new URL('../fixtures/hub-tiny', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-hub-'));
const log = pino({ level: 'silent' });
const saying = 'Fair winds to you.';
const opened: StreamingGenerator[] = [];
let server: Server | undefined;
afterEach(async () => {
  await Promise.all(opened.splice(0).map((generator) => generator.close()));
  server?.close();
  server = undefined;
});
afterAll(() => rmSync(folder, { recursive: true }));

test('answers from a folder, sentence by sentence, and counts tokens', async () => {
  const generator = open();
  await generator.load();
  const sentences = [];
  for await (const sentence of generator.sentences(request(), signal())) sentences.push(sentence);
  expect(sentences.map(({ text }) => text)).toEqual([saying]);
  expect(sentences[0]?.tokens).toBeGreaterThan(5);
  expect(await generator.candidates(request(), signal())).toMatchObject([
    { text: saying, line: null, source: { generator: 'hub', kind: 'model', id: null } },
  ]);
});

test('lets the process go on with other things while the model writes', async () => {
  const generator = open({ model: endless('ticking'), maxReplyTokens: 60 });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  for await (const _ of generator.sentences(request(), signal())) if (ticks > 0) break;
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(0);
});

test('ends a model that never stops at its length, with whole sentences', async () => {
  const [draft] = await open({ model: endless('length'), maxReplyTokens: 40, temperature: 0 }).candidates(request(), signal());
  expect(draft?.text).toMatch(/^Fair winds to you\./);
  expect(draft?.text).toMatch(/[.!?]$/);
  expect(draft?.tokens).toBeLessThanOrEqual(40);
});

test('is cancelled in the middle, and answers the next at once', async () => {
  const generator = open({ model: endless('cancel'), maxReplyTokens: 3000, totalMs: 120_000 });
  const stop = new AbortController();
  const reading = (async () => {
    for await (const _ of generator.sentences(request(), stop.signal)) stop.abort(new Error('no longer wanted'));
  })();
  await expect(reading).rejects.toThrow('no longer wanted');
  for await (const { text } of generator.sentences(request(), signal())) {
    expect(text).toMatch(/^Fair winds/);
    break;
  }
});

test('refuses those that would wait too long, and answers the others in order', async () => {
  const generator = open({ mostWaiting: 2 });
  const asked = [1, 2, 3, 4].map(() =>
    generator.candidates(request(), signal()).then(
      ([draft]) => draft?.text,
      (error) => error.code,
    ),
  );
  expect(await Promise.all(asked)).toEqual([saying, saying, saying, 'hub_busy']);
  expect(await generator.candidates(request(), signal())).toHaveLength(1);
});

test('gives up a reply that takes too long', async () => {
  await expect(open({ totalMs: 1 }).candidates(request(), signal())).rejects.toMatchObject({ code: 'hub_timeout', retryable: true });
});

test('ends in the middle of a reply when it is closed', async () => {
  const generator = open({ model: endless('close'), maxReplyTokens: 3000, totalMs: 120_000 });
  const reading = (async () => {
    for await (const _ of generator.sentences(request(), signal())) await generator.close();
  })();
  await expect(reading).rejects.toMatchObject({ code: 'hub_closed' });
  await expect(generator.candidates(request(), signal())).rejects.toMatchObject({ code: 'hub_closed' });
});

test('says so when the prompt is longer than the model can read', async () => {
  const model = changed('context', { max_position_embeddings: 30 });
  await expect(open({ model, maxReplyTokens: 5 }).candidates(request(), signal())).rejects.toMatchObject({
    code: 'hub_failed',
    message: expect.stringMatching(/the prompt has \d+ tokens, the model's context 30/),
  });
});

test.each(['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx'])(
  'does not start without %s, and names it',
  async (file) => {
    const model = copy(`without-${file.replace('/', '-')}`);
    rmSync(join(model, file));
    await expect(open({ model }).load()).rejects.toMatchObject({
      code: 'hub_incomplete',
      message: expect.stringContaining(file === 'onnx/model.onnx' ? 'has no weights (in onnx: nothing)' : `has no ${file}`),
    });
    await expect(open({ model: join(folder, 'nowhere') }).load()).rejects.toMatchObject({
      message: expect.stringContaining('is not there'),
    });
  },
);

test('says what is wrong with weights that are cut short, and with a tokenizer without a chat template', async () => {
  const short = copy('short');
  truncateSync(join(short, 'onnx', 'model.onnx'), 1000);
  await expect(open({ model: short }).candidates(request(), signal())).rejects.toMatchObject({ code: 'hub_failed' });
  const mute = copy('mute');
  const file = join(mute, 'tokenizer_config.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), chat_template: undefined }));
  await expect(open({ model: mute }).candidates(request(), signal())).rejects.toMatchObject({
    code: 'hub_failed',
    message: expect.stringContaining('no chat template'),
  });
});

test('fetches a model from the hub by its name, once: later it needs no connection', async () => {
  const asked: string[] = [];
  const remoteHost = await hub((path) => {
    asked.push(path);
    const file = join(fixture, path.replace('/ann/tiny/resolve/main/', ''));
    return existsSync(file) ? readFileSync(file) : null;
  });
  const options = { model: 'ann/tiny', remoteHost, cacheDir: join(folder, 'cache') };
  expect(await open(options).candidates(request(), signal())).toMatchObject([{ text: saying }]);
  expect(asked).toContain('/ann/tiny/resolve/main/onnx/model.onnx');
  server?.closeAllConnections();
  server?.close();
  expect(await open(options).candidates(request(), signal())).toMatchObject([{ text: saying }]);
});

test('names what the hub does not have, and what to do when it cannot be reached', async () => {
  const model = 'ann/nothing';
  const remoteHost = await hub(() => null);
  await expect(open({ model, remoteHost }).candidates(request(), signal())).rejects.toMatchObject({
    code: 'hub_missing',
    message: expect.stringContaining('the hub has no ann/nothing'),
  });
  await new Promise((resolve) => server?.close(resolve));
  await expect(open({ model, remoteHost }).candidates(request(), signal())).rejects.toMatchObject({
    code: 'hub_offline',
    retryable: true,
    message: expect.stringContaining('Connect once, or give a folder'),
  });
});

test('leaves a model alone that failed, and tries it again later', async () => {
  let nowMs = 0;
  const model = copy('later');
  truncateSync(join(model, 'onnx', 'model.onnx'), 1000);
  const generator = open({ model, breaker: createBreaker({ failures: 1, pauseMs: 1000, now: () => nowMs }) });
  const attempt = () =>
    generator.candidates(request(), signal()).then(
      ([draft]) => draft?.text,
      (error) => error.code,
    );
  expect([await attempt(), await attempt()]).toEqual(['hub_failed', 'hub_paused']);
  expect(generator.failing()).toContain('lines answer');
  cpSync(fixture, model, { recursive: true });
  nowMs = 1000;
  expect(await attempt()).toBe(saying);
  expect(generator.failing()).toBe(null);
});

test('competes with the lines, and leaves the reply to them when it fails', async () => {
  const write = async (other: StreamingGenerator) => {
    const encoder = fakeEncoder();
    const versions = { encoder: 'v1', generator: 'hub/tiny' };
    const writer = createWriter({ lines: fakeLines([line('Oh, hon.', 0.6)]), other, encoder, cards, versions, log });
    const deltas: string[] = [];
    const reply = await writer.write(fakeJob({ stream: true }), { signal: signal(), onDelta: (delta) => deltas.push(delta) });
    return [reply.text, reply.source.generator, deltas.join('')];
  };
  expect(await write(open())).toEqual([saying, 'hub', saying]);
  expect(await write(open({ totalMs: 1 }))).toEqual(['Oh, hon.', 'lines', '']);
});

function open(options: Partial<HubOptions> = {}): StreamingGenerator {
  const generator = createHub({ model: fixture, cacheDir: join(folder, 'kept'), cards, log, totalMs: 60_000, ...options });
  opened.push(generator);
  return generator;
}

function copy(name: string): string {
  cpSync(fixture, join(folder, name), { recursive: true });
  return join(folder, name);
}

/** With other entries in config.json and generation_config.json. */
function changed(name: string, entries: object): string {
  const model = copy(name);
  for (const file of ['config.json', 'generation_config.json'].map((one) => join(model, one)))
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...entries }));
  return model;
}

/** Its end of text is a token that it never writes. */
function endless(name: string): string {
  return changed(name, { eos_token_id: 1 });
}

async function hub(answer: (path: string) => Buffer | null): Promise<string> {
  server = createServer((request, response) => {
    const body = answer(new URL(request.url ?? '', 'http://hub').pathname);
    response.writeHead(body ? 200 : 404, { 'content-length': body?.length ?? 0, connection: 'close' });
    response.end(request.method === 'HEAD' ? undefined : body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function request() {
  return toRequest(fakeJob());
}

function signal(): AbortSignal {
  return new AbortController().signal;
}

const cards = new Map<string, Card>([
  [
    'delia',
    {
      ...{ slug: 'delia', name: 'Delia Marsh', nickname: 'Delia', description: 'Sixty, runs the diner.', personality: 'Warm, quick.' },
      ...{ scenario: 'A motel.', systemPrompt: '', postHistory: '', examples: '' },
    },
  ],
]);
