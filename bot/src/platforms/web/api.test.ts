import { afterEach, expect, test } from 'vitest';
import type { z } from 'zod';
import { createFakeServer } from '../../../../test/web/fake-server.ts';
import { TroupeError } from '../../errors.ts';
import * as schemas from './schemas.ts';
import type { WebOptions } from './server.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => void (await Promise.all(open.splice(0).map((app) => app.close()))));

async function serve(options: Partial<WebOptions> = {}) {
  const server = await createFakeServer(options);
  open.push(server.app);
  const call = async (method: 'GET' | 'POST' | 'DELETE', url: string, body?: unknown, headers: Record<string, string> = {}) => {
    const raw = typeof body === 'string';
    const r = await server.app.inject({
      method,
      url,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { payload: raw ? body : JSON.stringify(body) }),
    });
    return { status: r.statusCode, type: String(r.headers['content-type'] ?? ''), headers: r.headers, text: r.body, json: tryJson(r.body) };
  };
  return { ...server, call };
}

// biome-ignore lint/suspicious/noExplicitAny: a body from outside
function tryJson(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const fits = (schema: z.ZodType, value: unknown) => expect(schema.safeParse(value).error).toBeUndefined();

test('a chat answers with all the contract names', async () => {
  const { call, core } = await serve();
  const r = await call('POST', '/v1/chat', {
    message: 'I am so nervous about tomorrow',
    conversation: 'c1',
    user: 'ada',
    character: 'june',
  });
  expect(r.status).toBe(200);
  fits(schemas.ChatAnswer, r.json);
  expect(r.json).toMatchObject({ conversation: 'c1', reply: { character: 'june', emotion: 'caring' }, emotion: { label: 'nervousness' } });
  expect(core.messages).toMatchObject([
    {
      text: 'I am so nervous about tomorrow',
      address: { workspace: 'web', channel: 'c1' },
      person: { id: 'user:ada', name: 'ada' },
      character: 'june',
      direct: true,
      fromBot: false,
    },
  ]);
});

test('a chat without a conversation begins a new one and names it', async () => {
  const { call } = await serve();
  const [a, b] = [await call('POST', '/v1/chat', { message: 'hi' }), await call('POST', '/v1/chat', { message: 'hi' })];
  expect(a.json.conversation).toMatch(/^[\da-f-]{36}$/);
  expect(a.json.conversation).not.toBe(b.json.conversation);
});

test('a person is known by name across conversations, or only in the conversation', async () => {
  const { call, core } = await serve();
  await call('POST', '/v1/chat', { message: 'hi', conversation: 'one', user: 'ada' });
  await call('POST', '/v1/chat', { message: 'hi', conversation: 'two', user: 'ada' });
  await call('POST', '/v1/chat', { message: 'hi', conversation: 'one' });
  await call('POST', '/v1/chat', { message: 'hi', conversation: 'two' });
  // A user who calls himself like a conversation is still somebody else.
  await call('POST', '/v1/chat', { message: 'hi', conversation: 'three', user: 'in:one' });
  const ids = core.messages.map((m) => m.person.id);
  expect(ids[0]).toBe(ids[1]);
  expect(new Set(ids).size).toBe(4);
});

test('every message gets an id of its own, and a repeated idempotency key the same one', async () => {
  const { call, core } = await serve();
  const body = { message: 'hi', conversation: 'c' };
  for (const headers of [{}, {}, { 'idempotency-key': 'again-again' }, { 'idempotency-key': 'again-again' }] as Record<string, string>[])
    await call('POST', '/v1/chat', body, headers);
  const ids = core.messages.map((m) => m.id);
  expect(new Set(ids).size).toBe(3);
  expect(ids[2]).toBe(ids[3]);
});

const long = 'x'.repeat(4001);
test.each<[string, string, unknown, number, string]>([
  ['no body', '/v1/chat', '', 400, 'malformed-json'],
  ['broken JSON', '/v1/chat', '{"message":', 400, 'malformed-json'],
  ['a poisoned prototype', '/v1/chat', '{"message":"hi","__proto__":{"a":1}}', 400, 'malformed-json'],
  ['no message', '/v1/chat', {}, 400, 'invalid-body'],
  ['an array', '/v1/chat', ['hi'], 400, 'invalid-body'],
  ['null', '/v1/chat', 'null', 400, 'invalid-body'],
  ['an empty message', '/v1/chat', { message: '' }, 400, 'invalid-body'],
  ['a blank message', '/v1/chat', { message: ' \u200b\n' }, 400, 'invalid-body'],
  ['a message of 4,001', '/v1/chat', { message: long }, 400, 'invalid-body'],
  ['a number for a message', '/v1/chat', { message: 7 }, 400, 'invalid-body'],
  ['true for a message', '/v1/chat', { message: true }, 400, 'invalid-body'],
  ['a number for a user', '/v1/chat', { message: 'hi', user: 7 }, 400, 'invalid-body'],
  ['an empty conversation', '/v1/chat', { message: 'hi', conversation: '' }, 400, 'invalid-body'],
  ['a conversation of 201', '/v1/chat', { message: 'hi', conversation: 'c'.repeat(201) }, 400, 'invalid-body'],
  ['an unknown character', '/v1/chat', { message: 'hi', character: 'nobody-here' }, 400, 'unknown-character'],
  ['a body of 300 KB', '/v1/chat', { message: 'hi', more: 'x'.repeat(300_000) }, 413, 'body-too-large'],
  ['null for a text', '/v1/predict', { text: null }, 400, 'invalid-body'],
  ['a text of 4,001', '/v1/predict', { text: long }, 400, 'invalid-body'],
  ['a blank text', '/v1/predict', { text: '\u200b' }, 400, 'invalid-body'],
  ['no texts', '/v1/predict/batch', { texts: [] }, 400, 'invalid-body'],
  ['257 texts', '/v1/predict/batch', { texts: Array(257).fill('a') }, 400, 'invalid-body'],
  ['a number among texts', '/v1/predict/batch', { texts: ['a', 1] }, 400, 'invalid-body'],
  ['a string for texts', '/v1/predict/batch', { texts: 'a' }, 400, 'invalid-body'],
  ['a vote of maybe', '/v1/feedback', { reply: 'x', value: 'maybe' }, 400, 'invalid-body'],
  ['a vote without a value', '/v1/feedback', { reply: 'x' }, 400, 'invalid-body'],
  ['a vote without a reply', '/v1/feedback', { value: 'up' }, 400, 'invalid-body'],
  ['an unknown reply', '/v1/feedback', { reply: '00000000-0000-4000-8000-999999999999', value: 'up' }, 404, 'unknown-reply'],
  ['an unknown route', '/v1/nothing', { a: 1 }, 404, 'not-found'],
])('%s is refused as a problem document', async (_name, url, body, status, code) => {
  const { call, core } = await serve();
  const r = await call('POST', url, body);
  expect(r).toMatchObject({ status, json: { status, code } });
  expect(r.type).toMatch(/^application\/problem\+json/);
  expect(Object.keys(r.json)).toEqual(expect.arrayContaining(['type', 'title', 'status', 'detail', 'code', 'instance']));
  expect(r.json.instance).toBe(`urn:uuid:${r.headers['x-request-id']}`);
  expect(core.messages).toEqual([]);
});

test('a wrong field is named', async () => {
  const { call } = await serve();
  const r = await call('POST', '/v1/predict/batch', { texts: ['a', 1] });
  expect(r.json.errors).toEqual([{ path: 'texts/1', message: expect.any(String) }]);
});

test('other content types, and addresses that cannot be read, are problems too', async () => {
  const { call } = await serve();
  expect(await call('POST', '/v1/chat', 'message=hi', { 'content-type': 'application/x-www-form-urlencoded' })).toMatchObject({
    status: 415,
    json: { code: 'unsupported-media-type' },
  });
  expect(await call('POST', '/v1/chat', 'hi', { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
  expect(await call('GET', '/v1/conversations/%zz')).toMatchObject({ status: 400, json: { code: 'invalid-request' } });
  expect(await call('GET', '/v1/conversations/c?limit=0')).toMatchObject({ status: 400, json: { code: 'invalid-request' } });
});

test.each(['🙂', '\u202eabc', 'a'.repeat(4000), '🙂'.repeat(4000), '@everyone', '\u0000\u0007bell', '<script>alert(1)</script>'])(
  'it takes %j',
  async (message) => {
    const { call, core } = await serve();
    expect((await call('POST', '/v1/chat', { message })).status).toBe(200);
    expect(core.messages[0]?.text).toBe(message === '\u0000\u0007bell' ? 'bell' : message);
  },
);

test.each([
  [{ type: 'limited', retryAfterS: 12.3 } as const, 429, 'rate-limited', '13'],
  [{ type: 'silent', reason: 'stopped' } as const, 409, 'stopped', undefined],
  [{ type: 'silent', reason: 'handed-off' } as const, 409, 'handed-off', undefined],
  [{ type: 'silent', reason: 'deleted' } as const, 409, 'deleted', undefined],
  [{ type: 'silent', reason: 'channel-not-allowed' } as const, 403, 'channel-not-allowed', undefined],
  [{ type: 'failed', code: 'inference-away', message: 'Inference is away.' } as const, 503, 'inference-away', '5'],
])('a turn that ends as %j is a %i', async (update, status, code, retryAfter) => {
  const { call, core } = await serve();
  core.onMessage = (event) => core.publish(event.address.channel, event.id, update);
  for (const headers of [{}, { accept: 'text/event-stream' }]) {
    const r = await call('POST', '/v1/chat', { message: 'hi' }, headers as Record<string, string>);
    expect(r).toMatchObject({ status, json: { status, code } });
    expect(r.headers['retry-after']).toBe(retryAfter);
    expect(core.watching()).toBe(0);
  }
});

test('a late reply is a 504 that says where it will be', async () => {
  const { call, core } = await serve({ timeoutMs: 30 });
  core.onMessage = () => {};
  const r = await call('POST', '/v1/chat', { message: 'hi' });
  expect(r).toMatchObject({ status: 504, json: { code: 'late', detail: expect.stringContaining('history') } });
});

test('messages of one burst that were merged get the same reply', async () => {
  const { call, core } = await serve();
  core.onMessage = () => {
    if (core.messages.length < 3) return;
    const answer = core.answerTo(core.messages[0]!);
    for (const m of core.messages) core.publish(m.address.channel, m.id, { type: 'reply', answer });
  };
  const all = await Promise.all(
    ['one', 'two', 'three'].map((message) => call('POST', '/v1/chat', { message, conversation: 'burst', user: 'ada' })),
  );
  expect(all.map((r) => r.status)).toEqual([200, 200, 200]);
  expect(new Set(all.map((r) => r.json.reply.id)).size).toBe(1);
});

test('what the core cannot do now is a 503 with its code, what breaks is a 500 without its words', async () => {
  const { call, core } = await serve();
  core.services.predict = async () => {
    throw new TroupeError('inference-away', 'Inference does not answer.', { retryable: true });
  };
  const away = await call('POST', '/v1/predict', { text: 'hi' });
  expect(away).toMatchObject({ status: 503, json: { code: 'inference-away' } });
  expect(away.headers['retry-after']).toBe('5');
  core.services.predict = async () => {
    throw new Error('secret path /srv/x');
  };
  const broken = await call('POST', '/v1/predict', { text: 'hi' });
  expect(broken).toMatchObject({ status: 500, json: { code: 'internal' } });
  expect(broken.text).not.toContain('secret');
  core.onMessage = () => Promise.reject(new TroupeError('inbox-away', 'The inbox is away.', { retryable: true }));
  expect(await call('POST', '/v1/chat', { message: 'hi' })).toMatchObject({ status: 503, json: { code: 'inbox-away' } });
  expect(await call('POST', '/v1/chat', { message: 'hi' }, { accept: 'text/event-stream' })).toMatchObject({
    status: 503,
    json: { code: 'inbox-away' },
  });
});

test('it reads one text and 256 of them, in order', async () => {
  const { call } = await serve();
  const one = await call('POST', '/v1/predict', { text: 'thank you' });
  fits(schemas.PredictionAnswer, one.json);
  expect(one.json.emotions[0].label).toBe('gratitude');
  const texts = Array.from({ length: 256 }, (_, i) => (i % 2 ? 'thank you' : 'I am nervous'));
  const all = await call('POST', '/v1/predict/batch', { texts });
  fits(schemas.BatchAnswer, all.json);
  expect(all.json.results.map((p: { emotions: { label: string }[] }) => p.emotions[0]?.label)).toEqual(
    texts.map((t) => (t === 'thank you' ? 'gratitude' : 'nervousness')),
  );
  const largest = await call('POST', '/v1/predict/batch', { texts: Array(256).fill('🙂'.repeat(4000)) });
  expect(largest.status).toBe(200);
});

test('a vote is passed on as up, down and taken back, each by its person', async () => {
  const { call, core } = await serve();
  const { json } = await call('POST', '/v1/chat', { message: 'hi', user: 'ada' });
  for (const value of ['up', 'down', null]) {
    const r = await call('POST', '/v1/feedback', { reply: json.reply.id, value, user: 'ada', reason: 'too\u0000 short' });
    expect([r.status, r.text]).toEqual([204, '']);
  }
  await call('POST', '/v1/feedback', { reply: json.reply.id, value: 'up' });
  expect(core.votes.map((v) => [v.person.id, v.value])).toEqual([
    ['user:ada', 'up'],
    ['user:ada', 'down'],
    ['user:ada', null],
    ['anonymous', 'up'],
  ]);
  expect(core.votes[0]).toMatchObject({ workspace: 'web', target: { replyId: json.reply.id }, via: 'api', reason: 'too short' });
});

test('characters, models and a conversation’s past have the shape they document', async () => {
  const { call } = await serve();
  const id = 'a/strange id ✨';
  await call('POST', '/v1/chat', { message: 'hello there', conversation: id });
  const past = await call('GET', `/v1/conversations/${encodeURIComponent(id)}`);
  fits(schemas.ConversationAnswer, past.json);
  expect(past.json.entries.map((e: { role: string }) => e.role)).toEqual(['user', 'character']);
  expect((await call('GET', `/v1/conversations/${encodeURIComponent(id)}?limit=1`)).json.entries).toHaveLength(1);
  expect((await call('GET', '/v1/conversations/never')).json).toEqual({ conversation: 'never', entries: [] });
  fits(schemas.CharactersAnswer, (await call('GET', '/v1/characters')).json);
  fits(schemas.ModelsAnswer, (await call('GET', '/v1/models')).json);
});

test('it is alive always and ready when everything is', async () => {
  const { call, core } = await serve();
  expect(await call('GET', '/healthz')).toMatchObject({ status: 200, json: { alive: true } });
  expect(await call('GET', '/readyz')).toMatchObject({ status: 200, json: { ready: true } });
  core.failing = [{ name: 'redis', reason: 'does not answer' }];
  expect(await call('GET', '/healthz')).toMatchObject({ status: 200 });
  const r = await call('GET', '/readyz');
  expect(r).toMatchObject({ status: 503, json: { code: 'not-ready', failing: core.failing, detail: 'redis: does not answer' } });
});

test('metrics are passed on with their content type', async () => {
  const { call } = await serve();
  expect(await call('GET', '/metrics')).toMatchObject({
    status: 200,
    type: 'text/plain; version=0.0.4; charset=utf-8',
    text: expect.stringContaining('troupe_turns_total'),
  });
});

test('the outer guard lets a benchmark through and stops a loop gone wild', async () => {
  const { call } = await serve();
  let status = 0;
  let count = 0;
  for (; count < 20_000 && status !== 429; count++) status = (await call('GET', '/healthz')).status;
  expect(status).toBe(429);
  expect(count).toBeGreaterThan(32 * 100);
  expect(await call('GET', '/healthz')).toMatchObject({
    json: { code: 'too-many-requests' },
    headers: { 'retry-after': expect.any(String) },
  });
});
