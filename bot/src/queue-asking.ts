// Request and response over a queue: one job an id, whoever asks and however often, and its result for all who wait.
import { setMaxListeners } from 'node:events';
import { Delta, JobFailure } from '@troupe/inference/contract';
import type { Job, Queue } from 'bullmq';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { TroupeError } from './errors.ts';
import type { Asked, AskOptions } from './queue.ts';
import { closed, KEEP_COMPLETED_S, KEEP_FAILED_S, reach, type Transport } from './queue-transport.ts';

export interface Asking<Result> {
  ask(jobId: string, data: object, options?: AskOptions & { onDelta?: (text: string) => void }): Promise<Asked<Result>>;
  close(): Promise<void>;
}

interface Waiter {
  /** The job was made by this very call, so all its deltas are heard. */
  added(): void;
  started(): void;
  progress(data: unknown): void;
  finished(): void;
}

/** A job that was there before answers no event: it is looked for when nothing was heard so long. */
const FIRST_LOOK_MS = 40;
/** And then so often, should an event get lost in a reconnect. */
const LOOK_AGAIN_MS = 1_000;
const PATIENCE_MS = 60_000;

export async function openAsking<Result>(
  transport: Transport,
  queue: Queue,
  { result, log, now }: { result: z.ZodType<Result>; log: Logger; now: () => number },
): Promise<Asking<Result>> {
  const waiters = new Map<string, Set<Waiter>>();
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const events = await transport.events(queue.name);
  const tell = (jobId: string, what: (waiter: Waiter) => void) => {
    for (const waiter of waiters.get(jobId) ?? []) what(waiter);
  };
  events.on('added', ({ jobId }) => tell(jobId, (waiter) => waiter.added()));
  events.on('active', ({ jobId }) => tell(jobId, (waiter) => waiter.started()));
  events.on('progress', ({ jobId, data }) => tell(jobId, (waiter) => waiter.progress(data)));
  events.on('completed', ({ jobId }) => tell(jobId, (waiter) => waiter.finished()));
  events.on('failed', ({ jobId }) => tell(jobId, (waiter) => waiter.finished()));
  await events.waitUntilReady();

  const add = async (jobId: string, data: object, timestamp: number) => {
    await reach(
      queue.add(queue.name, data, {
        jobId,
        timestamp,
        removeOnComplete: { age: KEEP_COMPLETED_S },
        removeOnFail: { age: KEEP_FAILED_S },
        stackTraceLimit: 0,
      }),
    );
  };

  const look = (jobId: string) => reach(queue.getJob(jobId)).catch(() => 'unreachable' as const);

  const settle = (job: Job): Asked<Result> => {
    const queueMs = Math.max(0, (job.processedOn ?? job.timestamp) - job.timestamp);
    const runMs = Math.max(0, (job.finishedOn ?? 0) - (job.processedOn ?? 0));
    const parsed = result.safeParse(job.returnvalue);
    if (parsed.success) return { result: parsed.data, queueMs, runMs };
    const at = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
    log.error({ queue: queue.name, jobId: job.id, at }, 'an answer nobody can read');
    throw new TroupeError('inference-invalid', `The answer of the ${queue.name} job does not fit the contract at ${at}.`);
  };

  return {
    async ask(jobId, data, { timeoutMs = PATIENCE_MS, signal, onDelta } = {}) {
      const askedMs = now();
      let madeMs = askedMs;
      const heard = listener(onDelta);
      const mine = waiters.get(jobId) ?? new Set();
      waiters.set(jobId, mine.add(heard.waiter));
      const end = ending(timeoutMs, signal, closing.signal);
      try {
        await Promise.race([add(jobId, data, madeMs), end.promise]);
        for (let lookMs = FIRST_LOOK_MS; ; lookMs = LOOK_AGAIN_MS) {
          await Promise.race([heard.end(lookMs), end.promise]);
          const job = await Promise.race([look(jobId), end.promise]);
          if (job === 'unreachable' || (job && !job.finishedOn)) continue;
          if (job?.returnvalue != null) return settle(job);
          // An event may be late, of a run before this call: when it failed is what counts. A worker whose clock is behind costs one more run.
          if (job && (job.timestamp === madeMs || (job.finishedOn ?? 0) > askedMs)) throw toError(job.failedReason);
          // Removed since, or failed before this call: it begins anew.
          await job?.remove().catch(() => {});
          madeMs = now();
          await Promise.race([add(jobId, data, madeMs), end.promise]);
        }
      } catch (error) {
        if (error instanceof TroupeError && error.code === 'inference-cancelled') await queue.remove(jobId).catch(() => {});
        throw error;
      } finally {
        end.clear();
        mine.delete(heard.waiter);
        if (mine.size === 0) waiters.delete(jobId);
      }
    },
    async close() {
      closing.abort();
      await closed(events.close());
    },
  };
}

/** One call's ear. */
function listener(onDelta: ((text: string) => void) | undefined) {
  let isNew = false;
  let starts = 0;
  let isFinished = false;
  let wake = () => {};
  const waiter: Waiter = {
    added() {
      isNew = true;
    },
    started() {
      starts++;
    },
    progress(data) {
      // Half the pieces, or those of a second run after the first one's, would add up to something never said.
      if (!isNew || starts !== 1 || isFinished) return;
      const parsed = Delta.safeParse(data);
      if (parsed.success) onDelta?.(parsed.data.delta);
    },
    finished() {
      isFinished = true;
      wake();
    },
  };
  /** Resolves when the job's end is heard, or after so much silence. */
  const end = async (silenceMs: number): Promise<void> => {
    if (!isFinished) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, silenceMs);
      });
      clearTimeout(timer);
    }
    isFinished = false;
  };
  return { waiter, end };
}

/** Rejects when the call has to end without an answer. */
function ending(timeoutMs: number, signal: AbortSignal | undefined, closing: AbortSignal) {
  let timer: NodeJS.Timeout | undefined;
  const cleared = new AbortController();
  const promise = new Promise<never>((_, reject) => {
    const when = (cause: AbortSignal | undefined, error: () => TroupeError) => {
      if (cause?.aborted) reject(error());
      cause?.addEventListener('abort', () => reject(error()), { signal: cleared.signal });
    };
    when(signal, () => new TroupeError('inference-cancelled', 'Nobody waits for the answer any more.'));
    when(closing, () => new TroupeError('queue-closed', 'The queues are closed.', { retryable: true }));
    const late = () => new TroupeError('inference-timeout', `Inference gave no answer within ${timeoutMs} ms.`, { retryable: true });
    timer = setTimeout(() => reject(late()), timeoutMs);
  });
  promise.catch(() => {});
  const clear = () => {
    clearTimeout(timer);
    cleared.abort();
  };
  return { promise, clear };
}

function toError(failedReason: string | undefined): TroupeError {
  try {
    const { code, message, retryable } = JobFailure.parse(JSON.parse(failedReason ?? ''));
    return new TroupeError(code, message, { retryable });
  } catch {
    // BullMQ's own reasons, as when a job stalled too often.
    return new TroupeError('inference-failed', 'The job failed for a reason of the queue.', { retryable: true, cause: failedReason });
  }
}
