import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDiscord } from '../../../../test/discord/create-discord.ts';
import { type FakeDiscord, startFakeDiscord } from '../../../../test/discord/fake-discord.ts';
import { outgoing, platformContract, type RecordedInbound, recordInbound } from '../../../../test/platform-contract.ts';
import type { Address, Platform } from '../../platform.ts';
import { platform as module } from './index.ts';

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
        return createDiscord(environment);
      },
      createRefused: () => ({ platform: createDiscord({ ...environment, DISCORD_TOKEN: 'not.the.token' }), setting: 'DISCORD_TOKEN' }),
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
    platform = createDiscord({ DISCORD_TOKEN: fake.token, DISCORD_API_BASE: fake.apiBase });
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

    test('a thread that it has not been told of', async () => {
      const thread = fake.addThread(fake.channel, 'old times', { archived: true });
      fake.say(`${fake.mention} remember?`, { channel: thread });
      expect((await inbound.nextMessage()).address.channel).toBe(`${fake.channel}/${thread}`);
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

    test('no more than the history will give back, when it stops while the queue is away', async () => {
      const refused = new Promise<void>((resolve) => {
        inbound.message = async () => {
          resolve();
          throw new Error('the queue is away');
        };
      });
      fake.say(`${fake.mention} later`);
      await refused;
      await platform.stop();
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
      platform = createDiscord({ DISCORD_TOKEN: fake.token, DISCORD_API_BASE: fake.apiBase, DISCORD_MESSAGE_CONTENT: 'on' });
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
      platform = createDiscord({ DISCORD_TOKEN: fake.token, DISCORD_API_BASE: fake.apiBase });
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
