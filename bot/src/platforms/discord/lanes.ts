// Hands events over in order, place by place, and keeps each in hand until it is durably queued: Discord's gateway has no acknowledgement.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { TroupeError } from '../../errors.ts';

export interface Lanes {
  /** Runs `task` after the earlier ones of this place; again, while trying again can help. Nothing once `stop` was called. */
  add(place: string, task: () => Promise<void>): void;
  /** Resolves when what is in hand is queued, or was refused once more: the next start finds that in the history. */
  stop(): Promise<void>;
}

const firstDelayMs = 250;
const longestDelayMs = 15_000;

export function createLanes(log: Logger): Lanes {
  const lanes = new Map<string, Promise<void>>();
  const stopping = new AbortController();

  const run = async (task: () => Promise<void>) => {
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
      try {
        return await task();
      } catch (err) {
        if (err instanceof TroupeError && !err.retryable) return log.warn({ err }, 'an event was passed over');
        if (stopping.signal.aborted) return log.error({ err }, 'an event could not be queued before the stop');
        log.error({ err, delayMs }, 'an event could not be queued yet');
        await delay(delayMs, undefined, { signal: stopping.signal }).catch(() => {});
      }
    }
  };

  return {
    add(place, task) {
      if (stopping.signal.aborted) return;
      const lane = (lanes.get(place) ?? Promise.resolve()).then(() => run(task));
      lanes.set(place, lane);
      void lane.then(() => {
        if (lanes.get(place) === lane) lanes.delete(place);
      });
    },
    async stop() {
      stopping.abort();
      await Promise.all(lanes.values());
    },
  };
}
