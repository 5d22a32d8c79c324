import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { outgoing, platformContract, type RecordedInbound, recordInbound } from '../../../../test/platform-contract.ts';
import type { FakeSlack } from '../../../../test/slack/fake.ts';
import { makeWorld, type World } from '../../../../test/slack/world.ts';
import type { Platform } from '../../platform.ts';

for (const mode of ['socket', 'http'] as const) {
  platformContract(`Slack over ${mode}`, async () => {
    const { slack, create, close } = await makeWorld(mode);
    return {
      create,
      createRefused: () => ({ platform: create({ botToken: 'xoxb-wrong' }), setting: 'SLACK_BOT_TOKEN' }),
      write: async (text) => ({ id: slack.mention('C0GENERAL', 'U0ALICE', text).ts, personId: 'U0ALICE' }),
      writeAsBot: async (text) => slack.sayAsBot('C0GENERAL', `<@${slack.bot.userId}> ${text}`).acknowledged,
      visible: async () => slack.messages('C0GENERAL').map(({ channel, ts, text }) => ({ id: `${channel}:${ts}`, text })),
      loseNextAnswer: () => slack.failNext('chat.postMessage', 'lose answer'),
      pinged: async () => slack.pinged('C0GENERAL'),
      thumb: async ({ messageId }, thumb, change) => {
        const [channel = '', ts = ''] = messageId.split(':');
        await slack.react(channel, ts, 'U0ALICE', thumb === 'up' ? '+1::skin-tone-3' : 'thumbsdown', change).acknowledged;
      },
      // A mention is two events; it counts once both are acknowledged.
      acknowledged: () => {
        const open = slack.unacknowledged();
        return new Set(slack.acks.map(({ key }) => key).filter((key) => !open.includes(key))).size;
      },
      close,
    };
  });
}

describe.each(['socket', 'http'] as const)('Slack over %s', (mode) => {
  let world: World;
  let slack: FakeSlack;
  let inbound: RecordedInbound;
  let platform: Platform;

  beforeEach(async () => {
    world = await makeWorld(mode);
    slack = world.slack;
    inbound = recordInbound();
    platform = world.create();
    await platform.start(inbound);
  });
  afterEach(async () => {
    inbound.release();
    await platform.stop();
    await world.close();
  });

  const address = async () => {
    slack.mention('C0GENERAL', 'U0ALICE', 'hello');
    return (await inbound.nextMessage()).address;
  };

  test('opens a thread for a mention at the top level of a channel', async () => {
    const { ts, acknowledged } = slack.mention('C0GENERAL', 'U0ALICE', 'how do I get a refund?');
    await acknowledged;
    expect(inbound.messages).toEqual([
      {
        id: ts,
        address: { workspace: 'T0ACME', channel: `C0GENERAL/${ts}`, place: {} },
        person: { id: 'U0ALICE', name: 'Alice' },
        text: 'how do I get a refund?',
        sentAtMs: Math.floor(Number(ts) * 1000),
        direct: false,
        fromBot: false,
      },
    ]);
    await platform.send(outgoing(inbound.messages[0]!.address));
    expect(slack.messages('C0GENERAL')).toMatchObject([{ thread_ts: ts }]);
  });

  test('takes a DM as one conversation and answers in it', async () => {
    const first = slack.dm('U0ALICE', 'hi');
    const second = slack.dm('U0ALICE', 'are you there?');
    await Promise.all([first.acknowledged, second.acknowledged]);
    expect(inbound.messages).toMatchObject([
      { text: 'hi', direct: true, address: { channel: 'D0ALICE' } },
      { text: 'are you there?', direct: true, address: { channel: 'D0ALICE' } },
    ]);
    await platform.send(outgoing(inbound.messages[0]!.address));
    expect(slack.messages('D0ALICE')).toMatchObject([{ text: 'A reply.' }]);
    expect(slack.messages('D0ALICE')[0]?.thread_ts).toBeUndefined();
  });

  test('answers a thread of a DM in that thread', async () => {
    const { ts } = slack.dm('U0ALICE', 'hi');
    await slack.dm('U0ALICE', 'and this?', { thread: ts }).acknowledged;
    const event = await inbound.nextMessage(({ text }) => text === 'and this?');
    expect(event).toMatchObject({ direct: true, address: { channel: `D0ALICE/${ts}` } });
    await platform.send(outgoing(event.address));
    expect(slack.messages('D0ALICE')).toMatchObject([{ thread_ts: ts }]);
  });

  test('hears replies without a mention in the threads it takes part in, and in no others', async () => {
    const { ts } = slack.mention('C0GENERAL', 'U0ALICE', 'hello');
    const other = slack.say('C0GENERAL', 'U0ALICE', 'lunch?');
    inbound.places.add(`T0ACME C0GENERAL/${ts}`);
    await slack.thread('C0GENERAL', ts, 'U0BOB', 'me too').acknowledged;
    await slack.thread('C0GENERAL', other.ts, 'U0BOB', 'pizza').acknowledged;
    await other.acknowledged;
    expect(inbound.messages.map(({ text, address }) => [text, address.channel])).toEqual([
      ['hello', `C0GENERAL/${ts}`],
      ['me too', `C0GENERAL/${ts}`],
    ]);
  });

  test('keeps the order of a burst', async () => {
    const texts = Array.from({ length: 25 }, (_, n) => `line ${n}`);
    const first = slack.mention('C0GENERAL', 'U0ALICE', 'start');
    await Promise.all(texts.map((text) => slack.dm('U0BOB', text).acknowledged));
    await first.acknowledged;
    const told = inbound.messages.filter(({ direct }) => direct);
    if (mode === 'socket') expect(told.map(({ text }) => text)).toEqual(texts);
    // Requests may overtake each other on their way; the timestamps say how it was.
    else expect([...told].sort((a, b) => Number(a.id) - Number(b.id)).map(({ text }) => text)).toEqual(texts);
    expect(slack.calls('users.info').filter(({ args }) => args.user === 'U0BOB')).toHaveLength(1);
  });

  test('is sent a message again until it is queued, and queues it once', async () => {
    inbound.refuse(1);
    const { acknowledged } = slack.dm('U0ALICE', 'do not lose me');
    if (mode === 'socket') {
      await expect.poll(() => slack.calls('users.info').length).toBe(1);
      const redelivered = () => {
        slack.redeliver();
        return slack.acks.length;
      };
      await expect.poll(redelivered).toBe(1);
    }
    await acknowledged;
    expect(inbound.messages.map(({ text }) => text)).toEqual(['do not lose me']);
    expect(slack.acks[0]?.sent).toBeGreaterThan(1);
  });

  test('acknowledges a retry of what it has queued, without queueing it again', async () => {
    inbound.hold();
    const { acknowledged } = slack.dm('U0ALICE', 'once');
    await inbound.nextMessage();
    slack.redeliver();
    inbound.release();
    await acknowledged;
    await slack.dm('U0ALICE', 'next').acknowledged;
    expect(inbound.messages.map(({ text }) => text)).toEqual(['once', 'next']);
  });

  test('queues a mention again only when an edit adds it', async () => {
    const mention = slack.mention('C0GENERAL', 'U0ALICE', 'helo');
    await mention.acknowledged;
    await slack.edit('C0GENERAL', mention.ts, `<@${slack.bot.userId}> hello`).acknowledged;
    const plain = slack.say('C0GENERAL', 'U0ALICE', 'who can help?');
    await plain.acknowledged;
    await slack.edit('C0GENERAL', plain.ts, `<@${slack.bot.userId}> who can help?`).acknowledged;
    expect(inbound.messages.map(({ id, text }) => [id, text])).toEqual([
      [mention.ts, 'helo'],
      [plain.ts, 'who can help?'],
    ]);
    expect(inbound.edits[0]).toMatchObject({ id: mention.ts, text: 'hello', address: { channel: `C0GENERAL/${mention.ts}` } });
  });

  test('passes on edits and deletions of what people wrote to it', async () => {
    const dm = slack.dm('U0ALICE', 'I hate Mondays');
    const thread = slack.mention('C0GENERAL', 'U0ALICE', 'never mind');
    await Promise.all([dm.acknowledged, thread.acknowledged]);
    await slack.thread('C0GENERAL', thread.ts, 'U0BOB', 'what?').acknowledged;
    await slack.edit('D0ALICE', dm.ts, 'I love Mondays').acknowledged;
    await slack.remove('D0ALICE', dm.ts).acknowledged;
    // It has replies, so a tombstone stays.
    await slack.remove('C0GENERAL', thread.ts).acknowledged;
    expect(inbound.edits.map(({ id, text, address }) => [id, text, address.channel])).toEqual([
      [dm.ts, 'I love Mondays', 'D0ALICE'],
      [dm.ts, null, 'D0ALICE'],
      [thread.ts, null, `C0GENERAL/${thread.ts}`],
    ]);
  });

  test('ignores what it says itself, other bots, link previews and talk among people', async () => {
    const { ids } = await platform.send(outgoing(await address()));
    const ts = ids[0]!.split(':')[1]!;
    await slack.edit('C0GENERAL', ts, 'A reply, edited').acknowledged;
    await slack.touch('C0GENERAL', ts).acknowledged;
    await slack.sayAsBot('C0GENERAL', `<@${slack.bot.userId}> hello bot`).acknowledged;
    await slack.sayAsBot('C0GENERAL', `<@${slack.bot.userId}> hello hook`, { classic: true }).acknowledged;
    await slack.say('C0GENERAL', 'U0BOB', 'nobody asked').acknowledged;
    await slack.say('C0GENERAL', 'U0BOB', 'has joined', { subtype: 'channel_join' }).acknowledged;
    await slack.dm('USLACKBOT', 'a reminder').acknowledged;
    await slack.emit({ type: 'app_home_opened', user: 'U0ALICE', channel: 'D0ALICE', tab: 'messages' }).acknowledged;
    expect(inbound.messages.map(({ text }) => text)).toEqual(['hello']);
    expect(inbound.edits).toEqual([]);
  });

  test('makes text readable: names, links, emoji, and no mention of itself', async () => {
    slack.dm(
      'U0ALICE',
      `<@${slack.bot.userId}>, ask <@U0BOB> &amp; <@U0GONE> about <https://x.org/a_b|this> :joy: &lt;3 <!here> in <#C1|general>`,
    );
    expect((await inbound.nextMessage()).text).toBe('ask @Bob & @someone about this (https://x.org/a_b) 😂 <3 @here in #general');
  });

  test('goes on without a name when Slack does not give one', async () => {
    slack.failNext('users.info', { error: 'user_not_found' });
    slack.dm('U0ALICE', 'who am I?');
    expect((await inbound.nextMessage()).person).toEqual({ id: 'U0ALICE', name: 'someone' });
  });

  test('takes thumbs from the buttons under a reply', async () => {
    const out = outgoing(await address());
    const [id = ''] = (await platform.send(out)).ids;
    const ts = id.split(':')[1]!;
    await slack.click('C0GENERAL', ts, 'U0ALICE', 'up').acknowledged;
    await slack.click('C0GENERAL', ts, 'U0ALICE', 'down').acknowledged;
    expect(inbound.votes).toMatchObject([
      { value: 'up', via: 'button', target: { replyId: out.replyId }, person: { id: 'U0ALICE' }, workspace: 'T0ACME' },
      { value: 'down', via: 'button', target: { replyId: out.replyId } },
    ]);
  });

  test('acknowledges a click only once the vote is queued', async () => {
    const [id = ''] = (await platform.send(outgoing(await address()))).ids;
    inbound.hold();
    const { acknowledged } = slack.click('C0GENERAL', id.split(':')[1]!, 'U0ALICE', 'up');
    await inbound.nextVote();
    expect(slack.acks.filter(({ type }) => type === 'block_actions')).toEqual([]);
    inbound.release();
    await acknowledged;
  });

  test('takes thumbs as reactions on its own messages only, whatever their skin', async () => {
    const said = slack.say('C0GENERAL', 'U0BOB', 'hello all');
    await said.acknowledged;
    const [id = ''] = (await platform.send(outgoing(await address()))).ids;
    const ts = id.split(':')[1]!;
    inbound.ours.add(id);
    for (const reaction of ['+1', 'thumbsup::skin-tone-6', 'tada', '-1'])
      await slack.react('C0GENERAL', ts, 'U0BOB', reaction).acknowledged;
    await slack.react('C0GENERAL', ts, 'U0BOB', '-1', 'remove').acknowledged;
    await slack.react('C0GENERAL', said.ts, 'U0ALICE', '+1').acknowledged;
    await slack.react('C0GENERAL', ts, slack.bot.userId, '+1').acknowledged;
    expect(inbound.votes.map(({ value, retracts, target }) => [value, retracts, target])).toEqual([
      ['up', undefined, { messageId: id }],
      ['up', undefined, { messageId: id }],
      ['down', undefined, { messageId: id }],
      [null, 'down', { messageId: id }],
    ]);
  });
});
