// The moment a reply is for: what was heard, how the person has been lately, what the character said last, and how bright a reply may be.
import type { Emotion, Utterance, WriteJob } from '../contract.ts';
import type { Expression } from '../corpus.ts';
import { isAsked } from './cues.ts';
import { valence } from './feelings.ts';
import type { Heard } from './situations.ts';

export interface Moment {
  heard: Heard;
  /** The talk so far, oldest first. */
  history: readonly Utterance[];
  /** Embedding of what the person said before this message, null at the beginning. */
  before: Float32Array | null;
  grave: boolean;
  /** −1 (low) .. 1 (bright): what is felt now, and where that says little, how the person has been lately. */
  tone: number;
  /** How the person has been lately, where that says more than the message does; null otherwise. */
  mood: Emotion | null;
  /** −1 .. 1: how the person has been lately, whatever is felt now. */
  lately: number;
  /** A few words after the character has asked something: more likely an answer than a new subject. */
  answering: boolean;
  /** What the person said before this message asked for something. */
  requested: boolean;
  /** The character's last utterances that ended in a question, in a row. */
  asked: number;
  /** What the character said last, '' at the beginning. */
  last: string;
  words: number;
  /** No safety head has raised its hand: its words may be said again. */
  harmless: boolean;
  /** The same number in 0 .. 1 for the same turn and line: decides between equals. */
  chance(line: string): number;
}

/** `answered` tells which feeling a line of the character answers, for lines that answer one. */
export function momentOf(
  job: Pick<WriteJob, 'turnId' | 'grave' | 'mood' | 'history' | 'read'>,
  heard: Heard,
  answered: (line: string) => Emotion | undefined = () => undefined,
): Moment {
  const { low, level, bright } = heard.felt;
  const said = job.history.filter(({ role }) => role === 'character').map(({ text }) => text);
  const last = job.history.at(-1)?.role === 'character' ? (said.at(-1) ?? '') : '';
  const now = bright - low;
  const lately = stronger(moodOf(job.mood), talkOf(said, answered));
  // A message that says little of how it is felt is heard in the mood of the talk.
  // Gladness after bad news has to be plain: a joy out of place hurts, a comfort out of place does not.
  const read = Math.max(0, ...job.read.emotions.filter(({ label }) => label !== 'neutral').map(({ score }) => score));
  const doubtful = lately.tone < -0.3 && now > 0 && read < 0.7 ? Math.max(0.5, 1 - read) : 0;
  const silent = Math.min(1, Math.max(doubtful, level + 0.35 * (1 - Math.abs(now))));
  const words = heard.cues.tokens.length;
  const shortAnswer = words <= 3 && said.length > 0;
  return {
    heard,
    history: job.history,
    before: null,
    grave: job.grave,
    tone: Math.max(-1, Math.min(1, now * (1 - 0.6 * silent) + lately.tone * silent)),
    mood: silent > 0.35 && Math.abs(lately.tone) >= 0.2 && Math.abs(valence[lately.label]) >= 0.4 ? lately.label : null,
    lately: lately.tone,
    answering: ((asks(last) && words <= 6) || shortAnswer) && !heard.cues.question,
    requested: isRequested(job.history),
    asked: said.length - 1 - said.findLastIndex((text) => !isQuestion(text)),
    last,
    words,
    harmless: job.read.safety?.every(({ level }) => level === 'none') ?? true,
    chance: (line) => chanceOf(`${job.turnId}\n${line}`),
  };
}

function isRequested(history: readonly Utterance[]): boolean {
  const before = history.findLast(({ role }) => role === 'user')?.text;
  return before !== undefined && isAsked(before);
}

interface Lately {
  tone: number;
  label: Emotion;
}

function moodOf({ valence: tone, intensity, label }: WriteJob['mood']): Lately {
  return { tone: tone * Math.min(1, intensity * 1.3), label };
}

/**
 * The mood as the talk itself shows it: the character has answered the last turns as a loss, a fright, a success. Plain news of everyday life
 * names no feeling, and the mood that is kept from what was read knows little of it.
 */
function talkOf(said: readonly string[], answered: (line: string) => Emotion | undefined): Lately {
  let [tone, weight, label]: [number, number, Emotion] = [0, 0, 'neutral'];
  const recent = said.slice(-4).reverse();
  for (const [age, text] of recent.entries()) {
    const emotion = answered(text);
    if (!emotion) continue;
    const share = 0.7 ** age;
    tone += share * valence[emotion];
    weight += share;
    if (label === 'neutral' && Math.abs(valence[emotion]) >= 0.4) label = emotion;
  }
  return { tone: weight > 0 ? (tone / weight) * Math.min(1, 0.4 + weight / 2) : 0, label };
}

function stronger(a: Lately, b: Lately): Lately {
  return Math.abs(a.tone) >= Math.abs(b.tone) ? a : b;
}

export function isQuestion(text: string): boolean {
  return /\?["')\]]*\s*$/.test(text);
}

/** Some ask without a question mark. */
export function asks(text: string): boolean {
  return (
    isQuestion(text) || /(^|[.!?…] )(what|who|which|how|where|when|why|did|does|is|are|was|have|has) [^.!?]*\.["')\]]*\s*$/i.test(text)
  );
}

/** How well a face suits the tone; below −0.5 it would hurt. */
export function suits(expression: Expression, tone: number, grave: boolean): number {
  if (grave) return expression === 'caring' || expression === 'sadness' ? 0.5 : -1;
  const { low, bright } = faces[expression];
  return tone < 0 ? -tone * low : tone * bright;
}

const faces: Record<Expression, { low: number; bright: number }> = {
  caring: { low: 0.5, bright: 0 },
  sadness: { low: 0.35, bright: -0.8 },
  neutral: { low: 0.1, bright: 0 },
  curiosity: { low: 0, bright: 0.1 },
  embarrassment: { low: 0, bright: -0.1 },
  anger: { low: 0.15, bright: -0.6 },
  surprise: { low: -0.2, bright: 0.1 },
  amusement: { low: -0.6, bright: 0.3 },
  pride: { low: -0.4, bright: 0.4 },
  joy: { low: -0.8, bright: 0.5 },
};

/** FNV-1a. */
function chanceOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 12)) >>> 0) / 0x1_0000_0000;
}
