// Everything in one process: the embedded store (or Redis and PostgreSQL), inference and the bot. The only file that sees both.
import { type Bot, createLog, discoverPlatforms, openBus, openQueues, parseSettings, readEnvironment, startBot } from '@troupe/bot';
import { readSettings, startInference } from '@troupe/inference';
import { openStore, type Store } from '@troupe/prisma';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';

export interface Troupe {
  bot: Bot;
  store: Store;
  /** Where the page is. */
  address: string | null;
  /** Ends everything in order: platforms, turns in hand, inference, queues, store. */
  stop(): Promise<void>;
}

/** Rejects with an error that says which setting, file or port to mend; whatever was opened by then is closed again. */
export async function startTroupe(env = readEnvironment(), log?: Logger): Promise<Troupe> {
  const modules = await discoverPlatforms();
  const settings = parseSettings(env, modules);
  const logger = log ?? createLog(settings.logLevel, process.stderr);
  const registry = new Registry();
  const opened: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    while (opened.length > 0) await opened.pop()?.();
  };
  try {
    const { redisUrl, databaseUrl, dataDir } = settings;
    const inferenceSettings = readSettings(env);
    const openStores = async () => {
      const store = await openStore({ databaseUrl, dataDir });
      opened.push(() => store.close());
      const connection = redisUrl ? { redisUrl } : { pool: store.pool! };
      const queues = await openQueues(connection, { log: logger });
      opened.push(() => queues.close());
      const bus = await openBus({ redisUrl, log: logger });
      opened.push(() => bus.close());
      return { store, connection, queues, bus };
    };
    // The models load meanwhile: to make an embedded store takes seconds, and another process.
    const opening = openStores();
    const connection = opening.then((stores) => stores.connection);
    const loading = startInference({ settings: inferenceSettings, connection, log: logger, metrics: registry });
    const [stores] = await Promise.allSettled([opening, loading]);
    if (stores.status === 'rejected') throw stores.reason;
    const { store, queues, bus } = stores.value;
    const inference = await loading;
    opened.push(() => inference.stop());
    const view = {
      models: async () => ({ models: inference.models(), generator: inference.generator }),
      failing: async () => (await inference.ready()).failing,
    };
    const bot = await startBot({ settings, store, queues, bus, inference: view, log: logger, registry, modules });
    opened.push(() => bot.stop());
    return { bot, store, address: bot.address, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What `npm start` runs. Resolves with what stops it. */
export async function start(): Promise<() => Promise<void>> {
  const startedMs = Date.now();
  const { bot, address, stop } = await startTroupe();
  console.log(`Troupe is up after ${((Date.now() - startedMs) / 1000).toFixed(1)} s${address ? `: ${address}` : ''}`);
  for (const line of bot.summary) console.log(`  ${line}`);
  console.log('Ctrl-C ends it.');
  return stop;
}
