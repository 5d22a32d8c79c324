// The bot's queues: the one file of the bot that sees BullMQ. Inbox and feedback carry events in; read and write ask inference.
import type { Read, ReadJob, WriteJob, Written } from '@troupe/inference/contract';
import type { PgPool } from 'bullmq';
import type { Logger } from 'pino';
import { z } from 'zod';

/** Redis, or the embedded store's pool (`store.pool`). The same type in inference/src/worker.ts. */
export type QueueConnection = { redisUrl: string } | { pool: PgPool };

export const INBOX_QUEUE = 'inbox';
export const FEEDBACK_QUEUE = 'feedback';

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
  /** Afterwards rejects with a retryable TroupeError `inference-timeout`; the job stays and a later call with the same turn finds its result. */
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

export type QueueName = 'inbox' | 'feedback' | 'read' | 'write';

export interface Queues {
  inbox: Events<InboxJob>;
  feedback: Events<FeedbackJob>;
  /** Asks inference what a text means. The same turn again waits for, or takes, the first one's result. Rejects with the worker's failure as a TroupeError. */
  read(job: ReadJob, options?: AskOptions): Promise<Asked<Read>>;
  /** Asks inference for a reply. `onDelta` gets checked pieces in order, never after the result. */
  write(job: WriteJob, options?: AskOptions & { onDelta?: (text: string) => void }): Promise<Asked<Written>>;
  counts(): Promise<Record<QueueName, QueueCounts>>;
  /** Rejects with a retryable TroupeError `queue-unreachable` while the transport is away. */
  ping(): Promise<void>;
  /** Stops handlers (waiting for those in hand), then disconnects. Unanswered reads and writes reject with `queue-closed`. */
  close(): Promise<void>;
}

export async function openQueues(_connection: QueueConnection, _options: { log: Logger; now?: () => number }): Promise<Queues> {
  throw new Error('not written yet');
}
