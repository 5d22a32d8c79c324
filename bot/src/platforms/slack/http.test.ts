import fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RecordedInbound, recordInbound } from '../../../../test/platform-contract.ts';
import { makeWorld, type World } from '../../../../test/slack/world.ts';
import type { Platform } from '../../platform.ts';

describe('Slack over HTTP', () => {
  let world: World;
  let platform: Platform;
  let inbound: RecordedInbound;

  beforeEach(async () => {
    world = await makeWorld('http');
    inbound = recordInbound();
    platform = world.create();
  });
  afterEach(async () => {
    await platform.stop();
    await world.close();
  });

  const event = (text: string) =>
    JSON.stringify(
      world.slack.envelope({ type: 'message', channel_type: 'im', channel: 'D0ALICE', user: 'U0ALICE', text, ts: '1700000000.000100' }),
    );

  test('answers the challenge of the URL', async () => {
    await platform.start(inbound);
    expect(await world.slack.deliverHttp(world.url)).toEqual({ status: 200, body: '{"challenge":"challenge-1"}' });
    expect(inbound.connections).toEqual([{ connected: true, reason: '@troupe in Acme, HTTP at /slack/events' }]);
  });

  test('refuses a wrong signature, an old one, and none', async () => {
    await platform.start(inbound);
    const { slack, url } = world;
    expect((await slack.postSigned(url, event('forged'), { secret: 'guessed' })).status).toBe(401);
    expect((await slack.postSigned(url, event('replayed'), { timestampS: Math.floor(Date.now() / 1000) - 600 })).status).toBe(401);
    expect((await fetch(url, { method: 'POST', body: event('bare'), headers: { 'content-type': 'application/json' } })).status).toBe(401);
    const smuggled = new URLSearchParams({ ssl_check: '1', payload: event('smuggled') }).toString();
    await fetch(url, { method: 'POST', body: smuggled, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    expect((await fetch(url)).status).toBe(404);
    expect((await slack.postSigned(url, event('right'))).status).toBe(200);
    expect(inbound.messages.map(({ text }) => text)).toEqual(['right']);
  });

  test('asks to come again before the start and after the end', async () => {
    const { slack, url } = world;
    expect((await slack.postSigned(url, event('early'))).status).toBe(503);
    await platform.start(inbound);
    await platform.stop();
    expect((await slack.postSigned(url, event('late'))).status).toBe(503);
    expect(inbound.messages).toEqual([]);
  });

  test('works mounted on a fastify server, with the body unread', async () => {
    await platform.start(inbound);
    const app = fastify();
    const { path, handle } = platform.http!;
    app.route({
      method: ['GET', 'POST'],
      url: path,
      onRequest: async (request, reply) => {
        reply.hijack();
        handle(request.raw, reply.raw);
      },
      handler: () => {},
    });
    const address = await app.listen({ port: 0, host: '127.0.0.1' });
    expect((await world.slack.postSigned(`${address}${path}`, event('through fastify'))).status).toBe(200);
    expect((await world.slack.postSigned(`${address}${path}`, event('forged'), { secret: 'x' })).status).toBe(401);
    expect(inbound.messages.map(({ text }) => text)).toEqual(['through fastify']);
    await app.close();
  });
});
