// Suggests a film that suits the feeling of the message, never one already named in the conversation.
import { readFileSync } from 'node:fs';
import type { Emotion } from '@troupe/inference/contract';
import type { Answer } from '../../skill.ts';

type Feeling = 'sad' | 'angry' | 'tense' | 'bright' | 'plain';
interface Film {
  title: string;
  year: number;
  for: Feeling[];
  line: string;
}

const films: Film[] = JSON.parse(readFileSync(new URL('./films.json', import.meta.url), 'utf8'));

export const answer: Answer = async ({ text, read, history }) => {
  const said = history.map((utterance) => utterance.text).join('\n');
  const unseen = films.filter((film) => !said.includes(film.title));
  const suiting = unseen.filter((film) => film.for.includes(feelingOf(read.detected[0])));
  const film = pick(suiting.length > 0 ? suiting : unseen, text + history.length);
  return film ? { text: `${film.title} (${film.year}). ${film.line[0]?.toUpperCase()}${film.line.slice(1)}.`, act: 'film' } : null;
};

function feelingOf(emotion: Emotion | undefined): Feeling {
  switch (emotion) {
    case 'sadness':
    case 'grief':
    case 'disappointment':
    case 'remorse':
      return 'sad';
    case 'anger':
    case 'annoyance':
    case 'disapproval':
    case 'disgust':
      return 'angry';
    case 'fear':
    case 'nervousness':
      return 'tense';
    case 'joy':
    case 'excitement':
    case 'amusement':
    case 'love':
    case 'pride':
    case 'relief':
      return 'bright';
    default:
      return 'plain';
  }
}

/** The same words in the same place get the same film: a turn run again answers alike. */
function pick<T>(items: T[], seed: string): T | undefined {
  let sum = 0;
  for (const char of seed) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return items[sum % items.length];
}
