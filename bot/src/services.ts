// What the web page and the API ask of the core, bound to the platform that asks.
import { randomUUID } from 'node:crypto';
import { CONTRACT_VERSION, type Prediction } from '@troupe/inference/contract';
import { type Bus, topicOf } from './bus.ts';
import type { Characters } from './characters.ts';
import { cleanIncoming } from './clean.ts';
import type { History } from './memory-history.ts';
import type { Metrics } from './metrics.ts';
import type { Services } from './platform.ts';
import type { Platforms } from './platforms.ts';
import type { Queues } from './queue.ts';
import type { Readiness } from './readiness.ts';

export interface ServicesOptions {
  characters: Characters;
  queues: Pick<Queues, 'read'>;
  bus: Pick<Bus, 'subscribe'>;
  history: History;
  models: Services['models'];
  readiness: Readiness;
  metrics: Pick<Metrics, 'render'>;
  mounts: Platforms['mounts'];
  /** By topic: resolves once whoever watches it hears of everything. */
  listening: Map<string, Promise<void>>;
  /** How long a prediction may take. */
  predictTimeoutMs?: number;
}

/** Many texts share a job: the queue costs more than the reading. Few enough for a message behind it not to wait, and for several workers to share. */
const perJob = 32;

export function createServices(platform: string, options: ServicesOptions): Services {
  const { characters, queues, bus, history, predictTimeoutMs = 20_000 } = options;

  async function predict([text, ...beside]: readonly string[]): Promise<Prediction[]> {
    if (text === undefined) return [];
    const job = { contract: CONTRACT_VERSION, turnId: `predict-${randomUUID()}`, text, ...(beside.length > 0 && { beside }) } as const;
    const { result } = await queues.read(job, { timeoutMs: predictTimeoutMs });
    const { embedding, versions, beside: others = [], ...own } = result;
    // A worker of an earlier release read the first alone.
    const left = beside.slice(others.length).map((one) => predict([one]));
    return [own, ...others, ...(await Promise.all(left)).flat()];
  }

  return {
    characters: () =>
      characters.all.map(({ slug, name, description }) => ({ slug, name, description, default: slug === characters.fallback.slug })),
    models: options.models,
    async predict(texts) {
      const cleaned = texts.map((text) => cleanIncoming(text) || '…');
      const jobs = Array.from({ length: Math.ceil(cleaned.length / perJob) }, (_, n) => cleaned.slice(n * perJob, (n + 1) * perJob));
      return (await Promise.all(jobs.map(predict))).flat();
    },
    watch(channel, messageId, onUpdate) {
      const topic = topicOf(platform, channel, messageId);
      const leave = bus.subscribe(topic, onUpdate);
      options.listening.set(topic, leave.ready);
      return () => {
        options.listening.delete(topic);
        leave();
      };
    },
    outcome: (channel, messageId) => history.outcome(platform, channel, messageId),
    history: (channel, limit) => history.entries(platform, channel, limit),
    hasReply: history.hasReply,
    ready: () => options.readiness.check(),
    metrics: options.metrics.render,
    mounts: options.mounts,
  };
}
