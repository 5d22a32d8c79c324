// What the queues' tests share: the two transports, and jobs to put on them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTRACT_VERSION, EMOTIONS, type Read, type ReadJob, type WriteJob, type Written } from '@troupe/inference/contract';
import { openStore, type Store } from '@troupe/prisma';
import { Redis } from 'ioredis';
import pino from 'pino';
import { afterAll, beforeAll, expect } from 'vitest';
import { type Service, startRedis } from '../../test/services.ts';
import type { InboxJob, QueueConnection } from '../src/queue.ts';

export const log = pino({ level: 'silent' });
export const OPTIONS = { lockDuration: 10_000, stalledInterval: 5_000, maxStalledCount: 1_000_000 };

export interface Servers {
  redis: Service;
  store: Store;
  readonly dataDir: string;
}

export interface Kind {
  kind: string;
  connection(): QueueConnection;
  /** As if nothing had ever been queued. */
  empty(): Promise<void>;
  /** How a process of its own comes to a `connection`, and how this one makes way for it. */
  elsewhere(): string;
  leave(): Promise<void>;
  comeBack(): Promise<void>;
}

const kindsOf = (held: Servers): Kind[] => [
  {
    kind: 'Redis',
    connection: () => ({ redisUrl: held.redis.url }),
    async empty() {
      const client = new Redis(held.redis.url);
      await client.flushall();
      client.disconnect();
    },
    elsewhere: () => `const connection = { redisUrl: ${JSON.stringify(held.redis.url)} };`,
    async leave() {},
    async comeBack() {},
  },
  {
    kind: 'the embedded store',
    connection: () => ({ pool: held.store.pool! }),
    async empty() {
      const { rows } = await held.store.pool!.query(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'bullmq' AND tablename <> 'migration'",
      );
      if (rows.length > 0) await held.store.pool!.query(`TRUNCATE ${rows.map(({ tablename }) => `bullmq.${tablename}`).join(', ')}`);
    },
    elsewhere: () => `
      import { openStore } from './prisma/src/index.ts';
      const store = await openStore({ dataDir: ${JSON.stringify(held.dataDir)} });
      const connection = { pool: store.pool };`,
    leave: () => held.store.close(),
    async comeBack() {
      held.store = await openStore({ dataDir: held.dataDir });
    },
  },
];

/** A Redis and an embedded store, up while the file's tests run, and the transports over them. */
export function useTransports(): { held: Servers; kinds: Kind[] } {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-queue-'));
  const held = { dataDir: join(folder, 'data') } as Servers;
  beforeAll(async () => {
    held.redis = await startRedis();
    held.store = await openStore({ dataDir: held.dataDir });
  });
  afterAll(async () => {
    await held.redis.stop();
    await held.store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { held, kinds: kindsOf(held) };
}

export const read: Read = {
  emotions: EMOTIONS.map((label) => ({ label, score: 0.1 })),
  detected: ['joy'],
  sentiment: { label: 'positive', score: 1 },
  intent: { name: null, confidence: 0, alternatives: [] },
  embedding: 'AAAA',
  versions: { encoder: '1' },
};
export const written: Written = {
  text: 'One two three.',
  expression: 'joy',
  line: null,
  source: { generator: 'lines', kind: 'universal', id: null },
  candidates: [],
  versions: {},
  tokens: 0,
};
export const readJob = (turnId: string, text = 'hello'): ReadJob => ({ contract: CONTRACT_VERSION, turnId, text });
export const writeJob = (turnId: string): WriteJob => ({
  contract: CONTRACT_VERSION,
  turnId,
  conversation: 'c',
  character: 'vivienne',
  text: 'hello',
  read,
  mood: { label: 'neutral', valence: 0, intensity: 0, turns: 0 },
  history: [],
  used: [],
  facts: null,
  act: null,
  grave: false,
  stream: true,
});
export const message = (id: string, channel = 'c'): InboxJob => ({
  type: 'message',
  platform: 'web',
  event: {
    id,
    address: { workspace: 'w', channel, place: {} },
    person: { id: 'p', name: 'n' },
    text: 'hello',
    sentAtMs: 1,
    direct: true,
    fromBot: false,
  },
});
/** The machine may be busy; whoever waits for ever is stopped by the test's own limit. */
export const until = <T>(look: () => T) => expect.poll(look, { timeout: 100_000, interval: 10 });
export const idOf = (job: InboxJob) => (job.type === 'message' ? job.event.id : job.type);
