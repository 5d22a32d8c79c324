// The puppet behind real queues: a BullMQ worker for each of the two verbs, as inference has them.
import { READ_QUEUE, ReadJob, WRITE_QUEUE, WriteJob } from '@troupe/inference/contract';
import { createPostgresBackend, type Job, UnrecoverableError, Worker } from 'bullmq';
import type { TroupeError } from '../src/errors.ts';
import type { QueueConnection } from '../src/queue.ts';
import type { FakeInference } from './fake-queues.ts';

/** Resolves with what stops it. */
export async function startFakeWorker(connection: QueueConnection, inference: FakeInference): Promise<() => Promise<void>> {
  const options = { concurrency: 64, lockDuration: 10_000, stalledInterval: 5000, maxStalledCount: 1_000_000 };
  const open = (queue: string, work: (job: Job) => Promise<unknown>) => {
    const coded = async (job: Job) => {
      try {
        return await work(job);
      } catch (error) {
        const { code = 'puppet', message, retryable = true } = error as TroupeError;
        throw new UnrecoverableError(JSON.stringify({ code, message, retryable }));
      }
    };
    const worker =
      'pool' in connection
        ? (new Worker(queue, coded, { ...options, connection: connection.pool }, createPostgresBackend) as unknown as Worker)
        : new Worker(queue, coded, { ...options, connection: { url: connection.redisUrl, maxRetriesPerRequest: null } });
    worker.on('error', () => {});
    return worker;
  };
  const workers = [
    open(READ_QUEUE, (job) => inference.read(ReadJob.parse(job.data))),
    open(WRITE_QUEUE, async (job) => {
      let sent: Promise<unknown> = Promise.resolve();
      const written = await inference.write(WriteJob.parse(job.data), (delta) => {
        sent = sent.then(() => job.updateProgress({ delta }));
      });
      await sent;
      return written;
    }),
  ];
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  return async () => {
    await Promise.all(workers.map((worker) => worker.close()));
  };
}
