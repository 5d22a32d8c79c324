// What the web page and the API ask of the core, bound to the platform that asks.
import { randomUUID } from 'node:crypto';
import { CONTRACT_VERSION } from '@troupe/inference/contract';
import { type Bus, topicOf } from './bus.ts';
import type { Characters } from './characters.ts';
import { cleanIncoming } from './clean.ts';
import type { History } from './memory-history.ts';
import type { Metrics } from './metrics.ts';
import type { Prediction, Services } from './platform.ts';
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

export function createServices(platform: string, options: ServicesOptions): Services {
  const { characters, queues, bus, history, predictTimeoutMs = 20_000 } = options;

  async function predict(text: string): Promise<Prediction> {
    const job = { contract: CONTRACT_VERSION, turnId: `predict-${randomUUID()}`, text: cleanIncoming(text) || '…' } as const;
    const { emotions, detected, sentiment, intent, safety } = (await queues.read(job, { timeoutMs: predictTimeoutMs })).result;
    return { emotions, detected, sentiment, intent, ...(safety && { safety }) };
  }

  return {
    characters: () =>
      characters.all.map(({ slug, name, description }) => ({ slug, name, description, default: slug === characters.fallback.slug })),
    models: options.models,
    predict: (texts) => Promise.all(texts.map(predict)),
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
