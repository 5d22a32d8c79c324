import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDiscord } from '../../../../test/discord/create-discord.ts';
import { type FakeDiscord, startFakeDiscord } from '../../../../test/discord/fake-discord.ts';
import { outgoing, type RecordedInbound, recordInbound } from '../../../../test/platform-contract.ts';
import type { Address, Platform } from '../../platform.ts';

describe('what Discord is sent', () => {
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
  const theirs = (channel?: string) => fake.messages(channel).filter(({ author }) => author.id === fake.bot.id);

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
