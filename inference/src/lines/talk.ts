// What the talk is about, told from what the character has said: its own lines answer situations, and situations have topics. A line of a topic
// proves nothing: it may have been said because no situation was sure.
import type { Utterance } from '../contract.ts';
import type { Character } from '../corpus.ts';
import { type Facts, factsIn } from './facts.ts';
import { type Topic, topicOf } from './topics.ts';
import { keyOf, linesByPurpose } from './weigh.ts';

export interface Talk {
  /** What the character's last line answered; null where that was no situation. */
  situation: string | null;
  /** What that line is a line for, by `keyOf`; null where nobody knows. */
  purpose: string | null;
  topic: Topic | null;
  /** Where in the history the line stands that the topic is told from; −1 without one. */
  topicAt: number;
  facts: Facts;
}

/** A topic is kept for so many of the character's lines that say nothing of it. */
const kept = 6;

export function talkOf(character: Character, history: readonly Utterance[]): Talk {
  const known = linesOf(character);
  const said = history.flatMap(({ role, text }, at) => (role === 'character' ? [{ at, ...known.get(text) }] : []));
  const about = said.slice(-kept).findLast(({ topic }) => topic);
  const last = said.at(-1);
  return {
    situation: last?.situation ?? null,
    purpose: last?.purpose ?? null,
    topic: about?.topic ?? null,
    topicAt: about?.at ?? -1,
    facts: factsIn(history),
  };
}

interface Known {
  situation: string | null;
  purpose: string;
  topic: Topic | null;
}

function linesOf(character: Character): ReadonlyMap<string, Known> {
  const found = lines.get(character);
  if (found) return found;
  const known = new Map<string, Known>();
  for (const [purpose, all] of linesByPurpose(character)) {
    const situation = purpose.of === 'situation' ? purpose.id : null;
    const topic = situation === null ? null : (topicOf(situation) ?? null);
    for (const { text } of all) known.set(text, { situation, purpose: keyOf(purpose), topic });
  }
  lines.set(character, known);
  return known;
}

const lines = new WeakMap<Character, ReadonlyMap<string, Known>>();
