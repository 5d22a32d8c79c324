import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { createFakeServer } from '../../../../test/web/fake-server.ts';
import { platform } from './index.ts';
import type { WebOptions } from './server.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => void (await Promise.all(open.splice(0).map((app) => app.close()))));

async function serve(options: Partial<WebOptions> = {}) {
  const server = await createFakeServer(options);
  open.push(server.app);
  return { ...server, base: await server.listen() };
}

/** Sends everything before it reads anything, as simple clients do. */
async function raw(base: string, head: string, body: Buffer): Promise<string> {
  const socket = connect(Number(new URL(base).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  socket.write(head);
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.write(body, () => resolve());
  });
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.endsWith('}')) socket.end();
  });
  socket.resume();
  await once(socket, 'close');
  return text;
}

test.each([
  ['with its length', (size: number) => `content-length: ${size}`, (body: Buffer) => body],
  [
    'in chunks',
    () => 'transfer-encoding: chunked',
    (body: Buffer) => Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]),
  ],
])('a body of 10 MB sent %s is answered with a 413 that reaches a client still sending', async (_name, header, encode) => {
  const { base } = await serve();
  const body = Buffer.from(JSON.stringify({ message: 'x'.repeat(10_000_000) }));
  const answer = await raw(
    base,
    `POST /v1/chat HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${header(body.length)}\r\n\r\n`,
    encode(body),
  );
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain('application/problem+json');
  expect(answer).toContain('"code":"body-too-large"');
});

test('10 MB through fetch is a 413 too', async () => {
  const { base } = await serve();
  const r = await fetch(`${base}/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ message: 'x'.repeat(10_000_000) }),
  });
  expect(r.status).toBe(413);
  expect(await r.json()).toMatchObject({ code: 'body-too-large' });
});

test('every answer carries the security headers', async () => {
  const { app } = await serve();
  for (const url of ['/', '/healthz', '/v1/characters', '/nothing', '/docs']) {
    const { headers } = await app.inject(url);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'same-origin' });
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).not.toMatch(/script-src[^;]*unsafe/);
  }
});

test('the page and its files are served with a policy of their own, and nothing beside them', async () => {
  const { app } = await serve();
  const page = await app.inject('/');
  expect(page.headers['content-type']).toMatch(/^text\/html/);
  expect(page.headers['content-security-policy']).toMatch(/script-src 'self';.*require-trusted-types-for 'script'/);
  for (const [, file] of page.body.matchAll(/(?:src|href)="(\/[^"/][^"]*)"/g))
    expect([file, (await app.inject(file!)).statusCode]).toEqual([file, 200]);
  for (const url of ['/../index.ts', '/%2e%2e/index.ts', '/index.ts', '/.env']) {
    const r = await app.inject(url);
    expect([url, r.statusCode, r.json().code]).toEqual([url, 404, 'not-found']);
  }
});

test('/openapi.json describes every route there is, with schemas that lead somewhere', async () => {
  const { app } = await serve();
  const document = (await app.inject('/openapi.json')).json();
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths).sort()).toEqual(
    [
      '/healthz',
      '/metrics',
      '/readyz',
      '/v1/characters',
      '/v1/chat',
      '/v1/conversations/{id}',
      '/v1/feedback',
      '/v1/models',
      '/v1/predict',
      '/v1/predict/batch',
      '/v1/session',
    ].sort(),
  );
  const operations = Object.values<
    Record<string, { operationId: string; summary: string; requestBody?: unknown; responses: Record<string, { content?: object }> }>
  >(document.paths).flatMap((path) => Object.entries(path));
  expect(new Set(operations.map(([, o]) => o.operationId)).size).toBe(operations.length);
  for (const [method, operation] of operations) {
    expect(operation.summary).toBeTruthy();
    if (method === 'post') expect(operation.requestBody).toBeTruthy();
    for (const [status, response] of Object.entries(operation.responses))
      if (status !== '204')
        expect([operation.operationId, status, response.content]).toEqual([operation.operationId, status, expect.anything()]);
  }
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((m) => m[1]!);
  expect(references.length).toBeGreaterThan(10);
  expect(references.filter((name) => !(name in document.components.schemas))).toEqual([]);
  expect(document.components.schemas.ChatBody).toMatchObject({
    required: ['message'],
    properties: { message: { type: 'string', minLength: 1, maxLength: 4000 } },
  });
});

test('/docs works without the network', async () => {
  const { app } = await serve();
  const { body } = await app.inject('/docs');
  expect(body).not.toMatch(/(src|href)="https?:/);
  for (const [, file] of body.matchAll(/(?:src|href)="([^"]+)"/g)) expect((await app.inject(file!)).statusCode).toBe(200);
});

test('settings have defaults, and a wrong one is named', () => {
  expect(platform.settings.parse({})).toEqual({ port: 3000, host: '127.0.0.1', apiKey: undefined });
  expect(platform.settings.parse({ PORT: '8080', HOST: '0.0.0.0', API_KEY: 'k', PATH: '/bin' })).toEqual({
    port: 8080,
    host: '0.0.0.0',
    apiKey: 'k',
  });
  for (const PORT of ['http', '70000', '-1', '3.5']) expect(platform.settings.safeParse({ PORT }).error?.issues[0]?.path).toEqual(['PORT']);
});

test('a taken port stops the start and names the setting', async () => {
  const { base, core } = await serve();
  const context = { log: (await import('pino')).pino({ level: 'silent' }), now: Date.now, services: core.services };
  const second = await platform.create({ port: Number(new URL(base).port), host: '127.0.0.1', apiKey: undefined }, context);
  await expect(second.start(core.inbound)).rejects.toMatchObject({ code: 'port-in-use', message: expect.stringContaining('PORT') });
  const third = await platform.create({ port: 0, host: '127.0.0.1', apiKey: undefined }, context);
  await third.start(core.inbound);
  expect(core.connections).toEqual([{ connected: true, reason: expect.stringMatching(/^http:\/\/localhost:\d+$/) }]);
  expect(
    await third.send({
      outboxId: 'o',
      replyId: 'r',
      address: { workspace: 'web', channel: 'c', place: {} },
      text: 't',
      character: { slug: 's', name: 'S' },
      expression: 'neutral',
      attempt: 1,
      notice: null,
    }),
  ).toEqual({ ids: ['r'] });
  await third.stop();
});

test('overloaded it refuses with Retry-After, and still says that it lives', async () => {
  const { app } = await serve({ pressure: { maxEventLoopDelay: 20, sampleInterval: 40 } });
  const work = setInterval(() => {
    const until = performance.now() + 60;
    while (performance.now() < until);
  }, 1);
  await expect.poll(async () => (await app.inject('/v1/characters')).json().code, { timeout: 20_000 }).toBe('overloaded');
  const [refused, alive] = await Promise.all([app.inject('/v1/characters'), app.inject('/healthz')]);
  clearInterval(work);
  expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '5']);
  expect(alive.statusCode).toBe(200);
  await expect.poll(async () => (await app.inject('/v1/characters')).statusCode, { timeout: 20_000 }).toBe(200);
});

test('a browser’s spare sockets do not hold up the end', async () => {
  const { app, base } = await createFakeServer().then(async (server) => ({ ...server, base: await server.listen() }));
  const spare = connect(Number(new URL(base).port), '127.0.0.1');
  await once(spare, 'connect');
  await fetch(`${base}/healthz`).then((r) => r.text());
  // The time after which every socket is closed does not come.
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  try {
    await app.close();
  } finally {
    vi.useRealTimers();
  }
});
