// Who watches a turn hears of it here: in this process when embedded, over Redis between processes. An update may be missed; the store is the truth.
import type { Logger } from 'pino';
import type { TurnUpdate } from './platform.ts';

export interface Subscription {
  /** Ends it. */
  (): void;
  /** From then on every publish of any process reaches it. Never rejects. */
  readonly ready: Promise<void>;
}

export interface Bus {
  /** Never throws and never waits: an update nobody could be told is logged and lost. */
  publish(topic: string, update: TurnUpdate): void;
  subscribe(topic: string, onUpdate: (update: TurnUpdate) => void): Subscription;
  close(): Promise<void>;
}

/** The topic of one inbound message. */
export function topicOf(platform: string, channel: string, messageId: string): string {
  return JSON.stringify([platform, channel, messageId]);
}

/** With a Redis url updates reach every process; without one they stay in this process. */
export async function openBus(_options: { redisUrl?: string; log: Logger }): Promise<Bus> {
  throw new Error('not written yet');
}
