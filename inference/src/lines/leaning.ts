// What of the talk so far a reply leans on, for whoever asks why it was said.
import type { Leaning, Utterance } from '../contract.ts';
import { factsIn, recallOf } from './facts.ts';
import type { Moment } from './moment.ts';
import type { Talk } from './talk.ts';

/** `at`: where in the history it was said. Undefined where nothing was. */
export function leaningOn(
  kind: Exclude<Leaning['kind'], 'mood'>,
  history: readonly Utterance[],
  at: number,
  it: string | null = null,
): Leaning | undefined {
  const said = history[at];
  if (!said) return undefined;
  const answered = history.slice(at).filter(({ role }) => role === 'character').length;
  return { kind, it, role: said.role, reply: said.reply ?? null, turnsAgo: Math.max(1, answered) };
}

/** What was said last by either side. */
export function leaningOnLast(role: Utterance['role'], history: readonly Utterance[]): Leaning | undefined {
  return leaningOn(
    'turn',
    history,
    history.findLastIndex((said) => said.role === role),
  );
}

/** What the message asks to be reminded of: the utterance without which it would not be known, or would be something else. */
export function leaningOnFact(text: string, history: readonly Utterance[], it: string): Leaning | undefined {
  const known = (end: number) => JSON.stringify(recallOf(text, factsIn(history.slice(0, end)))?.fact);
  let end = history.length;
  while (end > 0 && known(end - 1) === known(end)) end--;
  return leaningOn('fact', history, end - 1, it);
}

/** What the person said that began the topic, or what it was answered with. */
export function leaningOnTopic({ topic, topicAt }: Talk, history: readonly Utterance[]): Leaning | undefined {
  return leaningOn('topic', history, history[topicAt - 1]?.role === 'user' ? topicAt - 1 : topicAt, topic);
}

/** How the person has been lately: of no turn in particular. */
export function leaningOnMood({ mood, lately }: Pick<Moment, 'mood' | 'lately'>): Leaning {
  return { kind: 'mood', it: mood ?? (lately < 0 ? 'low' : 'bright'), role: null, reply: null, turnsAgo: null };
}
