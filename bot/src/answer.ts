// A reply as everybody outside sees it: the body of POST /v1/chat, an update of the bus, an entry of the history.
import { EMOTIONS, Emotion, type EmotionScore, type Read } from '@troupe/inference/contract';
import type { Composed } from './memory-reply.ts';
import type { Answer, TurnIntent, TurnUpdate } from './platform.ts';

/** As much of a Read as is stored. */
export type StoredRead = Pick<Read, 'emotions' | 'detected' | 'sentiment'>;

export type Told = Omit<Composed, 'character' | 'read' | 'line' | 'safety' | 'moodState' | 'effects'> & {
  id: string;
  character: string;
  read: StoredRead | null;
};

export function toAnswer(told: Told): Answer {
  const { intent, mood, candidates, versions, timing } = told;
  return {
    reply: {
      id: told.id,
      text: told.text,
      character: told.character,
      expression: told.expression,
      emotion: feelingOf(told.expression),
      source: told.source,
    },
    ...understood(told.read),
    intent,
    mood,
    candidates,
    versions,
    timing,
  };
}

export function toReadUpdate(read: StoredRead | null, intent: TurnIntent): TurnUpdate {
  return { type: 'read', ...understood(read), intent };
}

/** The strongest label over its threshold, or the strongest at all. */
function understood(read: StoredRead | null) {
  if (!read) return { emotion: unread[0] as EmotionScore, emotions: unread, detected: [] };
  const { emotions, detected, sentiment } = read;
  const emotion = emotions.find(({ label }) => label === detected[0]) ?? (emotions[0] as EmotionScore);
  return { emotion, emotions, detected, sentiment };
}

/** Where a rule answered before anything was read. */
const unread: EmotionScore[] = [
  { label: 'neutral', score: 1 },
  ...EMOTIONS.filter((label) => label !== 'neutral').map((label) => ({ label, score: 0 })),
];

/** The faces a character has are named like the feelings they show. */
function feelingOf(expression: string): Emotion {
  return Emotion.safeParse(expression).data ?? 'neutral';
}
