// A reply out, as the messages that Discord shows.
import type { Outgoing } from '../../platform.ts';
import { split } from './split.ts';

/** Discord's own limit, counted in UTF-16 units, of which there are never fewer than of its characters. */
export const maxMessageLength = 2000;

/** The same parts for the same reply, always: a second attempt finds the first one's by them. */
export function render({ text, notice }: Pick<Outgoing, 'text' | 'notice'>): string[] {
  return split(notice ? `${text}\n\n${small(notice)}` : text, maxMessageLength);
}

/** Discord's small print. */
function small(text: string): string {
  return text
    .split('\n')
    .filter((line) => line.trim())
    .map((line) => `-# ${line.trim()}`)
    .join('\n');
}
