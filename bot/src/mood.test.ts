import { EMOTIONS, type Emotion, type EmotionScore, Mood } from '@troupe/inference/contract';
import { expect, test } from 'vitest';
import { type MoodState, moodAfter, moodAt, moodless } from './mood.ts';

const minute = 60_000;

/** All 28 labels, the named ones high. */
function read(scores: Partial<Record<Emotion, number>>): EmotionScore[] {
  return EMOTIONS.map((label) => ({ label, score: scores[label] ?? 0.01 })).sort((a, b) => b.score - a.score);
}

function after(turns: [Partial<Record<Emotion, number>>, number][]): MoodState {
  return turns.reduce((state, [scores, atMs]) => moodAfter(state, read(scores), atMs), moodless);
}

test('is neutral while nothing is known', () => {
  expect(moodAt(moodless, 5 * minute)).toEqual({ label: 'neutral', valence: 0, intensity: 0, turns: 0 });
});

test('takes the feeling of the first turn', () => {
  const mood = moodAt(after([[{ sadness: 0.9 }, 0]]), 0);
  expect(mood.label).toBe('sadness');
  expect(mood.valence).toBeLessThan(-0.7);
  expect(mood.intensity).toBeGreaterThan(0.6);
});

test('a single neutral turn does not wipe out three sad ones; several bright ones do', () => {
  const sad: [Partial<Record<Emotion, number>>, number][] = [0, 1, 2].map((n) => [{ sadness: 0.8 }, n * minute]);
  expect(moodAt(after([...sad, [{ neutral: 0.8 }, 3 * minute]]), 3 * minute).label).toBe('sadness');
  const bright: typeof sad = [4, 5, 6].map((n) => [{ joy: 0.8 }, n * minute]);
  const mood = moodAt(after([...sad, ...bright]), 6 * minute);
  expect(mood.label).toBe('joy');
  expect(mood.valence).toBeGreaterThan(0);
});

test('halves in 45 minutes and is nearly gone the next day', () => {
  const state = after([[{ anger: 0.9 }, 0]]);
  const intensities = [0, 45, 180, 24 * 60].map((minutes) => moodAt(state, minutes * minute).intensity);
  expect(intensities).toEqual([...intensities].sort((a, b) => b - a));
  expect(intensities[1]).toBeCloseTo(1 - Math.exp(-1.5 * 0.45), 2);
  expect(intensities[3]).toBe(0);
  expect(moodAt(state, 24 * 60 * minute)).toMatchObject({ label: 'neutral', valence: 0, turns: 1 });
});

test('background scores add up to nothing', () => {
  expect(moodAt(after(Array.from({ length: 20 }, (_, n) => [{ neutral: 0.9 }, n * 1000])), 20_000)).toMatchObject({
    label: 'neutral',
    intensity: 0,
  });
});

test('stays within the contract whatever comes, even a clock that goes back', () => {
  const all = Object.fromEntries(EMOTIONS.map((label) => [label, 1]));
  const state = after(Array.from({ length: 50 }, (_, n) => [all, (50 - n) * minute]));
  expect(() => Mood.parse(moodAt(state, 0))).not.toThrow();
  expect(state.turns).toBe(50);
});

test('the same turn gives the same state', () => {
  const before = after([[{ joy: 0.5 }, 0]]);
  expect(moodAfter(before, read({ fear: 0.7 }), minute)).toEqual(moodAfter(before, read({ fear: 0.7 }), minute));
});
