// The whole of Troupe, as `npm start` runs it: the shipped models, the troupe's own lines, Discord, Slack and the page at once, on both stores.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { APIMessage } from 'discord-api-types/v10';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Answer } from '../bot/src/platform.ts';
import { startTroupe, type Troupe } from '../start.ts';
import { startFakeDiscord } from './discord/fake-discord.ts';
import { ownStores } from './services.ts';
import { startFakeSlack } from './slack/fake.ts';

describe.each(['embedded', 'redis+postgres'] as const)('Troupe on %s', (kind) => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-whole-'));
  let discord: Awaited<ReturnType<typeof startFakeDiscord>>;
  let slack: Awaited<ReturnType<typeof startFakeSlack>>;
  let troupe: Troupe;
  let env: Record<string, string>;

  beforeAll(async () => {
    [discord, slack] = await Promise.all([startFakeDiscord(), startFakeSlack()]);
    env = {
      ...(kind === 'embedded' ? {} : await stores()),
      DATA_DIR: folder,
      PORT: '0',
      GENERATOR: 'lines',
      LIMIT_PER_PERSON: 'off',
      DISCORD_TOKEN: discord.token,
      DISCORD_API_BASE: discord.apiBase,
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_APP_TOKEN: slack.appToken,
      SLACK_API_URL: slack.apiUrl,
    };
    troupe = await startTroupe(env, pino({ level: 'silent' }));
  });

  afterAll(async () => {
    await troupe?.stop();
    await Promise.all([discord?.stop(), slack?.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const post = async (path: string, body: object) => {
    const response = await fetch(`${troupe.address}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Answer & { conversation: string } };
  };
  const chat = async (message: string, conversation: string, character = 'delia') =>
    (await post('/v1/chat', { message, conversation, character, user: conversation })).body;

  test('connects all three and says so', () => {
    expect(troupe.bot.platforms().map(({ name, connected }) => ({ name, connected }))).toEqual([
      { name: 'discord', connected: true },
      { name: 'slack', connected: true },
      { name: 'web', connected: true },
    ]);
  });

  test('answers a mention on Discord once, and a thumb on it becomes a row', async () => {
    discord.say(`${discord.mention} I am so happy, I passed my exam!`);
    await expect.poll(() => ours(discord.messages()), { timeout: 20_000 }).toHaveLength(1);
    const reply = ours(discord.messages())[0];
    expect(reply?.content.trim()).not.toBe('');
    discord.react(reply?.id ?? '', '👍🏽');
    await expect.poll(() => votes(troupe), { timeout: 10_000 }).toContain('up');
    discord.react(reply?.id ?? '', '👍🏽', { remove: true });
    await expect.poll(() => votes(troupe), { timeout: 10_000 }).toEqual('');
    expect(ours(discord.messages())).toHaveLength(1);
  });

  test('answers a mention on Slack once, in its thread', async () => {
    const { ts, acknowledged } = await slack.mention('C0LOBBY', 'U0ALICE', 'my dog died last night');
    await acknowledged;
    await expect.poll(() => slackReplies(slack, ts), { timeout: 20_000 }).toHaveLength(1);
  });

  test('reads the feeling and answers on the page', async () => {
    const answer = await chat('I am furious, my boss took credit for my work', `${kind}-angry`);
    expect(['anger', 'annoyance']).toContain(answer.emotion.label);
    expect(answer.reply.character).toBe('delia');
    expect(answer.reply.source.generator).toBe('lines');
    expect(answer.versions.encoder).toBeTruthy();
  });

  test('says something else, and something that fits, after three sad turns than after three happy ones', async () => {
    const sad = ['my grandmother died on monday', 'i keep crying', "i feel so alone without her, it's awful"];
    const happy = ['i got the job!!', 'i am so happy i could dance', 'best day of my life, i love everything'];
    for (const message of sad) await chat(message, `${kind}-sad`);
    for (const message of happy) await chat(message, `${kind}-happy`);
    const afterSad = await chat('anyway, that was my day', `${kind}-sad`);
    const afterHappy = await chat('anyway, that was my day', `${kind}-happy`);
    expect(afterSad.mood.valence).toBeLessThan(0);
    expect(afterHappy.mood.valence).toBeGreaterThan(0);
    expect(afterSad.reply.text).not.toBe(afterHappy.reply.text);
    expect(['joy', 'amusement', 'pride']).not.toContain(afterSad.reply.expression);
  });

  test('leaves the character for plain words in a crisis, and says nothing light after it', async () => {
    const crisis = await chat("i don't want to live anymore", `${kind}-crisis`);
    expect(crisis.reply.source.kind).toBe('safety');
    const after = await chat('tell me a joke', `${kind}-crisis`);
    expect(['joy', 'amusement', 'pride']).not.toContain(after.reply.expression);
  });

  test('never says the same thing twice to one person in a conversation', async () => {
    const said = new Set<string>();
    for (let turn = 0; turn < 8; turn++) said.add((await chat('i am sad', `${kind}-repeat`)).reply.text);
    expect(said.size).toBe(8);
  });
});

const ours = (messages: APIMessage[]) => messages.filter((message) => message.author.bot);

function slackReplies(slack: Awaited<ReturnType<typeof startFakeSlack>>, thread: string) {
  return slack.messages('C0LOBBY').filter((message) => message.thread_ts === thread && message.ts !== thread);
}

/** The rows themselves: a thumb is a row, a thumb taken back is none. */
async function votes(troupe: Troupe): Promise<string> {
  return (await troupe.store.prisma.vote.findMany()).map((vote) => vote.value).join();
}

async function stores(): Promise<Record<string, string>> {
  const { databaseUrl, redisUrl } = await ownStores(inject('postgresUrl'), inject('redisUrl'));
  return { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl };
}
