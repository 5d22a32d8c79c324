import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FakeDiscord, startFakeDiscord } from '../../../../test/discord/fake-discord.ts';
import { outgoing, platformContract, type RecordedInbound, recordInbound } from '../../../../test/platform-contract.ts';
import type { Address, Platform, PlatformContext } from '../../platform.ts';
import { platform as module } from './index.ts';

const log = pino({ level: process.env.DISCORD_TEST_LOG ?? 'silent' });
const context: PlatformContext = { log, now: Date.now, services: {} as PlatformContext['services'] };

function createPlatform(environment: Record<string, string>): Platform {
  const settings = module.settings.parse(environment);
  if (!settings) throw new Error('Discord is off');
  return module.create(settings, context);
}

platformContract(
  'Discord',
  async () => {
    const fake = await startFakeDiscord();
    const environment = { DISCORD_TOKEN: fake.token, DISCORD_API_BASE: fake.apiBase };
    const mine = () => fake.messages().filter(({ author }) => author.id === fake.bot.id);
    return {
      create() {
        // After a restart Discord may have forgotten the nonces: the look back must do.
        fake.forgetNonces();
        return createPlatform(environment);
      },
      createRefused: () => ({ platform: createPlatform({ ...environment, DISCORD_TOKEN: 'not.the.token' }), setting: 'DISCORD_TOKEN' }),
      write: async (text) => ({ id: fake.say(`${fake.mention} ${text}`).id, personId: fake.person.user.id }),
      writeAsBot: async (text) => void fake.say(`${fake.mention} ${text}`, { as: fake.otherBot }),
      visible: async () => mine().map(({ id, content }) => ({ id, text: content })),
      loseNextAnswer: () => fake.failNext({ method: 'POST', path: /\/messages$/, accept: true, cut: 'close' }),
      pinged: async () =>
        mine()
          .flatMap((one) => [...(one.mention_everyone ? ['everyone'] : []), ...one.mention_roles, ...one.mentions])
          .map(String),
      thumb: async ({ messageId }, thumb, change) => fake.react(messageId, thumb === 'up' ? '👍' : '👎', { remove: change === 'remove' }),
      acknowledged: () => 0,
      close: fake.stop,
    };
  },
  { acknowledgement: "Discord's gateway has none; what was not queued comes back from the history" },
);

describe('Discord', () => {
  let fake: FakeDiscord;
  let inbound: RecordedInbound;
  let platform: Platform;

  beforeEach(async () => {
    fake = await startFakeDiscord();
    inbound = recordInbound();
    platform = createPlatform({ DISCORD_TOKEN: fake.token, DISCORD_API_BASE: fake.apiBase });
  });
  afterEach(async () => {
    inbound.release();
    await platform.stop();
    await fake.stop();
  });
  const texts = () => inbound.messages.map(({ text }) => text);
  const theirs = (channel?: string) => fake.messages(channel).filter(({ author }) => author.id === fake.bot.id);

  describe('what it hears', () => {
    beforeEach(() => platform.start(inbound));

    test('a mention anywhere in the text, by name or by the role of the same name', async () => {
      fake.say(`so, <@!${fake.bot.id}>, what now?`);
      expect((await inbound.nextMessage()).text).toBe('so, what now?');
      fake.say(`hey ${fake.mention}, how do you do?`);
      expect((await inbound.nextMessage()).text).toBe('hey, how do you do?');
      fake.say(`${fake.roleMention} ${fake.mention} hello`);
      expect((await inbound.nextMessage()).text).toBe('hello');
    });

    test('only what is for the bot', async () => {
      fake.say('nothing for anybody');
      fake.say('@everyone look');
      fake.say(`${fake.mention} for the bot`);
      expect(await inbound.nextMessage()).toMatchObject({
        text: 'for the bot',
        direct: false,
        person: { id: fake.person.user.id, name: 'Mira' },
        address: { workspace: fake.guild, channel: fake.channel },
      });
      expect(texts()).toEqual(['for the bot']);
    });

    test('the names that others use: the nick of the server, and who else is mentioned', async () => {
      const tomas = fake.addPerson('tomas', { nick: 'Tom of the Flies' });
      fake.say(`${fake.mention}, tell <@${fake.person.user.id}> about <#${fake.channel}> and <:wave:41771983429993937>`, { as: tomas });
      expect(await inbound.nextMessage()).toMatchObject({
        text: 'tell @Mira about #stage and :wave:',
        person: { name: 'Tom of the Flies' },
      });
    });

    test('a reply to the bot', async () => {
      fake.say(`${fake.mention} hello`);
      const { address } = await inbound.nextMessage();
      const [id = ''] = (await platform.send(outgoing(address))).ids;
      fake.say('is that so?', { replyTo: id });
      expect((await inbound.nextMessage()).text).toBe('is that so?');
    });

    test('direct messages, with the place to answer in', async () => {
      const { id } = fake.dm('just between us');
      const event = await inbound.nextMessage();
      expect(event).toMatchObject({ id, text: 'just between us', direct: true, address: { workspace: '@me', channel: fake.dmChannel() } });
      await platform.send(outgoing(event.address, { text: 'my lips are sealed' }));
      expect(theirs(fake.dmChannel())).toMatchObject([{ content: 'my lips are sealed' }]);
    });

    test('a thread as a conversation of its own', async () => {
      const thread = fake.addThread(fake.channel, 'backstage');
      fake.say(`${fake.mention} over here`, { channel: thread });
      const { address } = await inbound.nextMessage();
      expect(address).toMatchObject({ workspace: fake.guild, channel: `${fake.channel}/${thread}` });
      await platform.send(outgoing(address, { text: 'coming' }));
      expect(theirs(thread)).toMatchObject([{ content: 'coming' }]);
    });

    test('a burst in order, and the same message twice as the same message', async () => {
      for (let n = 0; n < 20; n++) fake.say(`${fake.mention} number ${n}`);
      fake.gateway.repeat('MESSAGE_CREATE');
      await inbound.nextMessage(({ text }) => text === 'number 19');
      await inbound.nextMessage();
      expect(texts()).toEqual([...Array.from({ length: 20 }, (_, n) => `number ${n}`), 'number 19']);
      expect(new Set(inbound.messages.map(({ id }) => id)).size).toBe(20);
    });

    test('edits and deletes, but not what Discord itself changes', async () => {
      const { id } = fake.say(`${fake.mention} I love you https://example.org`);
      await inbound.nextMessage();
      fake.embed(id);
      fake.edit(id, `${fake.mention} I like you`);
      expect(await inbound.nextEdit()).toMatchObject({ id, text: 'I like you', address: { channel: fake.channel } });
      fake.delete(id);
      expect(await inbound.nextEdit()).toMatchObject({ id, text: null, address: { workspace: fake.guild, channel: fake.channel } });
      expect(inbound.edits).toHaveLength(2);
    });

    test('what the queue refused at first, in order', async () => {
      inbound.refuse(1);
      fake.say(`${fake.mention} first`);
      fake.say(`${fake.mention} second`);
      await inbound.nextMessage(({ text }) => text === 'second');
      expect(texts()).toEqual(['first', 'second']);
    });

    test('on, after an event that nobody can read', async () => {
      fake.dispatch('MESSAGE_CREATE', { id: '1', channel_id: fake.channel });
      fake.dispatch('MESSAGE_REACTION_ADD', { emoji: null });
      fake.dispatch('GUILD_MEMBER_UPDATE', { guild_id: fake.guild });
      fake.say(`${fake.mention} still there?`);
      expect((await inbound.nextMessage()).text).toBe('still there?');
    });
  });

  describe('with the Message Content intent', () => {
    beforeEach(async () => {
      await fake.stop();
      fake = await startFakeDiscord({ allowMessageContent: true });
      platform = createPlatform({ DISCORD_TOKEN: fake.token, DISCORD_API_BASE: fake.apiBase, DISCORD_MESSAGE_CONTENT: 'on' });
      await platform.start(inbound);
    });

    test('follows a thread it takes part in, and one opened on its message', async () => {
      const thread = fake.addThread(fake.channel, 'backstage');
      inbound.places.add(`${fake.guild} ${fake.channel}/${thread}`);
      fake.say(`${fake.mention} hello`);
      const { address } = await inbound.nextMessage();
      const [id = ''] = (await platform.send(outgoing(address))).ids;
      inbound.ours.add(id);
      const onReply = fake.addThread(fake.channel, 'about that', { on: id });
      fake.say('no mention needed', { channel: thread });
      fake.say('nor here', { channel: onReply });
      fake.say('nobody asked you', { channel: fake.addThread(fake.channel, 'elsewhere') });
      fake.say(`${fake.roleMention} the role will do`);
      const heard = new Set(
        [await inbound.nextMessage(), await inbound.nextMessage(), await inbound.nextMessage()].map(({ text }) => text),
      );
      expect(heard).toEqual(new Set(['no mention needed', 'nor here', 'the role will do']));
      await platform.stop();
      expect(texts()).toHaveLength(4);
    });

    test('hears a reply that pings nobody', async () => {
      fake.say(`${fake.mention} hello`);
      const { address } = await inbound.nextMessage();
      const [id = ''] = (await platform.send(outgoing(address))).ids;
      fake.say('quietly', { replyTo: id, ping: false });
      expect((await inbound.nextMessage()).text).toBe('quietly');
    });
  });

  describe('thumbs', () => {
    let address: Address;
    let id = '';
    beforeEach(async () => {
      await platform.start(inbound);
      fake.say(`${fake.mention} hello`);
      ({ address } = await inbound.nextMessage());
      [id = ''] = (await platform.send(outgoing(address))).ids;
      inbound.ours.add(id);
    });

    test('of every skin tone, and a custom emoji of that name', async () => {
      fake.react(id, '👍🏿');
      expect(await inbound.nextVote()).toMatchObject({ value: 'up', target: { messageId: id }, person: { name: 'Mira' }, via: 'reaction' });
      fake.react(id, '👎🏼');
      expect(await inbound.nextVote()).toMatchObject({ value: 'down', workspace: fake.guild });
      fake.react(id, 'thumbsup', { custom: true });
      expect(await inbound.nextVote()).toMatchObject({ value: 'up' });
      fake.react(id, '👍', { remove: true });
      expect(await inbound.nextVote()).toMatchObject({ value: null, retracts: 'up', person: { id: fake.person.user.id, name: 'Mira' } });
    });

    test('but no other emoji, no bot and no other message', async () => {
      fake.react(id, '❤️');
      fake.react(id, '👍', { as: fake.otherBot });
      const { id: other } = fake.say(`${fake.mention} and?`);
      fake.react(other, '👍');
      fake.react(other, '👍', { withAuthor: false });
      fake.react(id, '👎', { withAuthor: false });
      await inbound.nextVote();
      expect(inbound.votes.map(({ value }) => value)).toEqual(['down']);
    });

    test('on messages from before a restart, in servers and direct messages', async () => {
      fake.dm('hello');
      const direct = await inbound.nextMessage();
      const [directId = ''] = (await platform.send(outgoing(direct.address))).ids;
      await platform.stop();
      platform = createPlatform({ DISCORD_TOKEN: fake.token, DISCORD_API_BASE: fake.apiBase });
      await platform.start(inbound);
      fake.react(id, '👍');
      expect(await inbound.nextVote()).toMatchObject({ target: { messageId: id }, value: 'up' });
      fake.react(directId, '👎');
      expect(await inbound.nextVote()).toMatchObject({
        target: { messageId: directId },
        value: 'down',
        workspace: '@me',
        person: { name: 'Mira' },
      });
    });
  });

  describe('what it says', () => {
    let address: Address;
    beforeEach(async () => {
      await platform.start(inbound);
      fake.say(`${fake.mention} hello`);
      ({ address } = await inbound.nextMessage());
    });
    const posts = () => fake.requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/messages'));

    test('answers the message, with the first-contact line in small print', async () => {
      await platform.send(outgoing(address, { text: 'Good evening.', notice: 'I am a bot. Nothing is kept for long.' }));
      expect(theirs()).toMatchObject([
        { content: 'Good evening.\n\n-# I am a bot. Nothing is kept for long.', message_reference: { message_id: address.place.message } },
      ]);
    });

    test('still answers when the message was deleted', async () => {
      fake.delete(address.place.message ?? '');
      await platform.send(outgoing(address, { text: 'Where did it go?' }));
      expect(theirs()).toMatchObject([{ content: 'Where did it go?' }]);
    });

    test('still answers where it may not read the history', async () => {
      fake.failNext({ method: 'POST', path: /messages$/, status: 403, code: 160_002 });
      await platform.send(outgoing(address, { text: 'As I was saying.' }));
      expect(theirs()).toMatchObject([{ content: 'As I was saying.' }]);
    });

    test('shows that it types, and never fails over it', async () => {
      await platform.typing(address);
      expect(fake.typing).toEqual([fake.channel]);
      fake.failNext({ path: /typing$/, status: 403, code: 50_013 });
      await platform.typing(address);
      await platform.typing({ ...address, place: { channel: '1' } });
    });

    test('finds by its nonce what a broken connection hid', async () => {
      fake.failNext({ method: 'POST', path: /messages$/, accept: true, cut: 'reset' });
      const { ids } = await platform.send(outgoing(address, { text: 'once' }));
      expect(theirs().map(({ id }) => id)).toEqual(ids);
      expect(posts()).toHaveLength(2);
    });

    test('finds in the history the parts that stand there already, and sends only the rest', async () => {
      const text = Array.from({ length: 900 }, (_, n) => `word${n}`).join(' ');
      fake.failNext({ method: 'POST', path: /messages$/, accept: true });
      const out = outgoing(address, { text });
      fake.failNext({ method: 'POST', path: /messages$/, status: 500, times: 4 });
      await expect(platform.send(out)).rejects.toMatchObject({ retryable: true });
      expect(theirs()).toHaveLength(1);
      fake.forgetNonces();
      fake.say('somebody speaks in between');
      const { ids } = await platform.send({ ...out, attempt: 2 });
      expect(ids).toEqual(theirs().map(({ id }) => id));
      expect(
        theirs()
          .map(({ content }) => content)
          .join(' '),
      ).toBe(text);
    });

    test('does not take the same words in another answer for its own', async () => {
      const first = outgoing(address, { text: 'I see.' });
      const { ids } = await platform.send(first);
      fake.say(`${fake.mention} and now?`);
      const next = await inbound.nextMessage();
      fake.forgetNonces();
      const second = await platform.send(outgoing(next.address, { text: 'I see.', attempt: 2 }));
      expect(second.ids).not.toEqual(ids);
      expect(theirs()).toHaveLength(2);
    });

    test('waits out a rate limit, and gives a long one back', async () => {
      fake.failNext({ method: 'POST', path: /messages$/, retryAfterS: 0.01 });
      expect((await platform.send(outgoing(address))).ids).toHaveLength(1);
      fake.failNext({ method: 'POST', path: /messages$/, retryAfterS: 600 });
      await expect(platform.send(outgoing(address))).rejects.toMatchObject({ code: 'discord-rate-limited', retryable: true });
    });

    test.each([
      [403, 50_013, false],
      [403, 50_001, false],
      [404, 10_003, false],
      [404, 10_008, false],
      [401, 0, true],
    ])('takes %i/%i for an error where trying again is %s', async (status, code, retryable) => {
      fake.failNext({ method: 'POST', path: /messages$/, status, code });
      await expect(platform.send(outgoing(address))).rejects.toMatchObject({ name: 'TroupeError', retryable });
      expect((await platform.send(outgoing(address))).ids).toHaveLength(1);
    });

    test('still sends after the intake has stopped', async () => {
      await platform.stop();
      await platform.send(outgoing(address, { text: 'last words' }));
      expect(theirs()).toMatchObject([{ content: 'last words' }]);
    });
  });

  describe('the connection', () => {
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
      platform = createPlatform({ DISCORD_TOKEN: fake.token, DISCORD_API_BASE: fake.apiBase, DISCORD_MESSAGE_CONTENT: 'on' });
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

  describe('its settings', () => {
    test('are off without a token, and a blank is none', () => {
      expect(module.settings.parse({})).toBeNull();
      expect(module.settings.parse({ DISCORD_TOKEN: ' ' })).toBeNull();
    });

    test('take an API base with or without its version', () => {
      expect(module.settings.parse({ DISCORD_TOKEN: 'x', DISCORD_API_BASE: 'http://127.0.0.1:9/api/v10/' })).toMatchObject({
        apiBase: 'http://127.0.0.1:9/api',
      });
      expect(module.settings.parse({ DISCORD_TOKEN: 'x' })).toMatchObject({ apiBase: 'https://discord.com/api', messageContent: false });
    });

    test('name the wrong one', () => {
      const wrong = module.settings.safeParse({ DISCORD_TOKEN: 'x', DISCORD_API_BASE: 'discord', DISCORD_MESSAGE_CONTENT: 'yes' });
      expect(wrong.error?.issues.map(({ path }) => path.join())).toEqual(['DISCORD_API_BASE', 'DISCORD_MESSAGE_CONTENT']);
    });
  });
});
