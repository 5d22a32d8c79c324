// What is felt and which situations a message may be, brought together.
import { describe, expect, it } from 'vitest';
import { EMOTIONS, type Emotion } from '../contract.ts';
import { agreed, createFelt, type FeltWeights, feltFeatures, packRows, spoken, toneOf, unpackFelt, wordsFelt } from './felt.ts';

const felt = (of: Partial<Record<Emotion, number>>) => toneOf(Float32Array.from(EMOTIONS, (label) => of[label] ?? 0));

describe('what is felt', () => {
  it('sums to one, and keeps the order of feelings of one tone', () => {
    const { emotions, low, level, bright } = agreed(felt({ sadness: 0.5, grief: 0.3, joy: 0.2 }), [{ share: 0.9, emotion: 'grief' }], '');
    expect(emotions.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    expect(low + level + bright).toBeCloseTo(1, 5);
    expect(emotions[EMOTIONS.indexOf('sadness')]).toBeGreaterThan(emotions[EMOTIONS.indexOf('grief')] as number);
  });

  it('is surer where the situations say the same, and less sure where they say the opposite', () => {
    const alone = felt({ sadness: 0.6, neutral: 0.2, joy: 0.2 });
    expect(agreed(alone, [{ share: 0.9, emotion: 'sadness' }], '').low).toBeGreaterThan(alone.low);
    expect(agreed(alone, [{ share: 0.9, emotion: 'joy' }], '').low).toBeLessThan(alone.low);
  });

  it('a plain situation outweighs a doubtful feeling', () => {
    expect(agreed(felt({ sadness: 0.5, joy: 0.4, neutral: 0.1 }), [{ share: 0.95, emotion: 'joy' }], '').bright).toBeGreaterThan(0.5);
  });

  it('listens to a face of one tone', () => {
    const doubtful = felt({ sadness: 0.5, joy: 0.4, neutral: 0.1 });
    expect(agreed(doubtful, [], 'he made me dinner 🥹').bright).toBeGreaterThan(0.5);
    expect(agreed(felt({ joy: 0.5, sadness: 0.4, neutral: 0.1 }), [], 'she left 💔').low).toBeGreaterThan(0.5);
    expect(agreed(doubtful, [], 'he made me dinner').bright).toBeLessThan(0.5);
  });

  it('keeps its tones where nothing is known of the situation', () => {
    const { low, level, bright } = agreed(felt({ sadness: 0.5, neutral: 0.3, joy: 0.2 }), [], '');
    expect(low).toBeGreaterThan(level);
    expect(level).toBeGreaterThan(bright);
  });
});

describe('words that are felt', () => {
  it('are stems, neighbours and faces, each once', () => {
    expect(wordsFelt('They hung up, hung up 😤')).toEqual(['they', 'hung', 'up', 'they_hung', 'hung_up', 'up_hung', '😤']);
  });

  it('count where they occur, packed and unpacked alike', () => {
    const read = new Float32Array(EMOTIONS.length).fill(0.1);
    const embedding = new Float32Array(4).fill(0.5);
    const width = feltFeatures(embedding, read).length;
    const anger = EMOTIONS.indexOf('anger');
    const rows = EMOTIONS.map((_, r) => Float32Array.from({ length: width + 1 }, (_, i) => (r === anger && i === width ? 4 / spoken : 0)));
    const weights: FeltWeights = { dimensions: 4, words: ['hung_up'], rows };
    for (const felt of [createFelt(weights), createFelt(unpackFelt(packRows(weights.rows), 4, weights.words))]) {
      expect(felt('they hung up', embedding, read).low).toBeGreaterThan(0.6);
      expect(felt('they rang', embedding, read).emotions[anger]).toBeCloseTo(1 / EMOTIONS.length, 5);
    }
  });
});
