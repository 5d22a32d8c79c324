import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { createBreaker } from '../breaker.ts';
import type { Card } from '../cards.ts';
import { fakeJob, line } from '../fakes.ts';
import { toRequest } from '../generator.ts';
import { createOpenAi, type OpenAiOptions } from './openai.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: Asked, call: number) => void;
interface Asked {
  model: string;
  messages: { role: string; content: string }[];
  stop: string[];
  stream: boolean;
}

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

test('streams whole sentences and counts tokens', async () => {
  const { generator } = await against(saying('Oh, ', 'hon. ', 'Sit down', '. Eat', '.'));
  const sentences: string[] = [];
  let tokens = 0;
  for await (const sentence of generator.sentences(toRequest(fakeJob()), signal())) {
    sentences.push(sentence.text);
    tokens += sentence.tokens;
  }
  expect(sentences).toEqual(['Oh, hon. ', 'Sit down. ', 'Eat.']);
  expect(tokens).toBe(5);
});

test('offers the whole as one candidate', async () => {
  const { generator } = await against(saying('Oh, hon. ', 'Sit down.'));
  expect(await generator.candidates(toRequest(fakeJob()), signal())).toMatchObject([
    { text: 'Oh, hon. Sit down.', line: null, source: { generator: 'openai', kind: 'model', id: null }, tokens: 2 },
  ]);
});

test('tells who it is, how the person feels, what was said, and the voice', async () => {
  const { generator, asked } = await against(saying('Oh.'));
  const job = fakeJob({
    history: [
      { role: 'user', text: 'hello' },
      { role: 'character', text: 'Hi, hon.' },
    ],
    mood: { label: 'sadness', valence: -0.5, intensity: 0.6, turns: 3 },
  });
  await generator.candidates(toRequest(job, [line('You will land on your feet.')]), signal());
  const [body] = asked;
  expect(body?.model).toBe('tiny');
  expect(body?.stream).toBe(true);
  expect(body?.messages.slice(1)).toEqual([
    { role: 'user', content: 'hello' },
    { role: 'assistant', content: 'Hi, hon.' },
    { role: 'user', content: 'i lost my job today' },
  ]);
  for (const part of ['Delia Marsh', 'runs the diner', 'admiration', 'has felt sadness', 'You will land on your feet.'])
    expect(body?.messages[0]?.content).toContain(part);
  expect(body?.messages[0]?.content).not.toContain('grave');
  expect(body?.stop).toContain('\nUser:');
});

test('says so when the moment is grave', async () => {
  const { generator, asked } = await against(saying('Oh.'));
  await generator.candidates(toRequest(fakeJob({ grave: true })), signal());
  expect(asked[0]?.messages[0]?.content).toContain('nothing light');
});

test('drops the oldest utterances for the budget, never the card and the last message', async () => {
  const { generator, asked } = await against(saying('Oh.'), { promptTokens: 420 });
  const history = Array.from({ length: 12 }, (_, i) => ({ role: 'user' as const, text: `${i} `.repeat(60) }));
  await generator.candidates(toRequest(fakeJob({ history, text: 'x'.repeat(200) }), [line('An exemplar.')]), signal());
  const messages = asked[0]?.messages ?? [];
  expect(messages[0]?.content).toContain('runs the diner');
  expect(messages.at(-1)?.content).toBe('x'.repeat(200));
  expect(messages.length).toBeLessThan(8);
  expect(messages.at(-2)?.content).toContain('11 11');
});

test('keeps whole sentences of a reply that ran into its length', async () => {
  const { generator } = await against(stream(['Oh, hon. ', 'Sit do'], 'length'));
  expect(await generator.candidates(toRequest(fakeJob()), signal())).toMatchObject([{ text: 'Oh, hon.' }]);
});

test('tries again after 500 and 429, then answers', async () => {
  const { generator, asked } = await against((request, response, body, call) => {
    if (call < 2) return response.writeHead(call === 0 ? 500 : 429, { 'retry-after-ms': '5' }).end('{}');
    return saying('Oh.')(request, response, body, call);
  });
  expect(await generator.candidates(toRequest(fakeJob()), signal())).toMatchObject([{ text: 'Oh.' }]);
  expect(asked).toHaveLength(3);
});

test.each<[string, Handler, string, boolean]>([
  ['answers 500 for good', (_, response) => void response.writeHead(500, { 'retry-after-ms': '1' }).end('{}'), 'openai_failed', true],
  ['refuses the key', (_, response) => void response.writeHead(401).end('{"error":{"message":"who are you"}}'), 'openai_refused', false],
  ['never answers', () => {}, 'openai_timeout', true],
  ['accepts and says nothing', (_, response) => void response.writeHead(200, sse).write(': wait\n\n'), 'openai_timeout', true],
  ['goes on for ever', endless, 'openai_timeout', true],
  ['breaks off in the middle', (_, response) => halfAStream(response), 'openai_broken', true],
  ['ends without an end', (_, response) => void response.writeHead(200, sse).end(chunk('Oh, hon. Sit')), 'openai_broken', true],
  ['sends garbage', (_, response) => void response.writeHead(200, sse).end('data: {"choices": [}\n\n'), 'openai_broken', true],
  ['sends a page', (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'), 'openai_broken', true],
])('rejects with a code when the server %s', async (_, handler, code, retryable) => {
  const { generator } = await against(handler, code === 'openai_timeout' ? { timeouts: short } : {});
  await expect(generator.candidates(toRequest(fakeJob()), signal())).rejects.toMatchObject({ code, retryable });
});

test('rejects with a code when nobody listens', async () => {
  const { generator } = await against(saying('Oh.'));
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
  await expect(generator.candidates(toRequest(fakeJob()), signal())).rejects.toMatchObject({ code: 'openai_unreachable', retryable: true });
});

test('leaves a server alone that failed several times, and tries it again later', async () => {
  let healthy = false;
  let nowMs = 0;
  const breaker = createBreaker({ failures: 2, pauseMs: 1000, now: () => nowMs });
  const { generator, asked } = await against(
    (request, response, body, call) => (healthy ? saying('Oh.')(request, response, body, call) : void response.writeHead(500).end('{}')),
    { breaker, maxRetries: 0 },
  );
  const attempt = () =>
    generator.candidates(toRequest(fakeJob()), signal()).then(
      ([draft]) => draft?.text,
      (error) => error.code,
    );
  expect([await attempt(), await attempt(), await attempt()]).toEqual(['openai_failed', 'openai_failed', 'openai_paused']);
  expect(asked).toHaveLength(2);
  expect(generator.failing()).toContain('does not answer');
  healthy = true;
  nowMs = 1000;
  expect([await attempt(), await attempt()]).toEqual(['Oh.', 'Oh.']);
  expect(generator.failing()).toBe(null);
});

test('stops asking when it is cancelled', async () => {
  let closed = false;
  const stop = new AbortController();
  const { generator } = await against((request, response, body, call) => {
    response.on('close', () => {
      closed = true;
    });
    endless(request, response, body, call);
    setTimeout(() => stop.abort(new Error('no longer wanted')), 30);
  });
  await expect(generator.candidates(toRequest(fakeJob()), stop.signal)).rejects.toThrow('no longer wanted');
  await expect.poll(() => closed).toBe(true);
  expect(generator.failing()).toBe(null);
});

test('names a character that is not there', async () => {
  const { generator } = await against(saying('Oh.'));
  await expect(generator.candidates(toRequest(fakeJob({ character: 'nobody' })), signal())).rejects.toMatchObject({
    code: 'character_unknown',
  });
});

const short = { connectMs: 2000, firstTokenMs: 300, totalMs: 600 };
const sse = { 'content-type': 'text/event-stream' };

function chunk(content: string, finish: string | null = null): string {
  return `data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`;
}

function stream(pieces: string[], finish: string): Handler {
  return (_, response) => {
    response.writeHead(200, sse);
    for (const piece of pieces) response.write(chunk(piece));
    response.end(`${chunk('', finish)}data: [DONE]\n\n`);
  };
}

function saying(...pieces: string[]): Handler {
  return stream(pieces, 'stop');
}

function endless(...[, response]: Parameters<Handler>): void {
  response.writeHead(200, sse);
  const timer = setInterval(() => response.write(chunk('and ')), 20);
  response.on('close', () => clearInterval(timer));
}

function halfAStream(response: ServerResponse): void {
  response.writeHead(200, sse);
  response.write(chunk('Oh, hon. '));
  setTimeout(() => response.destroy(), 20);
}

async function against(handler: Handler, options: Partial<OpenAiOptions> = {}) {
  const asked: Asked[] = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    asked.push(JSON.parse(body));
    handler(request, response, JSON.parse(body), asked.length - 1);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const generator = createOpenAi({
    baseUrl: `http://127.0.0.1:${port}/v1`,
    apiKey: 'none',
    model: 'tiny',
    cards: new Map([['delia', delia]]),
    log: pino({ level: 'silent' }),
    ...options,
  });
  return { generator, asked };
}

const delia: Card = {
  slug: 'delia',
  name: 'Delia Marsh',
  nickname: 'Delia',
  description: 'Sixty, runs the diner.',
  personality: 'Warm, quick.',
  scenario: 'A motel.',
  systemPrompt: '',
  postHistory: '',
  examples: '',
};

function signal(): AbortSignal {
  return new AbortController().signal;
}
