// The loop breaker: a program that answers us, without saying that it is one, would keep us talking for ever.
import type { Utterance } from '@troupe/inference/contract';

/** So many times the same words in a row, or our own words back, and nobody answers any more. */
const sameInARow = 5;
const echoesInARow = 2;

/** `history` is this person's and ours, oldest first. */
export function goesInCircles(text: string, history: readonly Utterance[]): boolean {
  const said = history.filter(({ role }) => role === 'user').map(({ text }) => bare(text));
  const answered = history.filter(({ role }) => role === 'character').map(({ text }) => bare(text));
  const now = bare(text);
  if (!now) return false;
  const same = said.slice(-sameInARow);
  if (same.length === sameInARow && same.every((one) => one === now)) return true;
  const echoes = [...said, now].slice(-echoesInARow);
  return echoes.length === echoesInARow && echoes.every((one) => one.length > 20 && answered.includes(one));
}

function bare(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}
