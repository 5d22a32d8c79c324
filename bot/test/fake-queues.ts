// Queues in memory: durable for as long as the object lives, so that a bot may be stopped or broken and another one started on the same.
import type { ReadDone, ReadJob, WriteJob, Written } from '@troupe/inference/contract';
import { TroupeError } from '../src/errors.ts';
import type { Asked, AskOptions, Events, FeedbackJob, Handler, InboxJob, QueueCounts, Queues } from '../src/queue.ts';

export interface FakeInference {
  read(job: ReadJob): Promise<ReadDone>;
  write(job: WriteJob, onDelta?: (text: string) => void): Promise<Written>;
}

export function createFakeQueues(inference: FakeInference): Queues {
  const counts: QueueCounts = { waiting: 0, active: 0, delayed: 0, failed: 0, completed: 0, oldestMs: 0 };
  const inbox = createEvents<InboxJob>((job) =>
    job.type === 'message' ? JSON.stringify([job.platform, job.event.address, job.event.id]) : undefined,
  );
  const feedback = createEvents<FeedbackJob>(() => undefined);
  const asked = new Map<string, Promise<unknown>>();

  function ask<Result>(id: string, work: () => Promise<Result>, { timeoutMs = 60_000, signal }: AskOptions): Promise<Asked<Result>> {
    let running = asked.get(id) as Promise<Result> | undefined;
    if (!running) {
      running = work();
      asked.set(id, running);
      running.catch(() => asked.delete(id));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new TroupeError('inference-timeout', 'late', { retryable: true })), timeoutMs);
      const abort = () => reject(new TroupeError('inference-cancelled', 'cancelled', { retryable: true }));
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
      running.then((result) => resolve({ result, queueMs: 0, runMs: 1 }), reject).finally(() => clearTimeout(timer));
    });
  }

  return {
    inbox,
    feedback,
    read: (job, options = {}) => ask(`read-${job.turnId}`, () => inference.read(job), options),
    write: (job, options = {}) => ask(`write-${job.turnId}`, () => inference.write(job, options.onDelta), options),
    counts: async () => ({ inbox: counts, feedback: counts, read: counts, write: counts }),
    ping: async () => {},
    close: async () => {},
  };
}

function createEvents<Job>(keyOf: (job: Job) => string | undefined): Events<Job> {
  const known = new Set<string>();
  const waiting: { job: Job; attempt: number }[] = [];
  let wake = () => {};
  return {
    async add(job) {
      const key = keyOf(job);
      if (key && known.has(key)) return;
      if (key) known.add(key);
      waiting.push({ job: structuredClone(job), attempt: 1 });
      wake();
    },
    async process(handler: Handler<Job>, { concurrency = 1 } = {}) {
      let stopped = false;
      const active = new Set<Promise<void>>();
      const go = () => {
        while (!stopped && active.size < concurrency && waiting.length > 0) {
          const { job, attempt } = waiting.shift()!;
          const run = handler(job, { attempt, queueMs: 0 })
            .catch(() => {
              if (!stopped) setTimeout(go, 50);
              waiting.push({ job, attempt: attempt + 1 });
            })
            .finally(() => {
              active.delete(run);
              queueMicrotask(go);
            });
          active.add(run);
        }
      };
      wake = go;
      go();
      return async () => {
        stopped = true;
        await Promise.all(active);
      };
    },
  };
}
