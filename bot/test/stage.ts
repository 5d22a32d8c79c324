// A bot on an embedded store with pigeons, a web-like platform and an inference that is a puppet.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type Store } from '@troupe/prisma';
import { pino } from 'pino';
import type { Bus } from '../src/bus.ts';
import { type Bot, type BotOptions, startBot } from '../src/index.ts';
import type { TurnUpdate } from '../src/platform.ts';
import type { Queues } from '../src/queue.ts';
import { parseSettings } from '../src/settings.ts';
import { createPuppet, type Puppet } from './fake-inference.ts';
import { createLoft, type Loft } from './fake-platform.ts';
import { createFakeQueues } from './fake-queues.ts';

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
  leaseMs: 2000,
  sweepMs: 100,
  readTimeoutMs: 300,
  writeTimeoutMs: 300,
  tries: 3,
  pauseMs: 50,
  backoffMs: [20, 50] as [number, number],
};

export async function openStage({
  env = {},
  options = {},
  store,
}: {
  env?: Record<string, string>;
  options?: Partial<BotOptions>;
  store?: Store;
} = {}): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-stage-'));
  const ownStore = store ?? (await openStore({ dataDir: folder }));
  const clock = { nowMs: Date.now(), real: true };
  const now = () => (clock.real ? Date.now() : clock.nowMs);
  const puppet = createPuppet();
  const queues = options.queues ?? createFakeQueues(puppet);
  const loft = createLoft('loft', {}, now);
  const page = createLoft('page', { streams: true, needsNotice: false, trainingNeedsPermission: false }, now);
  const modules = [loft.module, page.module];
  const updates = new Map<string, TurnUpdate[]>();
  const start = (over: Partial<BotOptions> = {}) =>
    startBot({
      settings: parseSettings({ LIMIT_PER_PERSON: 'off', ...env }, modules),
      store: ownStore,
      queues,
      bus: createFakeBus(updates),
      inference: {
        models: async () => ({ models: [{ task: 'encoder', version: 'v1', arm: 'live', live: true }], generator: 'lines' }),
        failing: async () => [],
      },
      log: pino({ level: process.env.STAGE_LOG ?? 'silent' }),
      modules,
      now,
      pace: quickPace,
      ...options,
      ...over,
    });
  const stage: Stage = {
    store: ownStore,
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
    rows: (sql, ...values) => ownStore.prisma.$queryRawUnsafe(sql, ...values),
    async close() {
      await stage.bot.stop(1000);
      if (!store) await ownStore.close();
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
