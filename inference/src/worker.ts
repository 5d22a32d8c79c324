// The only seam with BullMQ: read and write jobs in, results, deltas and coded failures out. Logs and metrics are written here, once.
import { createPostgresBackend, type Job, type PgPool, UnrecoverableError, Worker, type WorkerOptions } from 'bullmq';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { CONTRACT_VERSION, type JobFailure, READ_QUEUE, ReadJob, WRITE_QUEUE, WriteJob, type Written } from './contract.ts';
import { InferenceError } from './errors.ts';
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
  /** Why no job can be taken now, null when nothing hinders. */
  failing(): string | null;
  stop(): Promise<void>;
}

/** Resolves once both queues are listened to. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { connection, reader, writer, log, metrics, readConcurrency = 64, writeConcurrency = 64, stopTimeoutMs = 8000 } = options;
  let trouble: string | null = null;

  const read = open(connection, READ_QUEUE, readConcurrency, log, ReadJob, (job, _bull, signal) => reader.read(job.text, signal));

  const write = open(connection, WRITE_QUEUE, writeConcurrency, log, WriteJob, async (job, bull, signal): Promise<Written> => {
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
  for (const worker of workers) {
    worker.on('error', (error) => {
      if (trouble !== error.message) log.error({ err: error, queue: worker.name }, 'the queue cannot be reached');
      trouble = error.message;
    });
    for (const sign of ['ready', 'active', 'drained'] as const)
      worker.on(sign, () => {
        trouble = null;
      });
  }
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));

  return {
    failing: () => trouble,
    async stop() {
      const closed = Promise.all(workers.map((worker) => worker.close()));
      const late = setTimeout(() => {
        for (const worker of workers) worker.cancelAllJobs('this worker is stopping');
      }, stopTimeoutMs);
      await closed;
      clearTimeout(late);
    },
  };
}

type Work<Given, Result> = (job: Given, bull: Job, signal: AbortSignal) => Promise<Result>;

function open<Given extends { turnId: string }, Result>(
  connection: QueueConnection,
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
  const options: Omit<WorkerOptions, 'connection'> = {
    concurrency,
    lockDuration: 10_000,
    stalledInterval: 5000,
    // The database is the truth of a turn; a job whose worker died is run again however often that happens.
    maxStalledCount: 1_000_000,
  };
  if ('pool' in connection)
    return new Worker(queue, process, { ...options, connection: connection.pool }, createPostgresBackend) as unknown as Worker;
  return new Worker(queue, process, { ...options, connection: { url: connection.redisUrl, maxRetriesPerRequest: null } });
}

/** Throws `contract_version` (trying again helps once a worker of that version is here) or `job_invalid`. */
function parse<Given>(data: unknown, schema: z.ZodType<Given>, queue: string): Given {
  const contract = (data as { contract?: unknown } | null)?.contract;
  if (contract !== CONTRACT_VERSION)
    throw new InferenceError(
      'contract_version',
      `this worker speaks contract ${CONTRACT_VERSION}, the ${queue} job is of ${contract}; run bot and inference of the same release`,
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
