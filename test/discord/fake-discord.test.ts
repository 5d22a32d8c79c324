// The fake keeps Discord's rules: what it shows, remembers, refuses and replays, and in the documented shapes.
import { once } from 'node:events';
import {
  type APIMessage,
  GatewayIntentBits,
  type GatewayMessageCreateDispatchData,
  type GatewayMessageReactionAddDispatchData,
  GatewayOpcodes,
  type GatewayReadyDispatchData,
} from 'discord-api-types/v10';
import { afterEach, beforeEach, expect, expectTypeOf, test } from 'vitest';
import { WebSocket } from 'ws';
import { type FakeDiscord, startFakeDiscord } from './fake-discord.ts';
import { message, messageCreate, reactionAdd, ready } from './payloads.ts';

let fake: FakeDiscord;
beforeEach(async () => {
  fake = await startFakeDiscord();
});
afterEach(() => fake.stop());

/** Whatever an answer may hold; a list of messages comes from `list`. */
interface Body extends APIMessage {
  url: string;
  code: number;
  message: string;
}

async function api(method: string, path: string, body?: unknown, token = fake.token) {
  const response = await fetch(`${fake.apiBase}/v10${path}`, {
    method,
    headers: { authorization: `Bot ${token}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}
const list = async (query = '') => (await api('GET', `/channels/${fake.channel}/messages?${query}`)).body as unknown as APIMessage[];
const post = (body: Record<string, unknown>) => api('POST', `/channels/${fake.channel}/messages`, body);

/** A bare client of the gateway: whatever it receives, in order. */
async function open(intents: number, token = fake.token) {
  const { url } = (await api('GET', '/gateway/bot')).body;
  const socket = new WebSocket(`${url}?v=10&encoding=json`);
  const received: { op: number; t?: string; s?: number; d: Record<string, unknown> }[] = [];
  let arrived = () => {};
  socket.on('message', (raw) => {
    received.push(JSON.parse(String(raw)));
    arrived();
  });
  const next = async (kind: number | string) => {
    for (;;) {
      const at = received.findIndex(({ op, t }) => op === kind || t === kind);
      const found = received[at];
      if (found) {
        received.splice(0, at + 1);
        return found;
      }
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  };
  const send = (op: number, d: unknown) => socket.send(JSON.stringify({ op, d }));
  await next(GatewayOpcodes.Hello);
  send(GatewayOpcodes.Identify, { token, intents, properties: {} });
  return { socket, next, send, received };
}

test('makes the payloads of the documentation', () => {
  expectTypeOf(message).returns.toEqualTypeOf<APIMessage>();
  expectTypeOf(messageCreate).returns.toEqualTypeOf<GatewayMessageCreateDispatchData>();
  expectTypeOf(reactionAdd).returns.toEqualTypeOf<GatewayMessageReactionAddDispatchData>();
  expectTypeOf(ready).returns.toEqualTypeOf<GatewayReadyDispatchData>();
});

test('refuses a wrong token in both places', async () => {
  expect(await api('GET', '/users/@me', undefined, 'wrong')).toMatchObject({
    status: 401,
    body: { message: '401: Unauthorized', code: 0 },
  });
  const { socket } = await open(0, 'wrong');
  expect((await once(socket, 'close'))[0]).toBe(4004);
});

test('refuses a privileged intent that was not turned on', async () => {
  const { socket } = await open(GatewayIntentBits.MessageContent);
  expect((await once(socket, 'close'))[0]).toBe(4014);
});

test('returns the earlier message for a nonce that is enforced, until it has forgotten it', async () => {
  const first = await post({ content: 'hello', nonce: 'abc', enforce_nonce: true });
  expect(first.body.nonce).toBe('abc');
  expect((await post({ content: 'hello', nonce: 'abc', enforce_nonce: true })).body.id).toBe(first.body.id);
  fake.delete(first.body.id);
  expect(await post({ content: 'hello', nonce: 'abc', enforce_nonce: true })).toMatchObject({ status: 404, body: { code: 10_008 } });
  fake.forgetNonces();
  expect((await post({ content: 'hello', nonce: 'abc', enforce_nonce: true })).body.id).not.toBe(first.body.id);
  expect((await list())[0]).not.toHaveProperty('nonce');
});

test('refuses what is too long, empty or has too long a nonce', async () => {
  expect((await post({ content: 'x'.repeat(2001) })).status).toBe(400);
  expect((await post({ content: '  \n' })).body.code).toBe(50_006);
  expect((await post({ content: 'x', nonce: 'x'.repeat(26) })).status).toBe(400);
  expect((await api('POST', '/channels/1/messages', { content: 'x' })).body.code).toBe(10_003);
});

test('pings whom allowed_mentions allows', async () => {
  const content = `@everyone <@${fake.person.user.id}> ${fake.roleMention}`;
  expect((await post({ content })).body).toMatchObject({
    mention_everyone: true,
    mentions: [{ id: fake.person.user.id }],
    mention_roles: [expect.any(String)],
  });
  expect((await post({ content, allowed_mentions: { parse: [] } })).body).toMatchObject({
    mention_everyone: false,
    mentions: [],
    mention_roles: [],
  });
});

test('pages through the history', async () => {
  const ids = ['a', 'b', 'c', 'd', 'e'].map((text) => fake.say(text).id);
  const page = async (query: string) => (await list(query)).map(({ id }) => ids.indexOf(id));
  expect(await page('limit=2')).toEqual([4, 3]);
  expect(await page(`after=${ids[0]}&limit=2`)).toEqual([2, 1]);
  expect(await page(`before=${ids[3]}&limit=2`)).toEqual([2, 1]);
  expect(await page(`around=${ids[2]}&limit=3`)).toEqual([3, 2, 1]);
});

test('hides text that a bot without the intent may not read', async () => {
  const { next } = await open(GatewayIntentBits.GuildMessages | GatewayIntentBits.DirectMessages);
  await next('READY');
  fake.say('not for bots');
  expect((await next('MESSAGE_CREATE')).d).toMatchObject({ content: '', guild_id: fake.guild, member: { nick: null } });
  fake.say(`${fake.mention} for this one`);
  expect((await next('MESSAGE_CREATE')).d.content).toBe(`${fake.mention} for this one`);
  fake.dm('alone');
  expect((await next('MESSAGE_CREATE')).d).toMatchObject({ content: 'alone' });
  expect((await list()).map(({ content }) => content)).toEqual([`${fake.mention} for this one`, '']);
});

test('sends only what the intents ask for', async () => {
  const { next, received } = await open(GatewayIntentBits.GuildMessageReactions);
  await next('GUILD_CREATE');
  const { id } = fake.say('hello');
  fake.react(id, '👍');
  expect((await next('MESSAGE_REACTION_ADD')).d).toMatchObject({ message_id: id, message_author_id: fake.person.user.id });
  expect(received).toEqual([]);
});

test('replays a session that is resumed, and refuses one that it has forgotten', async () => {
  const first = await open(GatewayIntentBits.GuildMessages);
  const session = (await first.next('READY')).d.session_id;
  const seq = (await first.next('GUILD_CREATE')).s;
  fake.dropConnections();
  const { id } = fake.say('meanwhile');
  const second = await open(0);
  second.send(GatewayOpcodes.Resume, { token: fake.token, session_id: session, seq });
  expect((await second.next('MESSAGE_CREATE')).d.id).toBe(id);
  await second.next('RESUMED');
  fake.dropConnections({ forget: true });
  const third = await open(0);
  third.send(GatewayOpcodes.Resume, { token: fake.token, session_id: session, seq });
  expect(await third.next(GatewayOpcodes.InvalidSession)).toMatchObject({ d: false });
});

test('acknowledges heartbeats', async () => {
  const { next, send } = await open(0);
  send(GatewayOpcodes.Heartbeat, null);
  await next(GatewayOpcodes.HeartbeatAck);
});

test('fails to order', async () => {
  fake.failNext({ method: 'POST', path: /messages$/, retryAfterS: 2 });
  const limited = await post({ content: 'x' });
  expect(limited).toMatchObject({ status: 429, body: { retry_after: 2, global: false } });
  expect(limited.headers.get('retry-after')).toBe('2');
  fake.failNext({ status: 502, times: 2 });
  expect((await api('GET', '/users/@me')).status).toBe(502);
  expect((await api('GET', '/users/@me')).status).toBe(502);
  expect((await api('GET', '/users/@me')).status).toBe(200);
  fake.failNext({ method: 'POST', accept: true, cut: 'close' });
  await expect(post({ content: 'accepted' })).rejects.toThrow();
  expect(fake.messages().map(({ content }) => content)).toEqual(['accepted']);
});
