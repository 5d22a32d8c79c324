// Payloads in the shape the gateway sends, whole, as its documentation gives them.
import type { GatewayMessageCreateDispatchData, GatewayMessageReactionAddDispatchData } from 'discord.js';
import { describe, expect, test } from 'vitest';
import { reactorOf, readMessage, thumbOf } from './parse.ts';

const self = { id: '1033044521375764530', isOwnRole: (id: string) => id === '1033044900000000000' };
const names = {
  role: (id: string) => (id === '165511591545143296' ? 'ushers' : undefined),
  channel: (id: string) => (id === '290926798999357250' ? 'stage-door' : undefined),
};

const inServer = {
  type: 0,
  channel_type: 0,
  tts: false,
  timestamp: '2026-11-28T18:04:11.532000+00:00',
  pinned: false,
  nonce: '1311770841182830592',
  mentions: [
    {
      username: 'troupe',
      public_flags: 524_288,
      member: {
        roles: ['1033044900000000000'],
        premium_since: null,
        pending: false,
        nick: null,
        mute: false,
        joined_at: '2026-10-21T16:54:24.560000+00:00',
        flags: 0,
        deaf: false,
        communication_disabled_until: null,
        banner: null,
        avatar: null,
      },
      id: '1033044521375764530',
      global_name: null,
      discriminator: '6190',
      clan: null,
      bot: true,
      avatar_decoration_data: null,
      avatar: null,
    },
  ],
  mention_roles: [],
  mention_everyone: false,
  member: {
    roles: ['165511591545143296'],
    premium_since: null,
    pending: false,
    nick: 'Nelly at the front',
    mute: false,
    joined_at: '2015-04-26T06:26:56.936000+00:00',
    flags: 0,
    deaf: false,
    communication_disabled_until: null,
    banner: null,
    avatar: null,
  },
  id: '1311770842135199754',
  flags: 0,
  embeds: [],
  edited_timestamp: null,
  content: '<@1033044521375764530> I miss her so much',
  components: [],
  channel_id: '290926798999357250',
  author: {
    username: 'nelly',
    public_flags: 64,
    id: '53908099506183680',
    global_name: 'Nelly',
    discriminator: '0',
    clan: null,
    avatar_decoration_data: null,
    avatar: 'a_bab14f271d565501444b2ca3be944b25',
  },
  attachments: [],
  guild_id: '290926798626357999',
} as unknown as GatewayMessageCreateDispatchData;

const read = (over: Partial<GatewayMessageCreateDispatchData>) => readMessage({ ...inServer, ...over }, self, names);

describe('readMessage', () => {
  test('reads who wrote what, where and when', () => {
    expect(read({})).toEqual({
      id: '1311770842135199754',
      channelId: '290926798999357250',
      guildId: '290926798626357999',
      person: { id: '53908099506183680', name: 'Nelly at the front' },
      text: 'I miss her so much',
      sentAtMs: Date.parse('2026-11-28T18:04:11.532Z'),
      addressed: true,
    });
  });

  test.each([
    ['<@1033044521375764530>, hello', 'hello'],
    ['<@!1033044521375764530>: hello', 'hello'],
    ['<@1033044521375764530> :)', ':)'],
    ['hello <@1033044521375764530>!', 'hello!'],
    ['hello, <@1033044521375764530>, you there', 'hello, you there'],
    ['<@&1033044900000000000> hello', 'hello'],
    ['<@1033044521375764530>', ''],
    ['<@1033044521375764530> line one\nline two', 'line one\nline two'],
    ['<@1033044521375764530> say hi to <@42>', 'say hi to @someone'],
    ['<@1033044521375764530> <@&165511591545143296> in <#290926798999357250>', '@ushers in #stage-door'],
    ['<@1033044521375764530> <@&1> and <#1>', '@a role and #a channel'],
    ['<@1033044521375764530> <a:party:41771983429993937> </help:816437322781949972>', ':party: /help'],
    ['<@1033044521375764530> 1 < 2 and a > b', '1 < 2 and a > b'],
  ])('reads %j as %j', (content, text) => {
    expect(read({ content })?.text).toBe(text);
  });

  test('passes over bots, webhooks and notices', () => {
    expect(read({ author: { ...inServer.author, bot: true } })).toBeNull();
    expect(read({ author: { ...inServer.author, id: self.id } })).toBeNull();
    expect(read({ webhook_id: '223704706495545344' })).toBeNull();
    expect(read({ type: 7 })).toBeNull();
    expect(read({ type: 18 })).toBeNull();
  });

  test('tells what is for the bot from what is not', () => {
    const none = { mentions: [], content: 'hello' };
    const answered = { ...inServer, author: { ...inServer.author, id: self.id, bot: true } };
    expect(read(none)?.addressed).toBe(false);
    expect(read({ ...none, guild_id: undefined })?.addressed).toBe(true);
    expect(read({ ...none, type: 19, referenced_message: answered })?.addressed).toBe(true);
    expect(read({ ...none, type: 19, referenced_message: inServer })?.addressed).toBe(false);
    expect(read({ ...none, type: 19, referenced_message: null })?.addressed).toBe(false);
    expect(read({ ...none, mention_roles: ['1033044900000000000'] })?.addressed).toBe(true);
    expect(read({ ...none, mention_everyone: true })?.addressed).toBe(false);
    // Without the intent such a reply comes without its text.
    expect(read({ mentions: [], content: '', type: 19, referenced_message: answered })?.addressed).toBe(false);
  });

  test('takes the name of the account where there is no nick', () => {
    expect(read({ member: undefined })?.person.name).toBe('Nelly');
    expect(read({ member: undefined, author: { ...inServer.author, global_name: null } })?.person.name).toBe('nelly');
  });
});

describe('thumbs', () => {
  test.each([
    ['👍', 'up'],
    ['👍🏻', 'up'],
    ['👍🏿', 'up'],
    ['👎🏽', 'down'],
    ['+1', 'up'],
    ['-1', 'down'],
    ['thumbsup', 'up'],
    ['ThumbsDown', 'down'],
    ['thumbsup_tone3', 'up'],
    ['❤️', null],
    ['👌🏽', null],
    [null, null],
  ])('reads %s as %s', (name, thumb) => {
    expect(thumbOf({ name })).toBe(thumb);
  });

  test('know who reacted where the payload says it', () => {
    const reaction = {
      user_id: '53908099506183680',
      type: 0,
      message_id: '1311770842135199754',
      message_author_id: '1033044521375764530',
      member: { ...inServer.member, user: inServer.author },
      emoji: { name: '👍', id: null },
      channel_id: '290926798999357250',
      burst: false,
      guild_id: '290926798626357999',
    } as unknown as GatewayMessageReactionAddDispatchData;
    expect(reactorOf(reaction)).toEqual({ id: '53908099506183680', name: 'Nelly at the front', bot: false });
    expect(reactorOf({ ...reaction, member: undefined })).toBeNull();
  });
});
