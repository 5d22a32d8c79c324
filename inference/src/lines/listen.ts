// A turn as the lines hear it: what was said, in agreement with what it may be, beside what was said before.
import { EMOTIONS, type Emotion, type WriteJob } from '../contract.ts';
import type { Character, Corpus } from '../corpus.ts';
import { tellsSomething } from './asked.ts';
import type { Calibration } from './calibration.ts';
import { agreed, createFelt } from './felt.ts';
import { momentOf } from './moment.ts';
import { type Heard, type Ranking, type SituationIndex, sureOf } from './situations.ts';
import { type Talk, talkOf } from './talk.ts';
import { type Topic, topicOf } from './topics.ts';
import type { View } from './weigh.ts';
import { tokensOf } from './words.ts';

export interface Reading {
  embedding: Float32Array;
  /** In the order of EMOTIONS. */
  emotions: Float32Array;
}

export interface Readings {
  message: Reading;
  /** Of the person's message before this one; null at the beginning. */
  before: Reading | null;
}

export type Listen = (
  character: Character,
  job: Pick<WriteJob, 'turnId' | 'text' | 'grave' | 'mood' | 'history' | 'read'>,
  readings: Readings,
) => View;

/**
 * A message that says little by itself ("he's 14") is understood by the one before it. Embeddings are means of words: that of both together is nearly
 * the mean of the two, by their lengths, and costs no pass of the encoder.
 */
function together(before: string, text: string, one: Reading, other: Reading): { text: string; reading: Reading } {
  const [a, b] = [before, text].map((said) => 2 + tokensOf(said).length) as [number, number];
  const sum = one.embedding.map((value, i) => a * value + b * (other.embedding[i] as number));
  const norm = Math.hypot(...sum) || 1;
  return {
    text: `${before}. ${text}`,
    reading: {
      embedding: sum.map((value) => value / norm),
      emotions: one.emotions.map((p, i) => (a * p + b * (other.emotions[i] as number)) / (a + b)),
    },
  };
}

/** What the person said last before the message. */
export function beforeIn(history: WriteJob['history']): string | undefined {
  return history.findLast(({ role }) => role === 'user')?.text;
}

export function createListener(corpus: Corpus, index: SituationIndex, calibration: Calibration): Listen {
  const felt = createFelt(calibration.felt);
  const understand = (text: string, { embedding, emotions }: Reading, topics: readonly Topic[]): { heard: Heard; ranking: Ranking } => {
    const alone = index.hear(text, embedding, emotions, felt(text, embedding, emotions));
    const ranking = index.rank(alone, topics);
    const shares = ranking.best.map(({ share, situation }) => ({ share, emotion: situation.emotion }));
    return { heard: { ...alone, felt: agreed(alone.felt, shares, text) }, ranking };
  };
  return (character, job, { message, before }) => {
    const talk = talkOf(character, job.history);
    const answered = answeredBy(corpus, character);
    const said = beforeIn(job.history);
    const joined = said !== undefined && before ? together(said, job.text, before, message) : null;
    const both = joined && understand(joined.text, joined.reading, []);
    const { heard, ranking: now } = understand(job.text, message, topicsOf(talk, both));
    const [best] = now.best;
    return {
      moment: { ...momentOf(job, heard, (text) => answered.get(text)), before: before?.embedding ?? null },
      talk,
      now,
      joined: both?.ranking ?? null,
      together: both?.heard.felt ?? heard.felt,
      meant: both?.heard.embedding ?? heard.embedding,
      told: tellsSomething(job.text),
      sure: best ? sureOf(best, calibration) : 0,
    };
  };
}

/** A talk's topic is told from what was answered, which may have been a word that fits anything: then from what is told, or how it feels. */
function topicsOf({ topic }: Talk, both: { heard: Heard; ranking: Ranking } | null): readonly Topic[] {
  if (!both) return [];
  const topics = [...(topic ? [topic] : []), ...topicsIn(both.ranking)];
  const { low, bright } = both.heard.felt;
  return topics.length > 0 ? topics : [low >= 0.5 ? 'anger' : bright >= 0.5 ? 'glad' : 'pastime'];
}

function topicsIn({ best }: Ranking): Topic[] {
  const shares = new Map<Topic, number>();
  for (const { situation, share } of best) {
    const topic = topicOf(situation.id);
    if (topic) shares.set(topic, (shares.get(topic) ?? 0) + share);
  }
  return [...shares].flatMap(([topic, share]) => (share >= plainTopic ? [topic] : []));
}

/** From this share on a topic may be what is spoken of. */
const plainTopic = 0.3;

/** In the order of EMOTIONS; what is not named was not read. */
export function emotionsOf(emotions: Partial<Record<Emotion, number>>): Float32Array {
  return Float32Array.from(EMOTIONS, (label) => emotions[label] ?? 0);
}

/** Which feeling each of a character's lines answers, by its text. */
function answeredBy({ situations }: Corpus, character: Character): ReadonlyMap<string, Emotion> {
  const known = answers.get(character);
  if (known) return known;
  const emotionOf = new Map(situations.map(({ id, emotion }) => [id, emotion]));
  const answered = new Map<string, Emotion>();
  for (const [emotion, lines] of character.feelings) for (const { text } of lines) answered.set(text, emotion);
  for (const { turns } of character.dialogues) for (const { answer, emotion } of turns) answered.set(answer, emotion);
  for (const [id, lines] of character.replies) for (const { text } of lines) answered.set(text, emotionOf.get(id) ?? 'neutral');
  answers.set(character, answered);
  return answered;
}

const answers = new WeakMap<Character, ReadonlyMap<string, Emotion>>();
