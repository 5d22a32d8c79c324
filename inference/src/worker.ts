// The only seam with BullMQ: read and write jobs in, results, deltas and coded failures out. Logs and metrics are written here, once.
import { createPostgresBackend, type Job, type PgPool, type Processor, UnrecoverableError, Worker, type WorkerOptions } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { CONTRACT_VERSION, type JobFailure, READ_QUEUE, type ReadDone, ReadJob, WRITE_QUEUE, WriteJob, type Written } from './contract.ts';
import { InferenceError } from './errors.ts';
import { gatherWrites } from './gather.ts';
import type { Metrics } from './metrics.ts';
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** Redis, or the embedded store's pool. The same type in bot/src/queue.ts. */
export type QueueConnection = { redisUrl: string } | { pool: PgPool };

export interface WorkersOptions {
  connection: QueueConnection;
  reader: Reader;
  writer: Writer;
  log: Logger;
  metrics: Metrics;
  readConcurrency?: number;
  writeConcurrency?: number;
  /** How long jobs in hand may still take when it stops; then they are cancelled and another worker takes them over. */
  stopTimeoutMs?: number;
}

export interface Workers {
  /** Why no job can be taken now, null when nothing hinders. Never rejects. */
  failing(): Promise<string | null>;
  stop(): Promise<void>;
}

/** Resolves once both queues are listened to. On a pool BullMQ's tables have to be there: the bot's side makes them. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { connection, reader, writer, log, metrics, readConcurrency = 64, writeConcurrency = 64, stopTimeoutMs = 8000 } = options;
  const line = openLine(connection, log);

  const read = open(line, READ_QUEUE, readConcurrency, log, ReadJob, async ({ text, beside }, _bull, signal): Promise<ReadDone> => {
    const [own, others] = await Promise.all([
      reader.read(text, signal),
      beside && Promise.all(beside.map((one) => reader.read(one, signal))),
    ]);
    return others ? { ...own, beside: others.map(({ embedding, versions, ...meaning }) => meaning) } : own;
  });

  const write = open(line, WRITE_QUEUE, writeConcurrency, log, WriteJob, async (job, bull, signal): Promise<Written> => {
    let sent: Promise<unknown> = Promise.resolve();
    const onDelta = (delta: string) => {
      sent = sent.then(() => bull.updateProgress({ delta }));
    };
    const written = await writer.write(job, { signal, ...(job.stream ? { onDelta } : {}) });
    // The store is the truth of a reply: deltas that were lost cost nothing but the view of its growing.
    await sent.catch((error) => log.warn({ err: error, turnId: job.turnId }, 'deltas were lost'));
    metrics.writtenTokens(written.tokens);
    return written;
  });

  const workers = [read, write];
  for (const worker of workers) worker.on('error', line.trouble);
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));

  return {
    failing: () => line.failing(),
    async stop() {
      const closed = Promise.all(workers.map((worker) => worker.close()));
      const after = (ms: number) => new Promise<'late'>((resolve) => setTimeout(resolve, ms, 'late').unref());
      if ((await Promise.race([closed, after(stopTimeoutMs)])) === 'late') {
        for (const worker of workers) worker.cancelAllJobs('this worker is stopping');
        await Promise.race([closed, after(graceMs)]);
      }
      await line.close();
    },
  };
}

/** The connection, and whether it is there. An outage is one line in the log when it begins and one when it ends. */
interface Line {
  workerOf(queue: string, process: Processor, options: Omit<WorkerOptions, 'connection'>): Worker;
  trouble(error: Error): void;
  failing(): Promise<string | null>;
  close(): Promise<void>;
}

const reachMs = 2500;
/** For cancelled jobs to say so; without their queues they cannot. */
const graceMs = 2000;

function openLine(connection: QueueConnection, log: Logger): Line {
  let troubled = false;
  const trouble = (error: Error) => {
    if (!troubled) log.warn({ err: error }, 'the queues cannot be reached');
    troubled = true;
  };
  const fine = () => {
    if (troubled) log.info('the queues are reached again');
    troubled = false;
  };
  const failing = (ping: () => Promise<unknown>) => async () => {
    const late = new Promise((_, reject) => setTimeout(reject, reachMs, new Error(`no answer within ${reachMs} ms`)).unref());
    return Promise.race([ping(), late]).then(
      () => null,
      (error: Error) => `the queues cannot be reached: ${error.message}`,
    );
  };
  if ('pool' in connection) {
    const { pool } = connection;
    return {
      // Within a process no notification gets lost: looking by itself may be rare.
      workerOf: (queue, process, options) =>
        new Worker(queue, process, { drainDelay: 60, ...options, connection: pool }, createPostgresBackend) as unknown as Worker,
      trouble,
      failing: failing(() => pool.query('SELECT 1')),
      close: async () => {},
    };
  }
  const redis = gatherWrites(new Redis(connection.redisUrl, { maxRetriesPerRequest: null }));
  redis.on('error', trouble);
  redis.on('ready', fine);
  return {
    workerOf: (queue, process, options) => new Worker(queue, process, { ...options, connection: redis }),
    trouble,
    failing: failing(() => redis.ping()),
    close: async () => redis.disconnect(),
  };
}

type Work<Given, Result> = (job: Given, bull: Job, signal: AbortSignal) => Promise<Result>;

function open<Given extends { turnId: string }, Result>(
  line: Line,
  queue: string,
  concurrency: number,
  log: Logger,
  schema: z.ZodType<Given>,
  work: Work<Given, Result>,
): Worker {
  // Three parameters: BullMQ counts them to see whether a signal is wanted.
  const process = async (bull: Job, _token: string | undefined, signal: AbortSignal | undefined): Promise<Result> => {
    const startedAt = performance.now();
    const turnId = (bull.data as { turnId?: string } | null)?.turnId;
    const jobLog = log.child({ queue, turnId, jobId: bull.id });
    try {
      const result = await work(parse(bull.data, schema, queue), bull, signal ?? new AbortController().signal);
      jobLog.debug({ ms: Math.round(performance.now() - startedAt) }, 'job done');
      return result;
    } catch (error) {
      const failure = toFailure(error);
      jobLog.warn({ code: failure.code, retryable: failure.retryable, err: error }, 'job failed');
      const reason = JSON.stringify(failure);
      throw failure.retryable && failure.code !== 'contract_version' ? new Error(reason, { cause: error }) : new UnrecoverableError(reason);
    }
  };
  const options = {
    concurrency,
    lockDuration: 10_000,
    stalledInterval: 5000,
    // After an outage it looks again soon.
    runRetryDelay: 1000,
    // The database is the truth of a turn; a job whose worker died is run again however often that happens.
    maxStalledCount: 1_000_000,
  };
  return line.workerOf(queue, process, options);
}

/** Throws `contract_version` (trying again helps once a worker of that version is here) or `job_invalid`. */
function parse<Given>(data: unknown, schema: z.ZodType<Given>, queue: string): Given {
  const contract = (data as { contract?: unknown } | null)?.contract;
  if (contract !== CONTRACT_VERSION)
    throw new InferenceError(
      'contract_version',
      `this worker speaks contract ${CONTRACT_VERSION}, the ${queue} job is of contract ${contract}; run bot and inference of the same release`,
      {
        retryable: true,
      },
    );
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const where = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.')))].join(', ');
  throw new InferenceError('job_invalid', `the ${queue} job breaks contract ${CONTRACT_VERSION} at ${where}`);
}

function toFailure(error: unknown): JobFailure {
  if (error instanceof InferenceError) return { code: error.code, message: error.message, retryable: error.retryable };
  return { code: 'inference_failed', message: error instanceof Error ? error.message : String(error), retryable: true };
}
