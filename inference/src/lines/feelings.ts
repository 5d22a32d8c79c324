// How feelings go together: their valence, which may stand for which, and the face a character meets them with.
import { EMOTIONS, type Emotion } from '../contract.ts';
import type { Expression } from '../corpus.ts';

/** −1 (low) .. 1 (bright). */
export const valence: Record<Emotion, number> = {
  admiration: 0.7,
  amusement: 0.8,
  anger: -0.8,
  annoyance: -0.6,
  approval: 0.4,
  caring: 0.2,
  confusion: -0.1,
  curiosity: 0.1,
  desire: 0.1,
  disappointment: -0.7,
  disapproval: -0.5,
  disgust: -0.7,
  embarrassment: -0.5,
  excitement: 0.9,
  fear: -0.8,
  gratitude: 0.8,
  grief: -1,
  joy: 1,
  love: 0.8,
  nervousness: -0.6,
  optimism: 0.6,
  pride: 0.8,
  realization: 0,
  relief: 0.6,
  remorse: -0.7,
  sadness: -0.9,
  surprise: 0,
  neutral: 0,
};

/** Feelings of one group may stand for one another: what answers one seldom hurts the other. */
const groups = {
  hurt: ['sadness', 'disappointment', 'grief', 'remorse', 'embarrassment'],
  cross: ['anger', 'annoyance', 'disapproval', 'disgust'],
  afraid: ['fear', 'nervousness'],
  glad: ['joy', 'excitement', 'amusement', 'pride', 'relief', 'optimism'],
  warm: ['love', 'admiration', 'gratitude', 'approval', 'caring'],
  open: ['curiosity', 'confusion', 'surprise', 'realization', 'desire'],
  calm: ['neutral'],
} as const satisfies Record<string, readonly Emotion[]>;

export type Group = keyof typeof groups;
export const groupNames = Object.keys(groups) as Group[];

export const groupOf = Object.fromEntries(groupNames.flatMap((group) => groups[group].map((emotion) => [emotion, group]))) as Record<
  Emotion,
  Group
>;

/** How well what answers the one group answers the other, 0 .. 1. */
const closeness: Partial<Record<Group, Partial<Record<Group, number>>>> = {
  hurt: { cross: 0.5, afraid: 0.55, open: 0.3, calm: 0.35 },
  cross: { afraid: 0.35, open: 0.3, calm: 0.35 },
  afraid: { open: 0.4, calm: 0.35 },
  glad: { warm: 0.7, open: 0.45, calm: 0.45 },
  warm: { open: 0.4, calm: 0.45 },
  open: { calm: 0.75 },
};

/** 1 for the same feeling, 0.85 within a group, less across; 0.05 where valences are opposite. */
export function affinity(a: Emotion, b: Emotion): number {
  if (a === b) return 1;
  const [first, second] = [groupOf[a], groupOf[b]];
  if (first === second) return 0.85;
  return closeness[first]?.[second] ?? closeness[second]?.[first] ?? 0.05;
}

export const affinities: Float32Array[] = EMOTIONS.map((a) => Float32Array.from(EMOTIONS, (b) => affinity(a, b)));

/** The face a character meets a person's feeling with. */
export function faceOf(felt: Emotion): Expression {
  return faces[felt];
}

const faces: Record<Emotion, Expression> = {
  admiration: 'joy',
  amusement: 'amusement',
  anger: 'caring',
  annoyance: 'neutral',
  approval: 'joy',
  caring: 'caring',
  confusion: 'curiosity',
  curiosity: 'curiosity',
  desire: 'curiosity',
  disappointment: 'caring',
  disapproval: 'neutral',
  disgust: 'surprise',
  embarrassment: 'caring',
  excitement: 'joy',
  fear: 'caring',
  gratitude: 'joy',
  grief: 'sadness',
  joy: 'joy',
  love: 'caring',
  nervousness: 'caring',
  optimism: 'joy',
  pride: 'pride',
  realization: 'curiosity',
  relief: 'joy',
  remorse: 'caring',
  sadness: 'sadness',
  surprise: 'surprise',
  neutral: 'neutral',
};
