import { createHash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { createFakeCore } from '../../../../test/web/fake-core.ts';
import { createFakeServer } from '../../../../test/web/fake-server.ts';
import type { HttpMount } from '../../platform.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => void (await Promise.all(open.splice(0).map((app) => app.close()))));

const hashing: HttpMount = {
  path: '/elsewhere/events',
  handle(request, response) {
    const hash = createHash('sha256');
    request.on('data', (chunk) => hash.update(chunk));
    request.on('end', () =>
      response.writeHead(202, { 'content-type': 'text/plain' }).end(`${request.method} ${request.url} ${hash.digest('hex')}`),
    );
  },
};

async function serve(mounts: HttpMount[], apiKey?: string) {
  const services = { ...createFakeCore().services, mounts: () => mounts };
  const server = await createFakeServer({ services, apiKey });
  open.push(server.app);
  return { ...server, base: await server.listen() };
}

test.each(['application/json', 'application/x-www-form-urlencoded', 'text/plain', undefined])(
  'a mounted path gets the bytes as they were sent (%s), without our key and with nothing in between',
  async (type) => {
    const { base } = await serve([hashing], 'a-key');
    const body = '{"broken": \r\n  1,}';
    const r = await fetch(`${base}/elsewhere/events?x=1`, {
      method: 'POST',
      body: Buffer.from(body),
      headers: type ? { 'content-type': type } : {},
    });
    expect(r.status).toBe(202);
    expect(await r.text()).toBe(`POST /elsewhere/events?x=1 ${createHash('sha256').update(body).digest('hex')}`);
  },
);

test('paths beside it stay ours', async () => {
  const { app } = await serve([hashing]);
  expect((await app.inject({ method: 'POST', url: '/elsewhere/other', payload: {} })).json()).toMatchObject({ code: 'not-found' });
  expect(Object.keys((await app.inject('/openapi.json')).json().paths)).not.toContain('/elsewhere/events');
});

test('a path that is taken stops the start', async () => {
  await expect(serve([{ ...hashing, path: '/v1/chat' }])).rejects.toMatchObject({
    code: 'path-taken',
    message: expect.stringContaining('/v1/chat'),
  });
});
