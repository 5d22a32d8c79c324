import { afterEach, describe, expect, test } from 'vitest';
import { outgoing, type RecordedInbound, recordInbound } from '../../../../test/platform-contract.ts';
import { allScopes, type FakeSlack, type FakeSlackOptions } from '../../../../test/slack/fake.ts';
import { makeWorld, type World } from '../../../../test/slack/world.ts';
import { TroupeError } from '../../errors.ts';
import type { Address, Platform } from '../../platform.ts';

describe('Slack sends', () => {
  let world: World;
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
    for (let n = 0; n < 8; n++) slack.thread('C0GENERAL', threadOf(address), 'U0BOB', `chatter ${n}`);
    const out = outgoing(address, { text: 'only once' });
    slack.failNext('chat.postMessage', 'lose answer');
    await expect(platform.send(out)).rejects.toMatchObject({ code: 'slack-unreachable', retryable: true });
    for (let n = 0; n < 8; n++) slack.thread('C0GENERAL', threadOf(address), 'U0BOB', `more ${n}`);
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
    expect(slack.status('C0GENERAL', threadOf(address))).toBe('is writing…');
    await platform.send(outgoing(address));
    expect(slack.status('C0GENERAL', threadOf(address))).toBeUndefined();
    const { ts, acknowledged } = slack.dm('U0ALICE', 'hi');
    await acknowledged;
    const dm = inbound.messages.at(-1)!.address;
    await platform.typing(dm);
    expect(slack.status('D0ALICE', ts)).toBe('is writing…');
    await platform.send(outgoing(dm));
    await expect.poll(() => slack.status('D0ALICE', ts)).toBeUndefined();
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

function threadOf({ channel }: Address): string {
  return channel.split('/')[1] ?? '';
}
