// Who watches a turn hears of it here: in this process when embedded, over Redis between processes. An update may be missed; the store is the truth.
import { EventEmitter } from 'node:events';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { gatherWrites } from './gather.ts';
import type { TurnUpdate } from './platform.ts';

export interface Subscription {
  /** Ends it. */
  (): void;
  /** From then on every publish of any process reaches it. Never rejects, and waits a second at most. */
  readonly ready: Promise<void>;
}

export interface Bus {
  /** Never throws and never waits: an update nobody could be told is lost. */
  publish(topic: string, update: TurnUpdate): void;
  subscribe(topic: string, onUpdate: (update: TurnUpdate) => void): Subscription;
  close(): Promise<void>;
}

const PREFIX = 'troupe:turn:';
const READY_MS = 1_000;

/** The topic of one inbound message. */
export function topicOf(platform: string, channel: string, messageId: string): string {
  return JSON.stringify([platform, channel, messageId]);
}

/** With a Redis url updates reach every process; without one they stay in this process. Redis may come later: until then they stay here too. */
export async function openBus({ redisUrl, log }: { redisUrl?: string; log: Logger }): Promise<Bus> {
  return redisUrl ? overRedis(redisUrl, log) : inProcess(log);
}

function inProcess(log: Logger): Bus & { count(topic: string): number } {
  const emitter = new EventEmitter().setMaxListeners(0);
  return {
    publish(topic, update) {
      // Later, as over Redis: whoever publishes is not held up by whoever listens, and hears nothing of their errors.
      setImmediate(() => emitter.emit(topic, update));
    },
    subscribe(topic, onUpdate) {
      const listener = (update: TurnUpdate) => {
        try {
          onUpdate(update);
        } catch (error) {
          log.error({ err: error }, 'a listener of the bus failed');
        }
      };
      emitter.on(topic, listener);
      return Object.assign(() => void emitter.off(topic, listener), { ready: Promise.resolve() });
    },
    count: (topic) => emitter.listenerCount(topic),
    async close() {
      emitter.removeAllListeners();
    },
  };
}

function overRedis(redisUrl: string, log: Logger): Bus {
  const here = inProcess(log);
  // Missed is missed: nothing waits in a queue for Redis to come back. What one subscribed to, ioredis subscribes to again.
  const out = gatherWrites(new Redis(redisUrl, { maxRetriesPerRequest: 0, enableOfflineQueue: false }));
  const back = gatherWrites(new Redis(redisUrl, { maxRetriesPerRequest: null }));
  for (const redis of [out, back]) redis.on('error', (error) => log.debug({ err: error }, 'the bus cannot reach Redis'));
  back.on('message', (channel: string, text: string) => here.publish(channel.slice(PREFIX.length), JSON.parse(text) as TurnUpdate));
  return {
    publish(topic, update) {
      out.publish(PREFIX + topic, JSON.stringify(update)).catch(() => here.publish(topic, update));
    },
    subscribe(topic, onUpdate) {
      const leave = here.subscribe(topic, onUpdate);
      const subscribed = here.count(topic) === 1 ? back.subscribe(PREFIX + topic) : back.ping();
      let left = false;
      return Object.assign(
        () => {
          if (left) return;
          left = true;
          leave();
          if (here.count(topic) === 0) back.unsubscribe(PREFIX + topic).catch(() => {});
        },
        { ready: atMost(READY_MS, subscribed) },
      );
    },
    async close() {
      await here.close();
      out.disconnect();
      back.disconnect();
    },
  };
}

/** Resolves when it settles, however it does, or when it takes too long. */
async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise.catch(() => {}), late]);
  clearTimeout(timer);
}
