// How a person has been lately: the emotions of their turns, faded by time and by every turn since.
import { EMOTIONS, type Emotion, type EmotionScore, type Mood } from '@troupe/inference/contract';

/** Faded sums by label, as stored. */
export interface MoodState {
  scores: Partial<Record<Emotion, number>>;
  turns: number;
  updatedAtMs: number;
}

export const moodless: MoodState = { scores: {}, turns: 0, updatedAtMs: 0 };

const halfLifeMs = 45 * 60_000;
/** What is left of the past when a new turn comes, besides what time takes. */
const keptPerTurn = 0.75;
/** Below this a calibrated score says nothing; 28 such would drown the one that matters. */
const floor = 0.08;

/** A neutral message says little about how somebody is; it must not wash away what the last ones said. */
const neutralWeight = 0.3;

/** How bright (above 0) or low (below) each feeling is. */
const valences: Record<Emotion, number> = {
  admiration: 0.7,
  amusement: 0.8,
  anger: -0.8,
  annoyance: -0.5,
  approval: 0.4,
  caring: 0.4,
  confusion: -0.2,
  curiosity: 0.2,
  desire: 0.3,
  disappointment: -0.6,
  disapproval: -0.5,
  disgust: -0.7,
  embarrassment: -0.5,
  excitement: 0.9,
  fear: -0.8,
  gratitude: 0.8,
  grief: -1,
  joy: 1,
  love: 0.9,
  nervousness: -0.5,
  optimism: 0.6,
  pride: 0.8,
  realization: 0,
  relief: 0.6,
  remorse: -0.7,
  sadness: -0.9,
  surprise: 0,
  neutral: 0,
};

/** The state after one more turn. Pure: the same turn gives the same state. */
export function moodAfter(before: MoodState, emotions: EmotionScore[], nowMs: number): MoodState {
  const kept = keptPerTurn * fading(before, nowMs);
  const now = new Map(emotions.map(({ label, score }) => [label, score]));
  const scores: MoodState['scores'] = {};
  for (const label of EMOTIONS) {
    const score = now.get(label) ?? 0;
    const sum = (before.scores[label] ?? 0) * kept + (score < floor ? 0 : score);
    if (sum > 0.001) scores[label] = Math.round(sum * 10_000) / 10_000;
  }
  return { scores, turns: before.turns + 1, updatedAtMs: Math.max(nowMs, before.updatedAtMs) };
}

/** What the state comes to at this moment. */
export function moodAt(state: MoodState, nowMs: number): Mood {
  const left = fading(state, nowMs);
  let felt = 0;
  let all = 0;
  let tilt = 0;
  let label: Emotion = 'neutral';
  let most = 0;
  for (const emotion of EMOTIONS) {
    const sum = (state.scores[emotion] ?? 0) * left;
    all += emotion === 'neutral' ? sum * neutralWeight : sum;
    tilt += sum * valences[emotion];
    if (emotion === 'neutral') continue;
    felt += sum;
    if (sum > most) [label, most] = [emotion, sum];
  }
  const neutral = (state.scores.neutral ?? 0) * left;
  return {
    label: most >= 0.15 && most >= neutral * 0.5 ? label : 'neutral',
    valence: round(all > 0 ? clamp(tilt / Math.max(all, 0.5), -1, 1) : 0),
    intensity: round(1 - Math.exp(-1.5 * felt)),
    turns: state.turns,
  };
}

function fading(state: MoodState, nowMs: number): number {
  return 0.5 ** (Math.max(0, nowMs - state.updatedAtMs) / halfLifeMs);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000 + 0;
}
