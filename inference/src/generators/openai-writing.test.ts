// A server that does wrong, and what is said then: the whole way from the wire to the reply.
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { createBreaker } from '../breaker.ts';
import type { Card } from '../cards.ts';
import { fakeEncoder, fakeJob, fakeLines, line } from '../fakes.ts';
import { toRequest } from '../generator.ts';
import { createWriter } from '../writer.ts';
import { createOpenAi, type OpenAiOptions } from './openai.ts';

type Answer = (response: ServerResponse, asked: Record<string, unknown>, call: number) => void;

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

const lines = 'Sit down, hon.';
const short = { connectMs: 2000, firstTokenMs: 300, totalMs: 800 };

test.each<[string, Answer]>([
  ['answers 500', (response) => void response.writeHead(500, { 'retry-after-ms': '1' }).end('{}')],
  ['never answers', () => {}],
  ['wants to be asked again in an hour', (response) => void response.writeHead(429, { 'retry-after': '3600' }).end('{}')],
  ['sends no events', (response) => void response.writeHead(200, sse).end('data: {"choices": [}\n\n')],
  [
    'sends events of another kind',
    (response) => void response.writeHead(200, sse).end('data: {"error": "out of memory"}\n\ndata: [DONE]\n\n'),
  ],
  ['breaks off in its first sentence', (response) => broken(response, 'Oh no, that is')],
  ['sends twenty megabytes', (response) => void response.writeHead(200, sse).end(chunk('word '.repeat(4_000_000), 'stop'))],
  ['never comes to a full stop', (response) => endless(response, 'and ')],
  ['writes the user’s next line', whole('User: thanks\nDelia: you are welcome')],
  ['repeats the message', whole('i lost my job today')],
  ['leaks its prompt', whole('You are Delia Marsh. Stay Delia in every word; write only what Delia says, without a name before it.')],
  ['speaks as somebody else', whole('June: I would not.')],
  ['says it is somebody else', whole("Well, I'm June, and that is that.")],
  ['changes its language', whole('Das tut mir so leid, setz dich doch erst einmal zu mir.')],
  ['writes a list', whole('# Advice\n- sit\n- eat')],
  ['only acts', whole('*She wipes the counter and nods.*')],
  ['does harm', whole('I will hurt you.')],
  ['says nothing', whole('   ')],
])('answers with lines, whole, when the server %s', async (_, answer) => {
  for (const stream of [true, false]) {
    const { write } = await against(answer, { timeouts: short });
    expect(await write(stream)).toEqual({ text: lines, generator: 'lines', deltas: [] });
    server?.closeAllConnections();
    server?.close();
  }
});

test('says one clean reply of the lines where a stream breaks in the middle and nobody listens', async () => {
  const { write } = await against((response) => broken(response, 'Oh, hon. Tell me. What did th'));
  expect(await write(false)).toEqual({ text: lines, generator: 'lines', deltas: [] });
});

test.each<[string, Answer, string]>([
  ['breaks off after a sentence', (response) => broken(response, 'Oh, hon. What did th'), 'Oh, hon.'],
  ['ends without an end', (response) => void response.writeHead(200, sse).end(chunk('Oh, hon. What did th')), 'Oh, hon.'],
  ['goes on for ever', (response) => endless(response, 'Well, so it goes. '), 'Well, so it goes.'],
  ['repeats itself', whole('I am so sorry, hon. I am so sorry, hon. I am so sorry, hon.'), 'I am so sorry, hon.'],
  ['goes on as the user', whole('Oh, hon. Eat.\nUser: thanks'), 'Oh, hon. Eat.'],
  ['turns to harm', whole('Oh, hon. I will hurt you. Eat.'), 'Oh, hon.'],
])('ends what somebody hears being written at a whole sentence when the server %s', async (_, answer, text) => {
  const { write } = await against(answer);
  const reply = await write(true);
  expect([reply.text, reply.generator, reply.deltas.join('')]).toEqual([text, 'openai', text]);
});

test('takes wrapping off, wherever it comes in the stream', async () => {
  const { write } = await against(whole('Delia: *sighs* Oh, **hon**. (laughs) Sit with me.'));
  expect(await write(true)).toMatchObject({ text: 'Oh, hon. Sit with me.', deltas: ['Oh, hon.', ' Sit with me.'] });
});

test('leaves a server alone for as long as it asks for, and asks no one twice for it', async () => {
  let nowMs = 0;
  const breaker = createBreaker({ now: () => nowMs });
  const { generator, asked } = await against(
    (response, body, call) =>
      call === 0 ? void response.writeHead(429, { 'retry-after': '60' }).end('{}') : whole('Oh.')(response, body, call),
    { breaker },
  );
  const attempt = () =>
    generator.candidates(toRequest(fakeJob()), new AbortController().signal).then(
      ([draft]) => draft?.text,
      (error) => error.code,
    );
  expect([await attempt(), await attempt()]).toEqual(['openai_failed', 'openai_paused']);
  nowMs = 59_999;
  expect(await attempt()).toBe('openai_paused');
  nowMs = 60_000;
  expect(await attempt()).toBe('Oh.');
  expect(asked).toHaveLength(2);
});

test('asks for several replies at once, and lets those that came to their ends compete', async () => {
  const { generator, write, asked } = await against(
    (response) => {
      response.writeHead(200, sse);
      response.write(chunk('Bana', null, 0) + chunk('Stay a', null, 1) + chunk('Half a', null, 2));
      response.end(`${chunk('nas.', 'stop', 0) + chunk(' while.', 'stop', 1)}data: [DONE]\n\n`);
    },
    { replies: 3 },
  );
  expect(generator.capabilities.streams).toBe(false);
  expect(await write(true)).toEqual({ text: 'Stay a while.', generator: 'openai', deltas: [] });
  expect(asked.map(({ n }) => n)).toEqual([3]);
});

test.each<[string, Answer]>([
  ['ignores how many', (response, body, call) => whole(`Reply ${call + 1}, hon.`)(response, body, call)],
  [
    'takes one alone',
    (response, body, call) =>
      body.n ? void response.writeHead(400).end('{"error":{"message":"only one"}}') : whole(`Reply ${call}, hon.`)(response, body, call),
  ],
])('asks side by side where a server %s, and next time at once', async (_, answer) => {
  const { generator, asked } = await against(answer, { replies: 3 });
  const texts = async () => (await generator.candidates(toRequest(fakeJob()), new AbortController().signal)).map(({ text }) => text);
  expect((await texts()).sort()).toEqual(['Reply 1, hon.', 'Reply 2, hon.', 'Reply 3, hon.']);
  const first = asked.length;
  expect(await texts()).toHaveLength(3);
  expect(asked.slice(first).map(({ n }) => n)).toEqual([undefined, undefined, undefined]);
});

test('asks a server of adapters for the character’s own, and a missing one does not shut the others out', async () => {
  const { generator, asked } = await against(
    (response, body, call) => (body.model === 'troupe-june' ? void response.writeHead(404).end('{}') : whole('Oh.')(response, body, call)),
    { model: 'troupe-{character}', breaker: createBreaker({ failures: 1 }) },
  );
  const attempt = (character: string) =>
    generator.candidates(toRequest(fakeJob({ character })), new AbortController().signal).then(
      ([draft]) => draft?.text,
      (error) => error.code,
    );
  expect([await attempt('june'), await attempt('delia')]).toEqual(['openai_refused', 'Oh.']);
  expect(asked.map(({ model }) => model)).toEqual(['troupe-june', 'troupe-delia']);
});

const sse = { 'content-type': 'text/event-stream' };

function chunk(content: string, finish: string | null = null, index = 0): string {
  return `data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', choices: [{ index, delta: { content }, finish_reason: finish }] })}\n\n`;
}

/** Word by word. */
function whole(text: string): Answer {
  return (response) => {
    response.writeHead(200, sse);
    for (const piece of text.match(/\S+\s*|\s+/g) ?? []) response.write(chunk(piece));
    response.end(`${chunk('', 'stop')}data: [DONE]\n\n`);
  };
}

function broken(response: ServerResponse, text: string): void {
  response.writeHead(200, sse);
  response.write(chunk(text), () => response.destroy());
}

/** As fast as it is read. */
function endless(response: ServerResponse, text: string): void {
  response.writeHead(200, sse);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk(text)));
  };
  response.on('drain', more);
  more();
}

async function against(answer: Answer, options: Partial<OpenAiOptions> = {}) {
  const asked: Record<string, unknown>[] = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    asked.push(JSON.parse(body));
    answer(response, JSON.parse(body), asked.length - 1);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cards = new Map([card('delia', 'Delia Marsh', 'Delia'), card('june', 'June Okonkwo', 'June')]);
  const log = pino({ level: 'silent' });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const generator = createOpenAi({ baseUrl, apiKey: 'none', model: 'tiny', cards, log, ...options });
  const encoder = fakeEncoder(['Bananas.']);
  const versions = { encoder: 'v1', generator: 'openai/tiny' };
  const writer = createWriter({ lines: fakeLines([line(lines, 0.6)]), other: generator, encoder, cards, versions, log });
  const write = async (stream: boolean) => {
    const deltas: string[] = [];
    const onDelta = (delta: string) => void deltas.push(delta);
    const { signal } = new AbortController();
    const reply = await writer.write(fakeJob({ stream }), { signal, ...(stream && { onDelta }) });
    return { text: reply.text, generator: reply.source.generator, deltas };
  };
  return { generator, write, asked };
}

function card(slug: string, name: string, nickname: string): [string, Card] {
  return [slug, { slug, name, nickname, description: '', personality: '', scenario: '', systemPrompt: '', postHistory: '', examples: '' }];
}
