// Events in: at least once each, oldest first, tried again for as long as it takes.
import { type JobsOptions, type Queue, UnrecoverableError, type Worker } from 'bullmq';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { TroupeError } from './errors.ts';
import type { Events } from './queue.ts';
import { closed, KEEP_COMPLETED_S, KEEP_FAILED_S, reach, type Transport } from './queue-transport.ts';

interface Options<Job> {
  schema: z.ZodType<Job>;
  idOf(job: Job): Pick<JobsOptions, 'jobId' | 'deduplication'>;
  log: Logger;
  now: () => number;
}

/** Fits the 32 bits a table has for it. */
const FOR_EVER = 2_000_000_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;

export function openEvents<Job extends object>(
  transport: Transport,
  queue: Queue,
  { schema, idOf, log, now }: Options<Job>,
): Events<Job> & { stop(): Promise<void> } {
  const workers = new Set<Worker>();
  const inHand = new Set<Promise<void>>();
  const stop = async (worker: Worker) => {
    workers.delete(worker);
    const closing = worker.close();
    while (inHand.size > 0) await Promise.all(inHand);
    await closed(closing);
  };
  return {
    async add(job, { delayMs } = {}) {
      await reach(
        queue.add(queue.name, schema.parse(job), {
          ...idOf(job),
          ...(delayMs ? { delay: delayMs } : {}),
          timestamp: now(),
          attempts: FOR_EVER,
          backoff: { type: 'growing' },
          removeOnComplete: { age: KEEP_COMPLETED_S },
          removeOnFail: { age: KEEP_FAILED_S },
          // Errors may quote what they failed on.
          stackTraceLimit: 0,
        }),
      );
    },
    async process(handler, { concurrency = 32 } = {}) {
      const worker = transport.worker(
        queue.name,
        async (job) => {
          const parsed = schema.safeParse(job.data);
          if (!parsed.success) {
            log.error(
              { queue: queue.name, jobId: job.id, at: parsed.error.issues.map((issue) => issue.path.join('.')) },
              'a job nobody can read',
            );
            throw new UnrecoverableError(failure('job-invalid', false));
          }
          const delivery = { attempt: job.attemptsStarted, queueMs: Math.max(0, now() - job.timestamp) };
          const handling = (async () => handler(parsed.data, delivery))();
          const settled = handling.catch(() => {}).finally(() => inHand.delete(settled));
          inHand.add(settled);
          try {
            await handling;
          } catch (error) {
            const { code, retryable } = error instanceof TroupeError ? error : { code: 'unexpected', retryable: true };
            log.warn({ queue: queue.name, jobId: job.id, attempt: job.attemptsStarted, code, err: error }, 'an event was not handled');
            throw retryable ? new Error(failure(code, true)) : new UnrecoverableError(failure(code, false));
          }
        },
        {
          concurrency,
          lockDuration: 10_000,
          stalledInterval: 5_000,
          // The database is the truth of a turn; a job whose process died is run again however often that happens.
          maxStalledCount: 1_000_000,
          settings: { backoffStrategy: (attempts) => pauseMs(attempts) },
        },
      );
      workers.add(worker);
      await worker.waitUntilReady();
      return () => stop(worker);
    },
    async stop() {
      await Promise.all([...workers].map(stop));
    },
  };
}

/** Doubles from one to the next, and differs so that those who failed together do not come back together. */
function pauseMs(attempts: number): number {
  const full = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempts - 1, 16));
  return Math.round(full * (0.75 + Math.random() / 4));
}

/** Only the code: what an error says may hold somebody's words. */
function failure(code: string, retryable: boolean): string {
  return JSON.stringify({ code, message: 'see the log', retryable });
}
