import { afterEach, expect, test } from 'vitest';
import { createFakeServer } from '../../../../test/web/fake-server.ts';
import type { MessageEvent, TurnUpdate } from '../../platform.ts';
import { ChatAnswer, ReadEvent } from './schemas.ts';
import type { WebOptions } from './server.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => void (await Promise.all(open.splice(0).map((app) => app.close()))));

async function serve(options: Partial<WebOptions> = {}) {
  const server = await createFakeServer({ pollMs: 20, ...options });
  open.push(server.app);
  return { ...server, base: await server.listen() };
}

function stream(base: string, body: object = { message: 'hi' }, signal?: AbortSignal) {
  return fetch(`${base}/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
}

/** The events of a stream, read as strictly as the HTML standard writes them. */
function events(text: string): [string, unknown][] {
  expect(text.endsWith('\n\n')).toBe(true);
  return text
    .split('\n\n')
    .filter((frame) => frame && !frame.startsWith(':'))
    .map((frame) => {
      const [, name = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(frame) ?? [];
      return [name, JSON.parse(data)];
    });
}

const deltas = (all: [string, unknown][]) => all.filter(([name]) => name === 'delta').map(([, data]) => (data as { text: string }).text);

test('a stream is read, deltas that add up to the reply, reply', async () => {
  const { base } = await serve();
  const response = await stream(base, { message: 'I am nervous', conversation: 'c1' });
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  const all = events(await response.text());
  expect(all[0]?.[0]).toBe('read');
  expect(ReadEvent.safeParse(all[0]?.[1]).error).toBeUndefined();
  expect(all.at(-1)?.[0]).toBe('reply');
  const answer = ChatAnswer.parse(all.at(-1)?.[1]);
  expect(answer.conversation).toBe('c1');
  expect(deltas(all).length).toBeGreaterThan(5);
  expect(deltas(all).join('')).toBe(answer.reply.text);
});

type Play = (
  event: MessageEvent,
  publish: (update: TurnUpdate) => void,
  updates: { read: TurnUpdate; reply: TurnUpdate; text: string },
) => void;
async function play(script: Play) {
  const server = await serve();
  server.core.onMessage = (event) => {
    const answer = server.core.answerTo(event);
    const { emotion, emotions, detected, intent } = answer;
    const publish = (update: TurnUpdate) => server.core.publish(event.address.channel, event.id, update);
    script(event, publish, {
      read: { type: 'read', emotion, emotions, detected, intent },
      reply: { type: 'reply', answer },
      text: answer.reply.text,
    });
  };
  return events(await (await stream(server.base)).text());
}
const names = (all: [string, unknown][]) => all.map(([name]) => name);

test('a reply that nobody streamed comes as one delta', async () => {
  const all = await play((_event, publish, { read, reply }) => {
    publish(read);
    publish(reply);
  });
  expect(names(all)).toEqual(['read', 'delta', 'reply']);
});

test('a reply without anything before it still begins with read', async () => {
  const all = await play((_event, publish, { reply }) => publish(reply));
  expect(names(all)).toEqual(['read', 'delta', 'reply']);
});

test('missing deltas are made up for', async () => {
  const all = await play((_event, publish, { read, reply, text }) => {
    publish(read);
    publish({ type: 'delta', text: text.slice(0, 7) });
    publish(reply);
  });
  expect(names(all)).toEqual(['read', 'delta', 'delta', 'reply']);
  expect(deltas(all).join('')).toBe(ChatAnswer.parse(all.at(-1)?.[1]).reply.text);
});

test('deltas of an attempt that was given up are declared void', async () => {
  const all = await play((_event, publish, { read, reply }) => {
    publish(read);
    publish({ type: 'delta', text: 'Something that was given up' });
    publish(read);
    publish(reply);
  });
  expect(names(all)).toEqual(['read', 'delta', 'reset', 'delta', 'reply']);
});

test('an empty delta is not passed on, and line breaks stay within one frame', async () => {
  const all = await play((_event, publish, { read, reply, text }) => {
    publish(read);
    publish({ type: 'delta', text: '' });
    const answer = (reply as Extract<TurnUpdate, { type: 'reply' }>).answer;
    publish({ type: 'reply', answer: { ...answer, reply: { ...answer.reply, text: `${text}\n\nevent: reply\ndata: {}\r` } } });
  });
  expect(names(all)).toEqual(['read', 'delta', 'reply']);
});

test('what goes wrong after the first event comes as an error event with a problem', async () => {
  const all = await play((_event, publish, { read }) => {
    publish(read);
    publish({ type: 'failed', code: 'writer-away', message: 'Nobody writes.' });
  });
  expect(all.at(-1)).toEqual(['error', expect.objectContaining({ code: 'writer-away', status: 503, instance: expect.any(String) })]);
});

test('a late reply ends a stream that has begun with an error event', async () => {
  const { base, core } = await serve({ timeoutMs: 1000 });
  core.onMessage = (event) => {
    const { emotion, emotions, detected, intent } = core.answerTo(event);
    core.publish(event.address.channel, event.id, { type: 'read', emotion, emotions, detected, intent });
  };
  const all = events(await (await stream(base)).text());
  expect(all.at(-1)).toEqual(['error', expect.objectContaining({ code: 'late', status: 504 })]);
  expect(core.watching()).toBe(0);
});

test.each(['text/event-stream', 'application/json'])('a client that hangs up (%s) leaves nothing behind', async (accept) => {
  const { base, core } = await serve();
  const begun = new Promise<void>((resolve) => {
    core.onMessage = (event) => {
      const { emotion, emotions, detected, intent } = core.answerTo(event);
      core.publish(event.address.channel, event.id, { type: 'read', emotion, emotions, detected, intent });
      resolve();
    };
  });
  const hangUp = new AbortController();
  const call = fetch(`${base}/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: JSON.stringify({ message: 'hi' }),
    signal: hangUp.signal,
  }).catch(() => {});
  await begun;
  if (accept === 'text/event-stream') await call;
  expect(core.watching()).toBe(1);
  hangUp.abort();
  await call;
  await expect.poll(() => core.watching()).toBe(0);
});

test('stopping refuses new calls, lets those in hand finish, and tells the rest where the reply will be', async () => {
  const { base, core, app } = await serve({ graceMs: 3000 });
  core.onMessage = () => {};
  const finishes = stream(base, { message: 'one', conversation: 'a' });
  const cutOff = fetch(`${base}/v1/chat`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"message":"two"}' });
  await expect.poll(() => core.messages.length).toBe(2);
  const closed = app.close();
  await expect.poll(async () => (await fetch(`${base}/healthz`).catch(() => undefined))?.status ?? 503).toBe(503);
  const first = core.messages.find((m) => m.text === 'one')!;
  core.publish(first.address.channel, first.id, { type: 'reply', answer: core.answerTo(first) });
  expect(names(events(await (await finishes).text()))).toEqual(['read', 'delta', 'reply']);
  const response = await cutOff;
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([503, 'stopping']);
  await closed;
});
