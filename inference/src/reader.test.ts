import { expect, test } from 'vitest';
import { EMOTIONS, type Emotion, Read, SAFETY } from './contract.ts';
import { decodeEmbedding, type Encoder } from './encoder.ts';
import { createReader } from './reader.ts';

test('orders all 28 emotions, highest first', async () => {
  const read = await reading({ joy: 0.8, love: 0.4 });
  expect(read.emotions).toHaveLength(28);
  expect(read.emotions.slice(0, 2).map(({ label }) => label)).toEqual(['joy', 'love']);
});

test('detects labels over their own thresholds', async () => {
  expect((await reading({ joy: 0.8, grief: 0.15, love: 0.29 })).detected).toEqual(['joy', 'grief']);
});

test('detects neutral only when no other is', async () => {
  expect((await reading({ neutral: 0.9, joy: 0.35 })).detected).toEqual(['joy']);
  expect((await reading({ neutral: 0.9 })).detected).toEqual(['neutral']);
  expect((await reading({})).detected).toEqual(['neutral']);
});

test.each<[Partial<Record<Emotion, number>>, string, number]>([
  [{ joy: 0.8, surprise: 0.6 }, 'positive', 0.8],
  [{ joy: 0.3, love: 0.3 }, 'positive', 0.51],
  [{ sadness: 0.7, grief: 0.5 }, 'negative', 0.85],
  [{ joy: 0.8, sadness: 0.5 }, 'mixed', 0.5],
  [{ joy: 0.8, sadness: 0.4 }, 'positive', 0.8],
  [{ surprise: 0.8 }, 'neutral', 1],
  [{ neutral: 0.9, joy: 0.2 }, 'neutral', 0.8],
])('derives the sentiment of %j', async (scores, label, score) => {
  const { sentiment } = await reading(scores);
  expect(sentiment.label).toBe(label);
  expect(sentiment.score).toBeCloseTo(score);
});

test('answers by the contract, with the embedding and the versions', async () => {
  const read = Read.parse(await reading({ joy: 0.8 }));
  expect(decodeEmbedding(read.embedding)).toEqual(new Float32Array(384).fill(0.05));
  expect(read.versions).toEqual({ encoder: 'v7', intents: 'abc' });
  expect(read.intent).toEqual({ name: null, confidence: 0, alternatives: [] });
});

test('hears a feeling at the end of a long message', async () => {
  const encoder = fakeEncoder({});
  const said: string[] = [];
  const heard: Encoder = {
    ...encoder,
    encode: async (texts) => {
      said.push(...texts);
      const perText = await Promise.all(
        texts.map((text) => fakeEncoder(text.includes('died') ? { grief: 0.8 } : { neutral: 0.9 }).encode([text])),
      );
      return { embeddings: perText.flatMap((one) => one.embeddings), emotions: perText.flatMap((one) => one.emotions) };
    },
  };
  const read = await createReader({ encoder: heard, intents }).read(
    `${'We went for a walk as on any other day. '.repeat(12)}Then he died.`,
  );
  expect(said.length).toBeGreaterThan(1);
  expect(read.detected).toEqual(['grief']);
  expect(Math.hypot(...decodeEmbedding(read.embedding))).toBeCloseTo(1, 3);
});

test('says of each safety label how sure it is, anywhere in a message', async () => {
  const encoder = fakeEncoder({});
  const config = {
    ...encoder.config,
    safety: { labels: [...SAFETY], thresholds: SAFETY.map(() => 0.3), certain: SAFETY.map(() => 0.7) },
  };
  const windows = [
    [0.1, 0.4, 0, 0, 0.9, 0],
    [0.2, 0.8, 0.3, 0, 0, 0],
  ];
  const heard: Encoder = {
    ...encoder,
    config,
    encode: async (texts) => ({
      embeddings: texts.map(() => new Float32Array(384).fill(0.05)),
      emotions: texts.map(() => new Float32Array(28)),
      safety: texts.map((_, i) => Float32Array.from(windows[Math.min(i, 1)] as number[])),
    }),
  };
  const { safety } = Read.parse(
    await createReader({ encoder: heard, intents }).read('A sentence as long as any other one here. '.repeat(12)),
  );
  expect(safety?.map(({ label, level }) => [label, level])).toEqual([
    ['hate', 'none'],
    ['self-harm', 'certain'],
    ['violence', 'likely'],
    ['sexual', 'none'],
    ['harassment', 'certain'],
    ['prompt-injection', 'none'],
  ]);
  expect((await createReader({ encoder, intents }).read('hi')).safety).toBeUndefined();
});

test('rejects with what the encoder rejects with', async () => {
  const encoder = { ...fakeEncoder({}), encode: () => Promise.reject(new Error('gone')) };
  await expect(createReader({ encoder, intents }).read('hi')).rejects.toThrow('gone');
});

const intents = { version: 'abc', classify: () => ({ name: null, confidence: 0, alternatives: [] }) };

function reading(scores: Partial<Record<Emotion, number>>): Promise<Read> {
  return createReader({ encoder: fakeEncoder(scores), intents }).read('whatever');
}

function fakeEncoder(scores: Partial<Record<Emotion, number>>): Encoder {
  return {
    version: 'v7',
    checksum: 'ab',
    config: {
      labels: [...EMOTIONS],
      thresholds: EMOTIONS.map((label) => (label === 'grief' ? 0.1 : 0.3)),
      maxTokens: 64,
      dimensions: 384,
      sentiment: { positive: ['joy', 'love'], negative: ['sadness', 'grief'], ambiguous: ['surprise'] },
    },
    encode: async (texts) => ({
      embeddings: texts.map(() => new Float32Array(384).fill(0.05)),
      emotions: texts.map(() => Float32Array.from(EMOTIONS, (label) => scores[label] ?? 0)),
    }),
  };
}
