// Stand-ins of this package's ports for its tests.
import { EMOTIONS, type Read, SAFETY, type WriteJob } from './contract.ts';
import { type Encoder, encodeEmbedding } from './encoder.ts';
import type { Draft, Generator } from './generator.ts';

/** Embeds every text alike, so that whatever is written is near what was said; texts in `far` point elsewhere. What has "hurt you" in it is violence. */
export function fakeEncoder(far: readonly string[] = []): Encoder {
  return {
    version: 'v1',
    checksum: 'ab'.repeat(32),
    config: {
      labels: [...EMOTIONS],
      thresholds: EMOTIONS.map(() => 0.3),
      maxTokens: 64,
      dimensions: 384,
      sentiment: { positive: ['joy'], negative: ['sadness'], ambiguous: ['surprise'] },
      safety: { labels: [...SAFETY], thresholds: SAFETY.map(() => 0.3), certain: SAFETY.map(() => 0.8) },
    },
    encode: async (texts) => ({
      embeddings: texts.map((text) => unit(far.includes(text) ? 1 : 0)),
      emotions: texts.map((text) => Float32Array.from(EMOTIONS, (label) => (/!/.test(text) && label === 'joy' ? 0.9 : 0.01))),
      safety: texts.map((text) => Float32Array.from(SAFETY, (label) => (/hurt you/.test(text) && label === 'violence' ? 0.9 : 0.01))),
    }),
  };
}

export function unit(axis: number): Float32Array {
  const numbers = new Float32Array(384);
  numbers[axis] = 1;
  return numbers;
}

export function fakeRead(): Read {
  return {
    emotions: EMOTIONS.map((label, i) => ({ label, score: i === 0 ? 0.5 : 0.01 })),
    detected: ['admiration'],
    sentiment: { label: 'positive', score: 0.5 },
    intent: { name: null, confidence: 0, alternatives: [] },
    embedding: encodeEmbedding(unit(0)),
    versions: { encoder: 'v1' },
  };
}

export function fakeJob(given: Partial<WriteJob> = {}): WriteJob {
  return {
    contract: 1,
    turnId: 't1',
    conversation: 'c1',
    character: 'delia',
    text: 'i lost my job today',
    read: fakeRead(),
    mood: { label: 'neutral', valence: 0, intensity: 0, turns: 0 },
    history: [],
    used: [],
    facts: null,
    act: null,
    grave: false,
    stream: false,
    ...given,
  };
}

export function line(text: string, score = 0.7, id = text): Draft {
  const source = { generator: 'lines', kind: 'situation' as const, id: 'lost-job' };
  return { text, line: id, source, score, why: 'it fits', expression: 'caring', tokens: 0 };
}

export function fakeLines(drafts: readonly Draft[]): Generator {
  return {
    name: 'lines',
    capabilities: { streams: false, languageModel: false },
    load: async () => {},
    candidates: async () => [...drafts],
    failing: () => null,
    close: async () => {},
  };
}
