// A bot in a process of its own that is killed at one point of a turn: `node --import tsx crash-bot.ts <world> <point>`.
// The world is a folder: `said.jsonl` holds what people wrote, `seen.jsonl` what stands on the platform for all to see.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '@troupe/prisma';
import { pino } from 'pino';
import { openBus } from '../src/bus.ts';
import { startBot } from '../src/index.ts';
import { openQueues } from '../src/queue.ts';
import { parseSettings } from '../src/settings.ts';
import { createPuppet } from './fake-inference.ts';
import { createLoft } from './fake-platform.ts';
import { startFakeWorker } from './fake-worker.ts';
import { until } from './stage.ts';

const [world = '', point = ''] = process.argv.slice(2);
const databaseUrl = process.env.DATABASE_URL || undefined;
const redisUrl = process.env.REDIS_URL || undefined;
const log = pino({ level: process.env.STAGE_LOG ?? 'silent' });

const loft = createLoft('loft');
// Like Slack: nothing is idempotent; only from the second attempt on the sender looks whether its message stands there already.
loft.module.create = ((create) => async (settings, context) => ({
  ...(await create(settings, context)),
  async send({ outboxId, address, attempt }) {
    const stands = attempt > 1 && lines('seen').some((line) => line.outboxId === outboxId);
    if (!stands) appendFileSync(join(world, 'seen.jsonl'), `${JSON.stringify({ outboxId, room: address.channel })}\n`);
    return { ids: [outboxId] };
  },
}))(loft.module.create);

const store = await openStore({ databaseUrl, dataDir: join(world, 'data') });
const connection = redisUrl ? { redisUrl } : { pool: store.pool! };
const queues = await openQueues(connection, { log });
const stopWorker = await startFakeWorker(connection, createPuppet());
const bus = await openBus({ redisUrl, log });
let armed = false;
const bot = await startBot({
  settings: parseSettings({ LIMIT_PER_PERSON: 'off' }, [loft.module]),
  store,
  queues,
  bus,
  inference: { models: async () => ({ models: [], generator: 'lines' }), failing: async () => [] },
  log,
  modules: [loft.module],
  pace: { leaseMs: 15_000, sweepMs: 250, pauseMs: 250 },
  async checkpoint(name) {
    if (!armed || name !== point) return;
    // A question is on its way while this is called: let it arrive.
    if (name.endsWith('-added')) await new Promise((resolve) => setTimeout(resolve, 150));
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => {});
  },
});

// What an earlier process left behind is answered before anything new is said.
await until(() => rooms('said').every((room) => rooms('seen').includes(room)), 60_000);
if (point !== 'none') {
  armed = true;
  appendFileSync(join(world, 'said.jsonl'), `${JSON.stringify({ room: point })}\n`);
  await loft.say('hello', { where: point, id: point });
} else {
  // The platform, never thanked for some of them, delivers all of them again.
  for (const room of rooms('said')) await loft.say('hello', { where: room, id: room });
  await loft.say('bye', { where: 'last', id: 'last' });
  await until(() => rooms('seen').includes('last'), 60_000);
  await bot.stop();
  await stopWorker();
  await bus.close();
  await queues.close();
  await store.close();
}

function lines(name: string): { room: string; outboxId?: string }[] {
  const file = join(world, `${name}.jsonl`);
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];
}

function rooms(name: string): string[] {
  return lines(name).map(({ room }) => room);
}
