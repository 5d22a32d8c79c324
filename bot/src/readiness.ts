// Ready means: what a turn cannot do without is there. A platform that is off or away is told of, and is no reason to be sent no traffic.
import type { Store } from '@troupe/prisma';
import type { Queues } from './queue.ts';

export interface Failing {
  name: string;
  reason: string;
}

export interface Readiness {
  check(): Promise<{ ready: boolean; failing: Failing[] }>;
}

export interface ReadinessOptions {
  store: Pick<Store, 'ping' | 'kind'>;
  queues: Pick<Queues, 'ping'>;
  /** What keeps inference from answering; empty when nothing does. */
  inference(): Promise<Failing[]>;
  /** Optional things that are not as wished; never a reason to be not ready. */
  optional(): Failing[];
  /** Longer than this is away. */
  timeoutMs?: number;
}

export function createReadiness({ store, queues, inference, optional, timeoutMs = 3000 }: ReadinessOptions): Readiness {
  const reachable = async (name: string, ping: () => Promise<void>): Promise<Failing[]> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      await Promise.race([ping(), late]);
      return [];
    } catch (error) {
      return [{ name, reason: (error as Error).message }];
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    async check() {
      let models: Failing[] = [];
      const required = await Promise.all([
        reachable('store', () => store.ping()),
        reachable('queue', () => queues.ping()),
        reachable('inference', async () => {
          models = await inference();
        }),
      ]);
      const failing = [...required.flat(), ...models];
      return { ready: failing.length === 0, failing: [...failing, ...optional()] };
    },
  };
}
