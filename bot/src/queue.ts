// The bot's queues. Inbox and feedback carry events in; read and write ask inference. Only the queue files see BullMQ.
import { createHash, randomUUID } from 'node:crypto';
import { READ_QUEUE, ReadDone, ReadJob, WRITE_QUEUE, WriteJob, Written } from '@troupe/inference/contract';
import type { JobsOptions, PgPool, Queue } from 'bullmq';
import type { Logger } from 'pino';
import { z } from 'zod';
import { openAsking } from './queue-asking.ts';
import { openEvents } from './queue-events.ts';
import { closed, openTransport, tidyRegularly } from './queue-transport.ts';

/** Redis, or the embedded store's pool (`store.pool`). The same type in inference/src/worker.ts. */
export type QueueConnection = { redisUrl: string } | { pool: PgPool };

const INBOX_QUEUE = 'inbox';
const FEEDBACK_QUEUE = 'feedback';

const Address = z.object({ workspace: z.string(), channel: z.string(), place: z.record(z.string(), z.string()) });
const Someone = z.object({ id: z.string(), name: z.string() });

/** A platform's MessageEvent or EditEvent with its platform's name, or `resume`: look at this conversation again (the sweeper's). */
export const InboxJob = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('message'),
    platform: z.string(),
    event: z.object({
      id: z.string(),
      address: Address,
      person: Someone,
      text: z.string(),
      sentAtMs: z.number(),
      direct: z.boolean(),
      character: z.string().optional(),
      fromBot: z.boolean(),
    }),
  }),
  z.object({
    type: z.literal('edit'),
    platform: z.string(),
    event: z.object({ id: z.string(), address: Address, text: z.string().nullable() }),
  }),
  z.object({ type: z.literal('resume'), conversationId: z.string() }),
]);
export type InboxJob = z.infer<typeof InboxJob>;

/** A platform's VoteEvent with its platform's name. */
export const FeedbackJob = z.object({
  platform: z.string(),
  event: z.object({
    workspace: z.string(),
    person: Someone,
    target: z.union([z.object({ messageId: z.string() }), z.object({ replyId: z.string() })]),
    value: z.enum(['up', 'down']).nullable(),
    retracts: z.enum(['up', 'down']).optional(),
    reason: z.string().optional(),
    via: z.enum(['reaction', 'button', 'api']),
    atMs: z.number(),
  }),
});
export type FeedbackJob = z.infer<typeof FeedbackJob>;

export interface Delivery {
  /** 1 for the first. Above it an earlier run failed or its process died. */
  attempt: number;
  /** From `add` to now. */
  queueMs: number;
}

/** Rejecting retries with growing pauses for as long as it takes, except a TroupeError with `retryable` false, which ends the job. */
export type Handler<Job> = (job: Job, delivery: Delivery) => Promise<void>;

export interface Events<Job> {
  /** Resolves once the event is durably queued. The same message twice is one job. Rejects with a retryable TroupeError `queue-unreachable`. */
  add(job: Job, options?: { delayMs?: number }): Promise<void>;
  /** Starts handling, oldest first, up to `concurrency` at once. The returned function takes no more and resolves when those in hand are done. */
  process(handler: Handler<Job>, options?: { concurrency?: number }): Promise<() => Promise<void>>;
}

export interface Asked<Result> {
  result: Result;
  /** How long the job waited for a worker. */
  queueMs: number;
  /** How long the worker took. */
  runMs: number;
}

export interface AskOptions {
  /** One minute unless told. Afterwards rejects with a retryable TroupeError `inference-timeout`; the job stays, and a later call with the same turn finds its result. */
  timeoutMs?: number;
  /** Aborting rejects with `inference-cancelled` and takes the job off the queue if nobody runs it yet. */
  signal?: AbortSignal;
}

export interface QueueCounts {
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
  completed: number;
  /** Age of the oldest job that waits or is put off; 0 when none. */
  oldestMs: number;
}

const QUEUE_NAMES = [INBOX_QUEUE, FEEDBACK_QUEUE, READ_QUEUE, WRITE_QUEUE] as const;
export type QueueName = (typeof QUEUE_NAMES)[number];

export interface Queues {
  inbox: Events<InboxJob>;
  feedback: Events<FeedbackJob>;
  /** Asks inference what a text means. The same turn again waits for, or takes, the first one's result. Rejects with the worker's failure as a TroupeError. */
  read(job: ReadJob, options?: AskOptions): Promise<Asked<ReadDone>>;
  /** Asks inference for a reply. `onDelta` gets checked pieces in order, never after the result. */
  write(job: WriteJob, options?: AskOptions & { onDelta?: (text: string) => void }): Promise<Asked<Written>>;
  counts(): Promise<Record<QueueName, QueueCounts>>;
  /** Rejects with a retryable TroupeError `queue-unreachable` while the transport is away. */
  ping(): Promise<void>;
  /** Stops handlers (waiting for those in hand), then disconnects. Unanswered reads and writes reject with `queue-closed`. */
  close(): Promise<void>;
}

/** Rejects with a TroupeError: `queue-unreachable` (retryable), `queue-newer`, `redis-too-old`. Embedded it also makes BullMQ's tables, so it comes before inference's workers. */
export async function openQueues(
  connection: QueueConnection,
  { log, now = Date.now, patienceMs }: { log: Logger; now?: () => number; patienceMs?: number },
): Promise<Queues> {
  const transport = await openTransport(connection, log, patienceMs);
  const queues = Object.fromEntries(QUEUE_NAMES.map((name) => [name, transport.queue(name)])) as Record<QueueName, Queue>;
  const inbox = openEvents<InboxJob>(transport, queues.inbox, { schema: InboxJob, idOf: inboxId, log, now });
  const feedback = openEvents<FeedbackJob>(transport, queues.feedback, {
    schema: FeedbackJob,
    idOf: () => ({ jobId: `v-${randomUUID()}` }),
    log,
    now,
  });
  const reads = await openAsking(transport, queues.read, { result: ReadDone, log, now });
  const writes = await openAsking(transport, queues.write, { result: Written, log, now });
  const stopTidying = tidyRegularly(transport, Object.values(queues), log);
  return {
    inbox,
    feedback,
    read: async (job, options) => reads.ask(`${job.turnId}-read-v${job.contract}`, ReadJob.parse(job), options),
    write: async (job, options) => writes.ask(`${job.turnId}-write-v${job.contract}`, WriteJob.parse(job), options),
    async counts() {
      const counted = QUEUE_NAMES.map(async (name) => [name, await count(queues[name], now())] as const);
      return Object.fromEntries(await Promise.all(counted)) as Record<QueueName, QueueCounts>;
    },
    ping: () => transport.ping(),
    async close() {
      stopTidying();
      await Promise.all([inbox.stop(), feedback.stop()]);
      await Promise.all([reads.close(), writes.close()]);
      await Promise.all(Object.values(queues).map((queue) => closed(queue.close())));
      await transport.close();
    },
  };
}

/** A message is one job however often it is delivered; of the sweeper's calls one a conversation is enough at a time. */
function inboxId(job: InboxJob): Pick<JobsOptions, 'jobId' | 'deduplication'> {
  if (job.type === 'resume') return { jobId: `r-${randomUUID()}`, deduplication: { id: job.conversationId } };
  if (job.type === 'edit') return { jobId: `e-${randomUUID()}` };
  const { id, address } = job.event;
  const key = JSON.stringify([job.platform, address.workspace, address.channel, id]);
  return { jobId: `m-${createHash('sha256').update(key).digest('base64url')}` };
}

async function count(queue: Queue, nowMs: number): Promise<QueueCounts> {
  const { waiting = 0, prioritized = 0, active = 0, delayed = 0, failed = 0, completed = 0 } = await queue.getJobCounts();
  const oldest = waiting + prioritized + delayed > 0 ? await queue.getJobs(['waiting', 'prioritized', 'delayed'], 0, 0, true) : [];
  const ages = oldest.filter(Boolean).map((job) => nowMs - job.timestamp);
  return { waiting: waiting + prioritized, active, delayed, failed, completed, oldestMs: Math.max(0, ...ages) };
}
