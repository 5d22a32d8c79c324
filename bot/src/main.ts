// The bot as a process of its own: `npm start -w bot`, with REDIS_URL and DATABASE_URL. Inference runs elsewhere.
import { openStore } from '@troupe/prisma';
import { TroupeError } from './errors.ts';
import { createLog, discoverPlatforms, openBus, openQueues, parseSettings, readEnvironment, startBot } from './index.ts';
import { releasedModels } from './released.ts';

/** Resolves with what stops it. */
export async function start(): Promise<() => Promise<void>> {
  const modules = await discoverPlatforms();
  const env = readEnvironment();
  const settings = parseSettings(env, modules);
  const { redisUrl, databaseUrl, dataDir } = settings;
  if (!redisUrl)
    throw new TroupeError(
      'settings',
      'REDIS_URL and DATABASE_URL: needed by the bot as a process of its own; set both, or run `npm start`',
    );
  const log = createLog(settings.logLevel, process.stderr);
  const store = await openStore({ databaseUrl, dataDir });
  const queues = await openQueues({ redisUrl }, { log });
  const bus = await openBus({ redisUrl, log });
  const models = releasedModels(settings.modelsDir, env.GENERATOR);
  // Whether inference is up shows in how long jobs wait, not here: a bot that can still take messages in is ready.
  const bot = await startBot({ settings, store, queues, bus, inference: { models, failing: async () => [] }, log, modules });
  console.log(`The bot is up${bot.address ? `: ${bot.address}` : ''}`);
  for (const line of bot.summary) console.log(`  ${line}`);
  return async () => {
    await bot.stop();
    await bus.close();
    await queues.close();
    await store.close();
  };
}
