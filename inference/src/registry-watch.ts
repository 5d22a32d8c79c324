// When to look at registry.json again: every few seconds, as file events get lost on shared volumes, and at once when whoever changed it says so.
import { Redis } from 'ioredis';

export interface WatchOptions {
  look(urgent?: boolean): Promise<void>;
  everyMs: number;
  /** Where changes are told of. */
  redisUrl?: string;
}

export function watchRegistry({ look, everyMs, redisUrl }: WatchOptions): { close(): void } {
  const timer = setInterval(() => void look(), everyMs).unref();
  const redis = redisUrl ? new Redis(redisUrl, { maxRetriesPerRequest: null }) : undefined;
  // That Redis is away is told by the queues; until it is back there is the timer.
  redis?.on('error', () => {});
  redis?.on('message', () => void look(true));
  void redis?.subscribe(channel).catch(() => {});
  return {
    close() {
      clearInterval(timer);
      redis?.disconnect();
    },
  };
}

/** Resolves with how many workers heard it; rejects when Redis cannot be reached. */
export async function announceRegistry(redisUrl: string): Promise<number> {
  const redis = new Redis(redisUrl, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 2500 });
  // The command's own rejection tells it.
  redis.on('error', () => {});
  try {
    return await redis.publish(channel, '');
  } finally {
    redis.disconnect();
  }
}

const channel = 'troupe:registry';
