import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDiscord } from '../../../../test/discord/create-discord.ts';
import { type FakeDiscord, startFakeDiscord } from '../../../../test/discord/fake-discord.ts';
import { type RecordedInbound, recordInbound } from '../../../../test/platform-contract.ts';
import type { Platform } from '../../platform.ts';

describe('Discord', () => {
  let fake: FakeDiscord;
  let inbound: RecordedInbound;
  let platform: Platform;

  beforeEach(async () => {
    fake = await startFakeDiscord();
    inbound = recordInbound();
    platform = createDiscord({ DISCORD_TOKEN: fake.token, DISCORD_API_BASE: fake.apiBase });
  });
  afterEach(async () => {
    inbound.release();
    await platform.stop();
    await fake.stop();
  });
  const texts = () => inbound.messages.map(({ text }) => text);

  describe('connection', () => {
    test('says that it stands, with whom and where', async () => {
      await platform.start(inbound);
      expect(inbound.connections).toEqual([{ connected: true, reason: 'as troupe in 1 server' }]);
    });

    test('resumes, and misses nothing', async () => {
      await platform.start(inbound);
      fake.dropConnections();
      await inbound.nextConnection(false);
      fake.say(`${fake.mention} while you were out`);
      expect((await inbound.nextMessage()).text).toBe('while you were out');
      await inbound.nextConnection(true);
      expect(fake.gateway).toMatchObject({ identifies: 1, resumes: 1 });
    });

    test('follows when asked to reconnect', async () => {
      await platform.start(inbound);
      fake.gateway.askToReconnect();
      await inbound.nextConnection(false);
      await inbound.nextConnection(true);
      expect(fake.gateway.resumes).toBe(1);
    });

    test('begins anew when the session is gone, and looks at what it missed', async () => {
      await platform.start(inbound);
      const { id } = fake.say(`${fake.mention} before`);
      const before = await inbound.nextMessage();
      inbound.seen.push({ address: before.address, id, sentAtMs: before.sentAtMs });
      fake.dropConnections({ forget: true });
      await inbound.nextConnection(false);
      fake.say(`${fake.mention} meanwhile`);
      expect((await inbound.nextMessage(({ text }) => text === 'meanwhile')).address).toMatchObject({ channel: fake.channel });
      expect(fake.gateway.identifies).toBe(2);
    });

    test('stops in the middle of reconnecting', async () => {
      await platform.start(inbound);
      fake.dropConnections();
      await inbound.nextConnection(false);
      await platform.stop();
      expect(fake.gateway.isConnected()).toBe(false);
    });

    test('tells a token that the gateway refuses', async () => {
      fake.refuseNextIdentify(4004);
      await expect(platform.start(inbound)).rejects.toMatchObject({
        code: 'discord-token-refused',
        message: expect.stringContaining('DISCORD_TOKEN'),
        retryable: false,
      });
    });

    test('tells what to do when the intent is refused', async () => {
      platform = createDiscord({ DISCORD_TOKEN: fake.token, DISCORD_API_BASE: fake.apiBase, DISCORD_MESSAGE_CONTENT: 'on' });
      await expect(platform.start(inbound)).rejects.toMatchObject({
        code: 'discord-intents-refused',
        message: expect.stringMatching(/Privileged Gateway Intents.*DISCORD_MESSAGE_CONTENT/),
      });
    });

    test('can be started again when Discord could not be reached', async () => {
      fake.failNext({ path: /gateway/, cut: 'close' });
      await expect(platform.start(inbound)).rejects.toMatchObject({ code: 'discord-unreachable', retryable: true });
      await platform.start(inbound);
      expect(inbound.connections.at(-1)).toMatchObject({ connected: true });
    });

    test('says so when the token is taken back while it runs', async () => {
      await platform.start(inbound);
      fake.dropConnections({ code: 4004 });
      expect(await inbound.nextConnection(false)).toMatchObject({ reason: expect.stringContaining('DISCORD_TOKEN') });
    });
  });

  describe('after an outage', () => {
    test('finds what was said meanwhile in its places, in order, and in channels where it never spoke', async () => {
      const quiet = fake.addChannel('quiet');
      const foyer = fake.addChannel('foyer');
      const thread = fake.addThread(fake.channel, 'backstage');
      const old = fake.say(`${fake.mention} long ago`, { channel: foyer, agoMs: 5 * 3_600_000 });
      const seen = fake.say(`${fake.mention} before the outage`, { agoMs: 3_600_000 });
      const direct = fake.dm('before the outage too', { agoMs: 2 * 3_600_000 });
      inbound.seen.push(
        {
          address: { workspace: fake.guild, channel: fake.channel, place: { channel: fake.channel, message: seen.id } },
          id: seen.id,
          sentAtMs: Date.now() - 3_600_000,
        },
        {
          address: { workspace: '@me', channel: fake.dmChannel(), place: { channel: fake.dmChannel() } },
          id: direct.id,
          sentAtMs: Date.now() - 7_200_000,
        },
      );
      fake.say(`${fake.mention} first`, { agoMs: 1_000_000 });
      fake.say('for nobody', { agoMs: 900_000 });
      fake.say(`${fake.mention} second`, { agoMs: 800_000 });
      fake.dm('alone', { agoMs: 700_000 });
      fake.say(`${fake.mention} in a thread`, { channel: thread, agoMs: 600_000 });
      fake.say(`${fake.mention} elsewhere`, { channel: foyer, agoMs: 500_000 });
      fake.say(`${fake.mention} by a bot`, { as: fake.otherBot, agoMs: 400_000 });
      await platform.start(inbound);
      const wanted = ['first', 'second', 'alone', 'in a thread', 'elsewhere'];
      for (const text of wanted) if (!texts().includes(text)) await inbound.nextMessage((event) => event.text === text);
      await platform.stop();
      expect(new Set(texts())).toEqual(new Set(wanted));
      expect(texts().indexOf('first')).toBeLessThan(texts().indexOf('second'));
      expect(inbound.messages.find(({ text }) => text === 'in a thread')?.address.channel).toBe(`${fake.channel}/${thread}`);
      expect(inbound.messages.find(({ text }) => text === 'alone')).toMatchObject({ direct: true, address: { workspace: '@me' } });
      expect(inbound.messages.map(({ id }) => id)).not.toContain(old.id);
      expect(fake.requests.some(({ path }) => path.includes(quiet))).toBe(false);
    });

    test('starts all the same when a place may not be read', async () => {
      const seen = fake.say(`${fake.mention} before`, { agoMs: 60_000 });
      inbound.seen.push({
        address: { workspace: fake.guild, channel: fake.channel, place: { channel: fake.channel } },
        id: seen.id,
        sentAtMs: Date.now() - 60_000,
      });
      fake.say(`${fake.mention} missed`, { agoMs: 30_000 });
      fake.failNext({ method: 'GET', path: /messages$/, status: 403, code: 50_001 });
      await platform.start(inbound);
      fake.say(`${fake.mention} live`);
      expect((await inbound.nextMessage()).text).toBe('live');
    });
  });
});
