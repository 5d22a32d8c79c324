// What the queues stand on: Redis, or BullMQ's Postgres backend on the embedded store's pool.
import {
  createPostgresBackend,
  type PgPool,
  type Processor,
  Queue,
  QueueEvents,
  runMigrations,
  SchemaVersionMismatchError,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { TroupeError } from './errors.ts';
import { gatherWrites } from './gather.ts';
import type { QueueConnection } from './queue.ts';

export interface Transport {
  queue(name: string): Queue;
  /** Hears everything from now on. */
  events(name: string): Promise<QueueEvents>;
  worker(name: string, processor: Processor, options: Omit<WorkerOptions, 'connection'>): Worker;
  /** Rejects with `queue-unreachable`. */
  ping(): Promise<void>;
  /** Drops what the event streams hold from before: results and deltas are text too. */
  forgetEvents(queue: string, beforeMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Longer than a restart of Redis takes, shorter than a platform waits for its acknowledgement. */
const REACH_MS = 2_500;
/** Whoever starts beside Redis may be the first to be there. */
const PATIENCE_MS = 15_000;
/** An answered or handled job is kept so long, for whoever asks for it again after a crash; a failed one for somebody to look at. */
export const KEEP_COMPLETED_S = 120;
export const KEEP_FAILED_S = 3_600;
const TIDY_EVERY_MS = 30_000;
const TIDY_AT_ONCE = 5_000;
/** Events are read within milliseconds; the limit is for a burst, the age is what `forgetEvents` sees to. */
const STREAMS = { events: { maxLen: 5_000 } };

export function openTransport(connection: QueueConnection, log: Logger, patienceMs = PATIENCE_MS): Promise<Transport> {
  return 'pool' in connection ? onPool(connection.pool, log) : onRedis(connection.redisUrl, log, patienceMs);
}

async function onRedis(url: string, log: Logger, patienceMs: number): Promise<Transport> {
  const redis = gatherWrites(new Redis(url, { maxRetriesPerRequest: null }));
  const say = sayOnce(log);
  redis.on('error', say.trouble);
  redis.on('ready', say.fine);
  const ping = async () => {
    await reach(redis.ping());
  };
  try {
    await reach(refuseOld(redis), patienceMs);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  // BullMQ makes connections of its own from this one where a command blocks.
  const options = { connection: redis, streams: STREAMS };
  return {
    queue: (name) => heard(new Queue(name, options), say),
    async events(name) {
      // BullMQ's own "from now on" begins with its first look, somewhat later.
      const [newest] = await reach(redis.xrevrange(`bull:${name}:events`, '+', '-', 'COUNT', 1));
      return heard(new QueueEvents(name, { ...options, lastEventId: newest?.[0] ?? '0-0' }), say);
    },
    worker: (name, processor, rest) => heard(new Worker(name, processor, { ...rest, connection: redis }), say),
    ping,
    async forgetEvents(queue, beforeMs) {
      await redis.xtrim(`bull:${queue}:events`, 'MINID', beforeMs);
    },
    async close() {
      await closed(redis.quit());
      redis.disconnect();
    },
  };
}

async function onPool(pool: PgPool, log: Logger): Promise<Transport> {
  const client = await pool.connect();
  try {
    await runMigrations(client);
  } catch (cause) {
    if (!(cause instanceof SchemaVersionMismatchError)) throw cause;
    const message = 'The queues in DATA_DIR were written by a newer Troupe. Run that version, or set DATA_DIR to another folder.';
    throw new TroupeError('queue-newer', message, { cause });
  } finally {
    client.release();
  }
  const say = sayOnce(log);
  const options = { connection: pool, streams: STREAMS };
  // Its types follow the backend; what the queues use of it is the same on both.
  return {
    queue: (name) => heard(new Queue(name, options, createPostgresBackend) as unknown as Queue, say),
    async events(name) {
      const { rows } = await pool.query('SELECT coalesce(max(id), 0)::text AS newest FROM bullmq.event WHERE queue = $1', [name]);
      return heard(
        new QueueEvents(name, { ...options, lastEventId: rows[0].newest }, createPostgresBackend) as unknown as QueueEvents,
        say,
      );
    },
    worker: (name, processor, rest) =>
      heard(
        // Notifications do not get lost within a process: looking by itself, and the work that is, may be rare.
        new Worker(name, processor, { drainDelay: 60, ...rest, connection: pool }, createPostgresBackend) as unknown as Worker,
        say,
      ),
    async ping() {
      await reach(pool.query('SELECT 1'));
    },
    async forgetEvents(queue, beforeMs) {
      await pool.query('DELETE FROM bullmq.event WHERE queue = $1 AND created_at_ms < $2', [queue, beforeMs]);
    },
    async close() {},
  };
}

export function tidyRegularly(transport: Transport, queues: Queue[], log: Logger): () => void {
  const timer = setInterval(async () => {
    try {
      await tidy(transport, queues);
    } catch (error) {
      log.debug({ err: error }, 'tidying the queues is put off');
    }
  }, TIDY_EVERY_MS).unref();
  return () => clearInterval(timer);
}

/** Removes what has been kept long enough. BullMQ itself looks only when another job ends, and text must not lie there until then. */
export async function tidy(
  transport: Transport,
  queues: Queue[],
  keepCompletedS = KEEP_COMPLETED_S,
  keepFailedS = KEEP_FAILED_S,
): Promise<void> {
  for (const queue of queues) {
    await queue.clean(keepCompletedS * 1_000, TIDY_AT_ONCE, 'completed');
    await queue.clean(keepFailedS * 1_000, TIDY_AT_ONCE, 'failed');
    await transport.forgetEvents(queue.name, Date.now() - keepCompletedS * 1_000);
  }
}

/** What the promise says, or `queue-unreachable` when it says nothing for too long. BullMQ itself waits for ever. */
export async function reach<T>(promise: Promise<T>, withinMs = REACH_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${withinMs} ms`)), withinMs);
  });
  try {
    return await Promise.race([promise, late]);
  } catch (cause) {
    if (cause instanceof TroupeError) throw cause;
    throw new TroupeError('queue-unreachable', `The queues do not answer: ${(cause as Error).message}`, { retryable: true, cause });
  } finally {
    clearTimeout(timer);
  }
}

/** Settles with `closing`, but does not wait longer: BullMQ waits for ever for a connection that breaks while it is being closed. */
export async function closed(closing: Promise<unknown>, withinMs = 2_000): Promise<void> {
  await reach(closing, withinMs).catch(() => {});
}

async function refuseOld(redis: Redis): Promise<void> {
  const version = /redis_version:(\d+)\.(\d+)/.exec(await redis.info('server'));
  const [major, minor] = [Number(version?.[1] ?? 99), Number(version?.[2] ?? 0)];
  if (major < 6 || (major === 6 && minor < 2))
    throw new TroupeError('redis-too-old', `REDIS_URL names Redis ${major}.${minor}; Troupe needs 6.2 or newer.`);
}

interface Sayer {
  trouble(error: Error): void;
  fine(): void;
}

/** An outage is one line when it begins and one when it ends, not one a retry and a connection. */
function sayOnce(log: Logger): Sayer {
  let troubled = false;
  return {
    trouble(error) {
      if (!troubled) log.warn({ err: error }, 'the queues cannot be reached');
      troubled = true;
    },
    fine() {
      if (troubled) log.info('the queues are reached again');
      troubled = false;
    },
  };
}

function heard<T extends { on(event: 'error', listener: (error: Error) => void): unknown }>(source: T, say: Sayer): T {
  source.on('error', say.trouble);
  return source;
}
