// The bot's metrics: made once, all names and labels there from the start, observed at the seams.
import { EMOTIONS } from '@troupe/inference/contract';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { QueueCounts, QueueName } from './queue.ts';

export type Stage = 'queue' | 'read' | 'write' | 'send' | 'total';
export type Outcome =
  | 'answered'
  | 'apologised'
  | 'crisis'
  | 'stopped'
  | 'handed-off'
  | 'deleted'
  | 'limited'
  | 'channel-not-allowed'
  | 'failed';

export interface Metrics {
  turn(platform: string, outcome: Outcome): void;
  stage(stage: Stage, ms: number): void;
  emotions(detected: readonly string[]): void;
  intent(decidedBy: string): void;
  vote(platform: string, value: 'up' | 'down' | 'retracted'): void;
  connected(platform: string, connected: boolean): void;
  /** Tokens written, where inference runs elsewhere. */
  written(tokens: number): void;
  render(): Promise<{ text: string; contentType: string }>;
}

export interface MetricsOptions {
  /** Shared with inference in one process. */
  registry?: Registry;
  platforms: readonly string[];
  counts(): Promise<Record<QueueName, QueueCounts>>;
  /** Live models, for the process that has no inference in it. */
  models(): Promise<{ task: string; version: string; arm: string; live: boolean }[]>;
}

const outcomes: Outcome[] = [
  'answered',
  'apologised',
  'crisis',
  'stopped',
  'handed-off',
  'deleted',
  'limited',
  'channel-not-allowed',
  'failed',
];
const stages: Stage[] = ['queue', 'read', 'write', 'send', 'total'];
const queues: QueueName[] = ['inbox', 'feedback', 'read', 'write'];
const states = ['waiting', 'active', 'delayed', 'failed', 'completed'] as const;

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = options.registry ?? new Registry();
  const registers = [registry];
  if (!registry.getSingleMetric('process_cpu_seconds_total')) collectDefaultMetrics({ register: registry });

  const turns = new Counter({
    name: 'troupe_turns_total',
    help: 'Turns by how they ended',
    labelNames: ['platform', 'outcome'],
    registers,
  });
  const durations = new Histogram({
    name: 'troupe_turn_duration_seconds',
    help: 'How long a turn spent waiting, being read, being written and being sent, and from its first message to its end',
    labelNames: ['stage'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const emotions = new Counter({
    name: 'troupe_emotions_total',
    help: 'Emotions found over their thresholds',
    labelNames: ['label'],
    registers,
  });
  const intents = new Counter({
    name: 'troupe_intents_total',
    help: 'Turns by who decided what they were about',
    labelNames: ['decided_by'],
    registers,
  });
  const votes = new Counter({ name: 'troupe_votes_total', help: 'Thumbs by value', labelNames: ['platform', 'value'], registers });
  const connected = new Gauge({
    name: 'troupe_platform_connected',
    help: '1 while the platform is connected',
    labelNames: ['platform'],
    registers,
  });
  const jobs = new Gauge({
    name: 'troupe_queue_jobs',
    help: 'Jobs by queue and state',
    labelNames: ['queue', 'state'],
    registers,
    collect: counted,
  });
  const oldest = new Gauge({
    name: 'troupe_queue_oldest_seconds',
    help: 'Age of the oldest waiting job',
    labelNames: ['queue'],
    registers,
    collect: counted,
  });

  for (const platform of options.platforms) {
    for (const outcome of outcomes) turns.inc({ platform, outcome }, 0);
    for (const value of ['up', 'down', 'retracted']) votes.inc({ platform, value }, 0);
    connected.set({ platform }, 0);
  }
  for (const stage of stages) durations.zero({ stage });
  for (const label of EMOTIONS) emotions.inc({ label }, 0);
  for (const decided_by of ['rule', 'model', 'clarify', 'handoff']) intents.inc({ decided_by }, 0);
  for (const queue of queues) {
    for (const state of states) jobs.set({ queue, state }, 0);
    oldest.set({ queue }, 0);
  }

  /** Both gauges of one scrape ask once. */
  let counting: Promise<void> | undefined;
  function counted(): Promise<void> {
    counting ??= options
      .counts()
      .then((counts) => {
        for (const queue of queues) {
          for (const state of states) jobs.set({ queue, state }, counts[queue][state]);
          oldest.set({ queue }, counts[queue].oldestMs / 1000);
        }
      })
      .catch(() => {})
      .finally(() => {
        counting = undefined;
      });
    return counting;
  }

  const elsewhere = createElsewhere(options);
  return {
    turn: (platform, outcome) => turns.inc({ platform, outcome }),
    stage: (stage, ms) => durations.observe({ stage }, Math.max(0, ms) / 1000),
    emotions(detected) {
      for (const label of detected) emotions.inc({ label });
    },
    intent: (decided_by) => intents.inc({ decided_by }),
    vote: (platform, value) => votes.inc({ platform, value }),
    connected: (platform, is) => connected.set({ platform }, is ? 1 : 0),
    written: elsewhere.written,
    async render() {
      const text = await registry.metrics();
      return { text: `${text}\n${await elsewhere.render(registry)}`, contentType: registry.contentType };
    },
  };
}

/** Inference's names, for a bot whose inference runs elsewhere and has them at its own /metrics: what the bot sees of them. */
function createElsewhere(options: MetricsOptions) {
  const registry = new Registry();
  const registers = [registry];
  const tokens = new Counter({ name: 'troupe_write_tokens_total', help: 'Tokens written by language models', registers });
  const batch = new Histogram({
    name: 'troupe_read_batch_size',
    help: 'Texts encoded in one run of the encoder',
    buckets: [1, 2, 4, 8, 16, 32],
    registers,
  });
  const info = new Gauge({
    name: 'troupe_model_info',
    help: '1 for every model version that is loaded',
    labelNames: ['task', 'version', 'arm'],
    registers,
  });
  return {
    written: (count: number) => tokens.inc(count),
    /** Only what the process's own registry does not have. */
    async render(own: Registry): Promise<string> {
      const missing = [tokens, batch, info].filter((metric) => !own.getSingleMetric((metric as unknown as { name: string }).name));
      if (missing.includes(info)) {
        info.reset();
        for (const { task, version, arm, live } of await options.models().catch(() => [])) if (live) info.set({ task, version, arm }, 1);
      }
      const texts = await Promise.all(
        missing.map((metric) => registry.getSingleMetricAsString((metric as unknown as { name: string }).name)),
      );
      return texts.length > 0 ? `${texts.join('\n\n')}\n` : '';
    },
  };
}
