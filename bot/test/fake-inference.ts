// Inference that answers by the contract and says what it was asked.
import {
  EMOTIONS,
  type Emotion,
  Prediction,
  type Read,
  type ReadJob,
  SAFETY,
  type SafetyScore,
  type WriteJob,
  Written,
} from '@troupe/inference/contract';
import type { FakeInference } from './fake-queues.ts';

export interface Puppet extends FakeInference {
  reads: ReadJob[];
  writes: WriteJob[];
  /** By text: the emotion that is felt, the intent that is meant. */
  feels: (text: string) => Emotion;
  means: (text: string) => [name: string | null, confidence: number][];
  /** How sure the heads are that it speaks of self-harm. */
  alarms: (text: string) => SafetyScore['level'];
  /** Of an earlier release: it reads one text a job. */
  old: boolean;
  /** Runs before each answer; may wait or reject. */
  before: (kind: 'read' | 'write', job: ReadJob | WriteJob) => Promise<void>;
}

export function createPuppet(): Puppet {
  const puppet: Puppet = {
    reads: [],
    writes: [],
    feels: (text) => (/sad/.test(text) ? 'sadness' : /happy|yay/.test(text) ? 'joy' : 'neutral'),
    means: () => [[null, 0.1]],
    alarms: () => 'none',
    old: false,
    before: async () => {},
    async read(job) {
      puppet.reads.push(job);
      await puppet.before('read', job);
      const beside = job.beside && !puppet.old ? { beside: job.beside.map((text) => Prediction.parse(readOf(text, puppet))) } : {};
      return { ...readOf(job.text, puppet), ...beside };
    },
    async write(job, onDelta) {
      puppet.writes.push(job);
      await puppet.before('write', job);
      return writtenOf(job, onDelta);
    },
  };
  return puppet;
}

export function readOf(text: string, { feels, means, alarms }: Pick<Puppet, 'feels' | 'means' | 'alarms'>): Read {
  const felt = feels(text);
  const meant = means(text);
  const named = meant.flatMap(([name, confidence]) => (name ? [{ name, confidence }] : []));
  return {
    emotions: EMOTIONS.map((label) => ({ label, score: label === felt ? 0.9 : 0.01 })).sort((a, b) => b.score - a.score),
    detected: [felt],
    sentiment: { label: felt === 'sadness' ? 'negative' : 'neutral', score: 0.9 },
    intent: { name: meant[0]?.[0] ?? null, confidence: meant[0]?.[1] ?? 0, alternatives: named },
    safety: SAFETY.map((label) => ({ label, score: 0.5, level: label === 'self-harm' ? alarms(text) : 'none' })),
    embedding: Buffer.alloc(384 * 4).toString('base64'),
    versions: { encoder: 'v1' },
  };
}

export function writtenOf(job: WriteJob, onDelta?: (text: string) => void): Written {
  const line = job.facts || job.act ? null : `${job.character}-s${String(job.used.length + 1).padStart(4, '0')}`;
  const act = job.facts?.act ?? job.act;
  const text = job.facts
    ? `${act ? `(${act}) ` : ''}${job.facts.text}`
    : act
      ? `(${act}) says ${job.character}`
      : `${job.character} hears: ${job.text}`;
  const kind = job.facts ? 'skill' : act ? 'universal' : 'situation';
  const source = { generator: 'lines', kind, id: job.facts?.skill ?? (act ? null : 'hi') } as const;
  if (job.stream) for (const piece of text.match(/\S+\s*/g) ?? []) onDelta?.(piece);
  return Written.parse({
    text,
    expression: job.read.detected[0] === 'sadness' ? 'caring' : 'amusement',
    line,
    source,
    candidates: [{ text, line, source, score: 1, why: 'the only one' }],
    versions: { lines: 'v1' },
    tokens: 0,
  });
}
