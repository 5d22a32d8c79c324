// Bot and inference as processes of their own, on real stores, killed while many turns are in every state: each message gets exactly one reply.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { freePort, ownStores } from './services.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-killed-'));
let env: Record<string, string>;
let rows: pg.Client;
let base: string;
const roles: { bot?: ChildProcess; inference?: ChildProcess } = {};

beforeAll(async () => {
  const { databaseUrl, redisUrl } = await ownStores(inject('postgresUrl'), inject('redisUrl'));
  const [port, metricsPort] = [await freePort(), await freePort()];
  base = `http://127.0.0.1:${port}`;
  env = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    DATA_DIR: folder,
    PORT: String(port),
    METRICS_PORT: String(metricsPort),
    LIMIT_PER_PERSON: 'off',
    LOG_LEVEL: 'fatal',
  };
  rows = new pg.Client(databaseUrl);
  await Promise.all([begin('bot'), begin('inference')]);
  await rows.connect();
});

afterAll(async () => {
  for (const child of Object.values(roles)) await ended(child, 'SIGKILL');
  await rows?.end();
  rmSync(folder, { recursive: true, force: true });
});

test('inference killed three times amid forty turns, the bot once', async () => {
  const messages = Array.from({ length: 40 }, (_, i) => `i had a strange day, number ${i}`);
  await chat(messages[0] as string, 0);
  const answers = messages.slice(1, 30).map((message, i) => chat(message, i + 1));
  for (const answered of [3, 9, 15]) {
    await expect.poll(replies, { timeout: 60_000, interval: 10 }).toBeGreaterThan(answered);
    await ended(roles.inference, 'SIGKILL');
    await begin('inference');
  }
  expect((await Promise.all(answers)).every((answer) => answer.status === 200 && answer.text !== '')).toBe(true);

  // The callers of these lose their connection; what they wrote was queued before that and is answered all the same.
  const lost = messages.slice(30).map((message, i) => chat(message, i + 30).catch(() => null));
  await expect.poll(() => count('messages'), { timeout: 30_000, interval: 5 }).toBe(40);
  await ended(roles.bot, 'SIGKILL');
  await Promise.all(lost);
  await begin('bot');
  await expect.poll(replies, { timeout: 90_000, interval: 100 }).toBe(40);
  await expect.poll(() => count("outbox WHERE state = 'sent'"), { timeout: 30_000, interval: 100 }).toBe(40);
  expect(await count('turns')).toBe(40);
  expect(await count('(SELECT turn_id FROM replies GROUP BY turn_id HAVING count(*) > 1) AS twice')).toBe(0);
}, 300_000);

const replies = () => count('replies');
async function count(what: string): Promise<number> {
  return Number((await rows.query(`SELECT count(*) FROM ${what}`)).rows[0].count);
}

async function chat(message: string, i: number): Promise<{ status: number; text: string }> {
  const response = await fetch(`${base}/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ message, conversation: `room-${i}`, user: `person-${i}` }),
  });
  const body = (await response.json()) as { reply?: { text: string } };
  return { status: response.status, text: body.reply?.text ?? '' };
}

/** Resolves once the role says that it is up. */
async function begin(role: 'bot' | 'inference'): Promise<void> {
  const child = spawn(process.execPath, ['bin/start.mjs', role], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  roles[role] = child;
  await new Promise<void>((resolve, reject) => {
    let output = '';
    const see = (chunk: Buffer) => {
      output += chunk;
      if (/is up/.test(output)) resolve();
    };
    child.stdout?.on('data', see);
    child.stderr?.on('data', see);
    child.once('exit', (code) => reject(new Error(`${role} ended with ${code}: ${output}`)));
  });
}

async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'close');
  child.removeAllListeners('exit');
  child.kill(signal);
  await gone;
}
