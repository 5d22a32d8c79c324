import { afterEach, expect, test } from 'vitest';
import { createFakeServer } from '../../../../test/web/fake-server.ts';
import { SESSION_COOKIE } from './access.ts';
import type { WebOptions } from './server.ts';

const KEY = 'a-key-nobody-guesses';
const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => void (await Promise.all(open.splice(0).map((app) => app.close()))));

async function serve(options: Partial<WebOptions> = { apiKey: KEY }) {
  const server = await createFakeServer(options);
  open.push(server.app);
  const call = (method: 'GET' | 'POST' | 'DELETE', url: string, headers: Record<string, string> = {}, payload?: object) =>
    server.app.inject({ method, url, headers, ...(payload && { payload }) });
  const signIn = async (key = KEY, headers: Record<string, string> = {}) => {
    const r = await call('POST', '/v1/session', headers, { key });
    return { status: r.statusCode, cookie: r.cookies[0], header: `${SESSION_COOKIE}=${r.cookies[0]?.value}` };
  };
  return { ...server, call, signIn };
}
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

const ROUTES = [
  ['POST', '/v1/chat', { message: 'hi' }],
  ['POST', '/v1/predict', { text: 'hi' }],
  ['POST', '/v1/predict/batch', { texts: ['hi'] }],
  ['POST', '/v1/feedback', { reply: 'x', value: 'up' }],
  ['GET', '/v1/characters', undefined],
  ['GET', '/v1/models', undefined],
  ['GET', '/v1/conversations/c', undefined],
  ['GET', '/metrics', undefined],
] as const;

test.each(ROUTES)('%s %s takes the key and nothing else', async (method, url, body) => {
  const { call, core } = await serve();
  for (const headers of [
    {},
    bearer('wrong'),
    bearer(`${KEY}x`),
    { authorization: `Basic ${KEY}` },
    { cookie: `${SESSION_COOKIE}=made-up` },
  ] as Record<string, string>[]) {
    const r = await call(method, url, headers, body);
    expect([r.statusCode, r.json().code, r.headers['www-authenticate']]).toEqual([401, 'key-required', 'Bearer realm="troupe"']);
  }
  expect(core.messages).toEqual([]);
  for (const headers of [bearer(KEY), { authorization: `bearer ${KEY}` }])
    expect([200, 404]).toContain((await call(method, url, headers, body)).statusCode);
});

test('what machines and visitors need first is open: health, docs, the page', async () => {
  const { call } = await serve();
  for (const url of ['/healthz', '/readyz', '/docs', '/openapi.json', '/', '/v1/session'])
    expect((await call('GET', url)).statusCode).toBe(200);
});

test('the key once gives a cookie that scripts cannot read, and the cookie opens /v1 and /metrics', async () => {
  const { call, signIn } = await serve();
  const { status, cookie, header } = await signIn();
  expect(status).toBe(204);
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' });
  expect(cookie?.value).not.toContain(KEY);
  for (const url of ['/v1/characters', '/metrics']) expect((await call('GET', url, { cookie: header })).statusCode).toBe(200);
  expect((await call('GET', '/v1/session', { cookie: header })).json()).toEqual({ required: true, active: true });
  expect((await call('GET', '/v1/session')).json()).toEqual({ required: true, active: false });
});

test('the cookie is marked secure behind https', async () => {
  const { signIn } = await serve();
  expect((await signIn()).cookie?.secure).toBeUndefined();
  expect((await signIn(KEY, { 'x-forwarded-proto': 'https' })).cookie?.secure).toBe(true);
});

test('signing out ends the session, and so does time', async () => {
  let nowMs = 0;
  const { call, signIn } = await serve({ apiKey: KEY, now: () => nowMs });
  const [first, second] = [await signIn(), await signIn()];
  expect((await call('DELETE', '/v1/session', { cookie: first.header })).statusCode).toBe(204);
  expect((await call('GET', '/v1/characters', { cookie: first.header })).statusCode).toBe(401);
  expect((await call('GET', '/v1/characters', { cookie: second.header })).statusCode).toBe(200);
  nowMs = 31 * 86_400_000;
  expect((await call('GET', '/v1/characters', { cookie: second.header })).statusCode).toBe(401);
});

test('a session outlives a restart, but not its key, and cannot be made longer', async () => {
  const { signIn } = await serve();
  const { header, cookie } = await signIn();
  const again = await serve();
  expect((await again.call('GET', '/v1/characters', { cookie: header })).statusCode).toBe(200);
  const rekeyed = await serve({ apiKey: 'another-key' });
  expect((await rekeyed.call('GET', '/v1/characters', { cookie: header })).statusCode).toBe(401);
  const [endsAt, ...rest] = cookie!.value.split('.');
  for (const forged of [[Number(endsAt) + 1, ...rest], [endsAt, 'x', rest[1]], [endsAt, rest[0], 'x'], [endsAt], ['NaN', '', '']])
    expect((await again.call('GET', '/v1/characters', { cookie: `${SESSION_COOKIE}=${forged.join('.')}` })).statusCode).toBe(401);
});

test.each([
  ['the same origin, by Sec-Fetch-Site', { 'sec-fetch-site': 'same-origin' }, 200],
  ['the same origin, by Origin', { origin: 'http://localhost:80' }, 200],
  ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, 403],
  ['another site of the same domain', { 'sec-fetch-site': 'same-site' }, 403],
  ['another origin', { origin: 'https://evil.example' }, 403],
  ['an origin that hides', { origin: 'null' }, 403],
  ['nobody knows where', {}, 403],
] as [string, Record<string, string>, number][])('a cookie that comes from %s acts accordingly', async (_name, headers, status) => {
  const { call, signIn, core } = await serve();
  const { header } = await signIn();
  const r = await call('POST', '/v1/chat', { host: 'localhost:80', cookie: header, ...headers }, { message: 'hi' });
  expect(r.statusCode).toBe(status);
  if (status === 403) expect(r.json().code).toBe('cross-site');
  expect(core.messages).toHaveLength(status === 200 ? 1 : 0);
});

test('a bearer token needs no origin: it is never sent by itself', async () => {
  const { call } = await serve();
  expect((await call('POST', '/v1/chat', { ...bearer(KEY), origin: 'https://tool.example' }, { message: 'hi' })).statusCode).toBe(200);
});

test('another site cannot sign a visitor in or out', async () => {
  const { call, signIn } = await serve();
  expect((await signIn(KEY, { origin: 'https://evil.example' })).status).toBe(403);
  expect((await call('DELETE', '/v1/session', { 'sec-fetch-site': 'cross-site' })).statusCode).toBe(403);
});

test('guessing keys is slowed down, the right key never', async () => {
  const { call, signIn } = await serve();
  let tries = 0;
  while (tries < 100 && (await call('GET', '/v1/characters', bearer(`wrong-${tries}`))).statusCode === 401) tries++;
  expect(tries).toBe(30);
  const r = await call('POST', '/v1/session', {}, { key: 'wrong' });
  expect([r.statusCode, r.json().code, Number(r.headers['retry-after']) > 0]).toEqual([429, 'too-many-attempts', true]);
  expect((await call('GET', '/v1/characters', bearer(KEY))).statusCode).toBe(200);
  expect((await signIn()).status).toBe(204);
});

test('without a key everything is open to this machine', async () => {
  const { call } = await serve({});
  for (const [method, url, body] of ROUTES) expect([200, 404]).toContain((await call(method, url, {}, body)).statusCode);
  expect((await call('GET', '/v1/session')).json()).toEqual({ required: false, active: true });
  const r = await call('POST', '/v1/session', {}, { key: 'anything' });
  expect([r.statusCode, r.cookies]).toEqual([204, []]);
});

test.each([
  ['localhost:3000', {}, 200],
  ['127.0.0.1:3000', {}, 200],
  ['[::1]:3000', {}, 200],
  ['troupe.localhost:3000', {}, 200],
  ['rebound.example:3000', {}, 403],
  ['localhost:3000', { origin: 'https://evil.example' }, 403],
  ['localhost:3000', { 'sec-fetch-site': 'cross-site' }, 403],
  ['localhost:3000', { origin: 'http://localhost:3000' }, 200],
] as [string, Record<string, string>, number][])('without a key a request to %s with %j is a %i', async (host, headers, status) => {
  const { call } = await serve({});
  expect((await call('POST', '/v1/chat', { host, ...headers }, { message: 'hi' })).statusCode).toBe(status);
});

test('no answer invites other origins', async () => {
  const { call } = await serve({});
  const r = await call('GET', '/v1/characters', { origin: 'https://other.example' });
  expect(Object.keys(r.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  expect((await server405(call)).statusCode).toBe(404);
});

function server405(call: Awaited<ReturnType<typeof serve>>['call']) {
  return call('DELETE', '/v1/chat');
}
