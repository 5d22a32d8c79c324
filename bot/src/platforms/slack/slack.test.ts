import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { outgoing, platformContract, type RecordedInbound, recordInbound } from '../../../../test/platform-contract.ts';
import { allScopes, type FakeSlack, type FakeSlackOptions, startFakeSlack } from '../../../../test/slack/fake.ts';
import { TroupeError } from '../../errors.ts';
import type { Platform, PlatformContext } from '../../platform.ts';
import { platform as slackModule } from './index.ts';
import { createSlack } from './slack.ts';

const context = { log: pino({ level: 'silent' }), now: Date.now, services: {} } as unknown as PlatformContext;
type Mode = 'socket' | 'http';

/** A bot on a fake Slack, receiving in one of the two ways. */
async function makeWorld(mode: Mode, options: FakeSlackOptions = {}) {
  const slack = await startFakeSlack(options);
  const waits: number[] = [];
  let mounted: Platform | undefined;
  const platformOf = () => create();
  let server: Server | undefined;
  let url = '';
  if (mode === 'http') {
    server = createServer((request, response) => (mounted ?? platformOf()).http?.handle(request, response));
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/slack/events`;
  }
  const receive =
    mode === 'socket' ? { by: 'socket' as const, appToken: slack.appToken } : { by: 'http' as const, signingSecret: slack.signingSecret };
  const create = (over: { botToken?: string; appToken?: string } = {}): Platform => {
    const settings = {
      botToken: over.botToken ?? slack.botToken,
      apiUrl: slack.apiUrl,
      receive: receive.by === 'socket' && over.appToken ? { ...receive, appToken: over.appToken } : receive,
    };
    // Pauses are written down instead of slept through.
    const platform = createSlack(settings, context, {
      wait: async (ms, signal) => {
        waits.push(ms);
        signal?.throwIfAborted();
        await new Promise(setImmediate);
      },
    });
    return {
      ...platform,
      async start(inbound) {
        mounted = platform;
        await platform.start(inbound);
        if (mode === 'http') await slack.deliverHttp(url);
      },
    };
  };
  const close = async () => {
    await slack.stop();
    server?.closeAllConnections();
    server?.close();
  };
  return { slack, create, close, waits, url };
}

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
  let world: Awaited<ReturnType<typeof makeWorld>>;
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
        address: { workspace: 'T0ACME', channel: `C0GENERAL/${ts}`, place: { channel: 'C0GENERAL', thread: ts } },
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
      await vi.waitFor(() => expect(slack.calls('users.info')).toHaveLength(1));
      await vi.waitFor(() => {
        slack.redeliver();
        expect(slack.acks).toHaveLength(1);
      });
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

describe('Slack over HTTP', () => {
  let world: Awaited<ReturnType<typeof makeWorld>>;
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

describe('Slack over Socket Mode', () => {
  let world: Awaited<ReturnType<typeof makeWorld>>;
  let slack: FakeSlack;
  let platform: Platform;
  let inbound: RecordedInbound;

  beforeEach(async () => {
    world = await makeWorld('socket');
    slack = world.slack;
    inbound = recordInbound();
    platform = world.create();
  });
  afterEach(async () => {
    inbound.release();
    await platform.stop();
    await world.close();
  });

  test('says where it is connected', async () => {
    await platform.start(inbound);
    expect(inbound.connections).toEqual([{ connected: true, reason: '@troupe in Acme, Socket Mode' }]);
  });

  test('reconnects after a dropped connection and gets what it had not acknowledged', async () => {
    await platform.start(inbound);
    inbound.hold();
    const before = slack.dm('U0ALICE', 'before the drop');
    await inbound.nextMessage();
    slack.dropConnections();
    const during = slack.dm('U0ALICE', 'during the drop');
    await inbound.nextConnection(false);
    inbound.release();
    await inbound.nextConnection(true);
    await Promise.all([before.acknowledged, during.acknowledged]);
    expect(inbound.messages.map(({ text }) => text)).toEqual(['before the drop', 'during the drop']);
    expect(slack.connections()).toBe(2);
  });

  test('takes a new connection when Slack asks for it', async () => {
    await platform.start(inbound);
    slack.refreshConnections();
    await inbound.nextConnection(false);
    await inbound.nextConnection(true);
    await slack.dm('U0ALICE', 'still there?').acknowledged;
    expect(inbound.messages).toHaveLength(1);
  });

  test('survives a token that is refused on the way, and says which', async () => {
    await platform.start(inbound);
    slack.failNext('apps.connections.open', { error: 'invalid_auth' }, { times: 2 });
    slack.failNext('apps.connections.open', { status: 503 });
    slack.failNext('apps.connections.open', 'lose call');
    slack.dropConnections();
    await inbound.nextConnection(true);
    await inbound.nextConnection(true);
    expect(inbound.connections.map(({ connected }) => connected)).toEqual([true, false, false, false, false, false, true]);
    expect(inbound.connections[2]?.reason).toMatch(/SLACK_APP_TOKEN was refused \(invalid_auth\)/);
    // The pauses grow.
    expect(world.waits).toEqual([...world.waits].sort((a, b) => a - b));
    expect(new Set(world.waits).size).toBeGreaterThan(3);
  });

  test('names the app token when that is the wrong one', async () => {
    const refused = world.create({ appToken: 'xapp-wrong' });
    await expect(refused.start(inbound)).rejects.toMatchObject({ code: 'slack-token-refused', retryable: false });
    await expect(world.create({ appToken: 'xapp-wrong' }).start(inbound)).rejects.toThrow(/SLACK_APP_TOKEN/);
    await refused.stop();
  });

  test('reaches Slack through the operator’s proxy', async () => {
    const asked: string[] = [];
    const proxy = createServer().on('connect', (request, socket) => {
      asked.push(request.url ?? '');
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    const settings = slackModule.settings.parse({
      SLACK_BOT_TOKEN: 'xoxb',
      SLACK_APP_TOKEN: 'xapp',
      SLACK_API_URL: 'https://slack.invalid/api/',
      HTTPS_PROXY: `http://127.0.0.1:${port}`,
    });
    await expect(createSlack(settings!, context).start(inbound)).rejects.toMatchObject({ code: 'slack-unreachable', retryable: true });
    expect(asked).toEqual(['slack.invalid:443']);
    proxy.close();
  });

  test('says that trying again can help when Slack is away at the start', async () => {
    slack.failNext('auth.test', { status: 503 });
    await expect(platform.start(inbound)).rejects.toMatchObject({ name: 'TroupeError', retryable: true });
    await platform.start(inbound);
    expect(inbound.connections).toHaveLength(1);
  });

  test('outlives what it does not understand', async () => {
    await platform.start(inbound);
    slack.sendRaw('not json');
    slack.sendRaw(JSON.stringify({ type: 'events_api', envelope_id: 'e1', payload: { type: 'app_rate_limited', team_id: 'T0ACME' } }));
    slack.sendRaw(JSON.stringify({ type: 'slash_commands', envelope_id: 'e2', payload: { command: '/x' } }));
    await slack.emit({ type: 'message', subtype: 'message_deleted', channel: 'C0GENERAL', deleted_ts: '1.1', ts: '1.2' }).acknowledged;
    await slack.dm('U0ALICE', 'fine?').acknowledged;
    expect(inbound.messages.map(({ text }) => text)).toEqual(['fine?']);
  });
});

describe('Slack sends', () => {
  let world: Awaited<ReturnType<typeof makeWorld>>;
  let slack: FakeSlack;
  let platform: Platform;
  let inbound: RecordedInbound;

  const begin = async (options: FakeSlackOptions = {}) => {
    world = await makeWorld('socket', options);
    slack = world.slack;
    inbound = recordInbound();
    platform = world.create();
    await platform.start(inbound);
    await slack.mention('C0GENERAL', 'U0ALICE', 'hello').acknowledged;
    return inbound.messages[0]!.address;
  };
  afterEach(async () => {
    await platform.stop();
    await world.close();
  });

  test('a reply in the character’s name, with its notice, thumbs and mark', async () => {
    const address = await begin();
    const out = outgoing(address, { text: '**Oh dear.** I am *so* sorry!', notice: 'I am a bot; I keep what you write for 30 days.' });
    await platform.send(out);
    expect(slack.messages('C0GENERAL')).toMatchObject([
      {
        username: 'Vivienne',
        text: '*Oh dear.* I am _so_ sorry!',
        metadata: { event_type: 'troupe_reply', event_payload: { outbox_id: out.outboxId, part: 0 } },
        blocks: [
          { type: 'section', text: { type: 'mrkdwn', text: '*Oh dear.* I am _so_ sorry!', verbatim: true } },
          { type: 'context', elements: [{ text: 'I am a bot; I keep what you write for 30 days.' }] },
          { type: 'context_actions', elements: [{ type: 'feedback_buttons' }] },
        ],
        args: { unfurl_links: 'false', unfurl_media: 'false', parse: 'none' },
      },
    ]);
  });

  test('under the app’s own name where the scope for another one is missing', async () => {
    const address = await begin({ scopes: allScopes.filter((scope) => scope !== 'chat:write.customize') });
    await platform.send(outgoing(address));
    expect(slack.messages('C0GENERAL')[0]).toMatchObject({
      user: slack.bot.userId,
      args: expect.not.objectContaining({ username: 'Vivienne' }),
    });
  });

  test('one message when an answer is lost, looking through every page of the thread', async () => {
    const address = await begin();
    slack.limitPages(3);
    for (let n = 0; n < 8; n++) slack.thread('C0GENERAL', address.place.thread!, 'U0BOB', `chatter ${n}`);
    const out = outgoing(address, { text: 'only once' });
    slack.failNext('chat.postMessage', 'lose answer');
    await expect(platform.send(out)).rejects.toMatchObject({ code: 'slack-unreachable', retryable: true });
    for (let n = 0; n < 8; n++) slack.thread('C0GENERAL', address.place.thread!, 'U0BOB', `more ${n}`);
    const { ids } = await platform.send({ ...out, attempt: 2 });
    expect(slack.messages('C0GENERAL').map(({ channel, ts }) => `${channel}:${ts}`)).toEqual(ids);
  });

  test('one message in a DM, whose past is read newest first', async () => {
    await begin();
    await slack.dm('U0ALICE', 'hi').acknowledged;
    const { address } = inbound.messages.at(-1)!;
    slack.limitPages(2);
    const out = outgoing(address, { text: 'only once' });
    slack.failNext('chat.postMessage', 'lose answer');
    await expect(platform.send(out)).rejects.toMatchObject({ retryable: true });
    for (let n = 0; n < 5; n++) slack.dm('U0ALICE', `more ${n}`);
    await platform.send({ ...out, attempt: 2 });
    await platform.send({ ...out, attempt: 3 });
    expect(slack.messages('D0ALICE')).toHaveLength(1);
  });

  test('what is missing of a long reply that broke off', async () => {
    const address = await begin();
    const out = outgoing(address, { text: Array.from({ length: 1200 }, (_, n) => `word${n}`).join(' ') });
    slack.failNext('chat.postMessage', 'lose call', { after: 1 });
    await expect(platform.send(out)).rejects.toMatchObject({ retryable: true });
    expect(slack.messages('C0GENERAL')).toHaveLength(1);
    const { ids } = await platform.send({ ...out, attempt: 2 });
    const said = slack.messages('C0GENERAL');
    expect(said.map(({ channel, ts }) => `${channel}:${ts}`)).toEqual(ids);
    expect(said.flatMap(({ text }) => text.split(' ')).length).toBe(1200);
    expect(said.map(({ blocks }) => blocks?.some(({ type }) => type === 'context_actions'))).toEqual([
      ...said.slice(1).map(() => false),
      true,
    ]);
  });

  test('again after as long as Slack asks for, and gives up when that is too long', async () => {
    const address = await begin();
    slack.failNext('chat.postMessage', { retryAfterS: 7 }, { times: 2 });
    await platform.send(outgoing(address));
    expect(world.waits).toEqual([7000, 7000]);
    expect(slack.messages('C0GENERAL')).toHaveLength(1);
    slack.failNext('chat.postMessage', { retryAfterS: 600 });
    await expect(platform.send(outgoing(address))).rejects.toMatchObject({ code: 'slack-rate-limited', retryable: true });
    expect(slack.calls('chat.postMessage')).toHaveLength(4);
  });

  test('never by itself again after a failure that may have counted', async () => {
    const address = await begin();
    for (const failure of [
      { status: 502 },
      { status: 200, body: '<html>down</html>' },
      { error: 'internal_error' },
      'lose call',
    ] as const) {
      slack.failNext('chat.postMessage', failure);
      const before = slack.calls('chat.postMessage').length;
      await expect(platform.send(outgoing(address))).rejects.toMatchObject({ name: 'TroupeError', retryable: true });
      expect(slack.calls('chat.postMessage')).toHaveLength(before + 1);
    }
  });

  test('nothing more where Slack refuses for good, but waits for a token to be mended', async () => {
    const address = await begin();
    for (const [error, code, retryable] of [
      ['channel_not_found', 'slack-refused', false],
      ['is_archived', 'slack-refused', false],
      ['account_inactive', 'slack-token-refused', true],
    ] as const) {
      slack.failNext('chat.postMessage', { error });
      const failure = await platform.send(outgoing(address)).catch((reason: unknown) => reason);
      expect(failure).toBeInstanceOf(TroupeError);
      expect(failure).toMatchObject({ code, retryable });
    }
  });

  test('without buttons rather than not at all', async () => {
    const address = await begin();
    slack.failNext('chat.postMessage', { error: 'invalid_blocks' });
    await platform.send(outgoing(address));
    expect(slack.messages('C0GENERAL')).toMatchObject([{ blocks: [{ type: 'section' }] }]);
  });

  test('a status while it writes, in a thread and in a DM, and takes it away', async () => {
    const address = await begin();
    await platform.typing(address);
    expect(slack.status('C0GENERAL', address.place.thread!)).toBe('is writing…');
    await platform.send(outgoing(address));
    expect(slack.status('C0GENERAL', address.place.thread!)).toBeUndefined();
    const { ts, acknowledged } = slack.dm('U0ALICE', 'hi');
    await acknowledged;
    const dm = inbound.messages.at(-1)!.address;
    await platform.typing(dm);
    expect(slack.status('D0ALICE', ts)).toBe('is writing…');
    await platform.send(outgoing(dm));
    await vi.waitFor(() => expect(slack.status('D0ALICE', ts)).toBeUndefined());
  });

  test('no complaint where a status cannot be shown', async () => {
    const address = await begin();
    slack.failNext('assistant.threads.setStatus', { error: 'missing_scope' });
    await platform.typing(address);
    slack.failNext('assistant.threads.setStatus', 'lose call');
    await platform.typing(address);
    await platform.typing({ workspace: 'T0ACME', channel: 'C9', place: {} });
  });
});

describe('Slack’s settings', () => {
  const parse = (env: Record<string, string>) => slackModule.settings.safeParse(env);

  test('off without tokens, Socket Mode with an app token, HTTP with a signing secret', () => {
    expect(parse({}).data).toBeNull();
    expect(parse({ SLACK_BOT_TOKEN: '', SLACK_APP_TOKEN: ' ' }).data).toBeNull();
    expect(parse({ SLACK_BOT_TOKEN: 'xoxb', SLACK_APP_TOKEN: 'xapp' }).data?.receive).toEqual({ by: 'socket', appToken: 'xapp' });
    expect(parse({ SLACK_BOT_TOKEN: 'xoxb', SLACK_SIGNING_SECRET: 's' }).data?.receive).toEqual({ by: 'http', signingSecret: 's' });
    expect(parse({ SLACK_BOT_TOKEN: 'b', SLACK_APP_TOKEN: 'a', SLACK_SIGNING_SECRET: 's' }).data?.receive.by).toBe('socket');
    expect(parse({ SLACK_BOT_TOKEN: 'b', SLACK_APP_TOKEN: 'a', SLACK_API_URL: 'http://127.0.0.1:1/api/' }).data?.apiUrl).toBe(
      'http://127.0.0.1:1/api/',
    );
  });

  test.each([
    [{ SLACK_BOT_TOKEN: 'b' }, 'SLACK_APP_TOKEN'],
    [{ SLACK_APP_TOKEN: 'a' }, 'SLACK_BOT_TOKEN'],
    [{ SLACK_SIGNING_SECRET: 's' }, 'SLACK_BOT_TOKEN'],
    [{ SLACK_BOT_TOKEN: 'b', SLACK_APP_TOKEN: 'a', SLACK_API_URL: 'slack' }, 'SLACK_API_URL'],
  ] as [Record<string, string>, string][])('%o is refused, naming %s', (env, name) => {
    expect(parse(env).error?.issues.map(({ path }) => path[0])).toEqual([name]);
  });
});
