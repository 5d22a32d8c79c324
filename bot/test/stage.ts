// A bot on an embedded store with pigeons, a web-like platform and an inference that is a puppet.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type Store } from '@troupe/prisma';
import { pino } from 'pino';
import type { Bus } from '../src/bus.ts';
import { type Bot, type BotOptions, startBot } from '../src/index.ts';
import type { TurnUpdate } from '../src/platform.ts';
import { openQueues, type Queues } from '../src/queue.ts';
import { parseSettings } from '../src/settings.ts';
import { createPuppet, type Puppet } from './fake-inference.ts';
import { createLoft, type Loft } from './fake-platform.ts';
import { createFakeQueues } from './fake-queues.ts';
import { startFakeWorker } from './fake-worker.ts';

export interface Stage {
  store: Store;
  queues: Queues;
  puppet: Puppet;
  loft: Loft;
  /** Like the page: watched, no notices, its texts are the operator's. */
  page: Loft;
  bot: Bot;
  clock: { nowMs: number; real: boolean };
  /** Stops the bot and starts another on the same store and queues. */
  restart(over?: Partial<BotOptions>): Promise<void>;
  /** All updates of messages on the page so far, by message id. */
  updates: Map<string, TurnUpdate[]>;
  rows<T = Record<string, unknown>>(sql: string, ...values: unknown[]): Promise<T[]>;
  close(): Promise<void>;
}

export const quickPace = {
  leaseMs: 4000,
  sweepMs: 100,
  readTimeoutMs: 5000,
  writeTimeoutMs: 5000,
  tries: 3,
  pauseMs: 50,
  backoffMs: [20, 50] as [number, number],
};

export interface StageOptions {
  env?: Record<string, string>;
  options?: Partial<BotOptions>;
  /** Real servers, a database and a Redis of its own; without them the store is embedded and the queues are in memory. */
  servers?: { databaseUrl: string; redisUrl: string };
}

export async function openStage({ env = {}, options = {}, servers }: StageOptions = {}): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-stage-'));
  const store = await openStore({ databaseUrl: servers?.databaseUrl, dataDir: folder });
  const clock = { nowMs: Date.now(), real: true };
  const now = () => (clock.real ? Date.now() : clock.nowMs);
  const puppet = createPuppet();
  const log = pino({ level: process.env.STAGE_LOG ?? 'silent' });
  const queues = servers ? await openQueues({ redisUrl: servers.redisUrl }, { log }) : createFakeQueues(puppet);
  const stopWorker = servers ? await startFakeWorker({ redisUrl: servers.redisUrl }, puppet) : async () => {};
  const loft = createLoft('loft', {}, now);
  const page = createLoft('page', { streams: true, needsNotice: false, trainingNeedsPermission: false }, now);
  const modules = [loft.module, page.module];
  const updates = new Map<string, TurnUpdate[]>();
  const start = (over: Partial<BotOptions> = {}) =>
    startBot({
      settings: parseSettings({ LIMIT_PER_PERSON: 'off', ...env }, modules),
      store,
      queues,
      bus: createFakeBus(updates),
      inference: {
        models: async () => ({ models: [{ task: 'encoder', version: 'v1', arm: 'live', live: true }], generator: 'lines' }),
        failing: async () => [],
      },
      log,
      modules,
      now,
      pace: quickPace,
      ...options,
      ...over,
    });
  const stage: Stage = {
    store,
    queues,
    puppet,
    loft,
    page,
    clock,
    updates,
    bot: await start(),
    async restart(over) {
      await stage.bot.stop(0);
      stage.bot = await start(over);
    },
    rows: (sql, ...values) => store.prisma.$queryRawUnsafe(sql, ...values),
    async close() {
      await stage.bot.stop(1000);
      await stopWorker();
      await queues.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return stage;
}

export function createFakeBus(updates = new Map<string, TurnUpdate[]>()): Bus {
  const watchers = new Map<string, Set<(update: TurnUpdate) => void>>();
  return {
    publish(topic, update) {
      const id = JSON.parse(topic)[2] as string;
      updates.set(id, [...(updates.get(id) ?? []), update]);
      for (const watcher of watchers.get(topic) ?? []) watcher(update);
    },
    subscribe(topic, onUpdate) {
      const those = watchers.get(topic) ?? new Set();
      watchers.set(topic, those.add(onUpdate));
      return Object.assign(() => void those.delete(onUpdate), { ready: Promise.resolve() });
    },
    close: async () => {},
  };
}

/** Resolves once `see` gives something, asked again and again; rejects with what it gave last. */
export async function until<T>(see: () => T | Promise<T>, timeoutMs = 20_000): Promise<NonNullable<T>> {
  const endMs = Date.now() + timeoutMs;
  for (;;) {
    const value = await see();
    if (value) return value as NonNullable<T>;
    if (Date.now() > endMs) throw new Error(`still ${JSON.stringify(value)} after ${timeoutMs} ms: ${see.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
