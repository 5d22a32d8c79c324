// How well a line answers the message here, as readers judged thousands of lines for everyday messages (answers.jsonl): what calibrate.ts learned of it.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { EMOTIONS, type Emotion } from '../contract.ts';
import { EXPRESSIONS, type Line } from '../corpus.ts';
import { type ActName, actNames } from './acts.ts';
import { asksWhatWasSaid, tellsSomething } from './asked.ts';
import { affinity, groupOf } from './feelings.ts';
import { type Felt, toneOfLabel } from './felt.ts';
import { odds } from './fit.ts';
import { isQuestion, type Moment, suits } from './moment.ts';
import { featureNames, isVetoed, type Match, type Ranking } from './situations.ts';
import type { Talk } from './talk.ts';
import { lowTopics, type Topic, topicOf } from './topics.ts';

/** What a line is a line for. */
export type Purpose =
  | { of: 'situation'; id: string }
  | { of: 'feeling'; emotion: Emotion }
  | { of: 'act'; act: ActName }
  | { of: 'topic'; topic: Topic };

/** All that is known when a line is weighed. */
export interface View {
  moment: Moment;
  talk: Talk;
  /** Of the message, of it together with the one before it, and of the one before; the latter two null at the beginning. */
  now: Ranking;
  joined: Ranking | null;
  before: Ranking | null;
  /** What is felt in the message and the one before it together; in the message alone at the beginning. */
  together: Felt;
  sure: number;
}

/** Logistic weights, the bias last: that a line is not wrong, and that it fits well. */
const Weights = z.object({ passes: z.array(z.number()), fits: z.array(z.number()) });
const WeighingFile = z.object({ situations: Weights, others: Weights });

/** For lines of situations, and for all others. */
export type Weighing = z.infer<typeof WeighingFile>;

export const weighingFile = fileURLToPath(new URL('./weighing.json', import.meta.url));

/** Learned with the live encoder; what it knows is about shares and tones, so that another one's stand in the same order. */
export async function readWeighing(file = weighingFile): Promise<Weighing> {
  return WeighingFile.parse(JSON.parse(await readFile(file, 'utf8')));
}

/** Half the expected mark: 0 for wrong, 1/2 for passable, 1 for what fits. */
export function weigh(
  { situations, others }: Weighing,
  view: View,
  line: Pick<Line, 'text' | 'expression' | 'fits'>,
  purpose: Purpose,
): number {
  const { passes, fits } = purpose.of === 'situation' ? situations : others;
  const features = featuresOf(view, line, purpose);
  return (odds(passes, features) + odds(fits, features)) / 2;
}

/** In a fixed order that depends on whether the line answers a situation. */
export function featuresOf(view: View, line: Pick<Line, 'text' | 'expression' | 'fits'>, purpose: Purpose): number[] {
  const own = purpose.of === 'situation' ? situationFeatures(view, purpose.id) : otherFeatures(view, line, purpose);
  return [...messageFeatures(view), ...lineFeatures(view, line), ...own];
}

function messageFeatures({ moment, now, sure, together }: View): number[] {
  const { heard, lately, answering, words, history } = moment;
  const { felt, cues } = heard;
  return [
    felt.low,
    felt.bright,
    together.low,
    together.bright,
    Math.log(1 + words),
    +cues.question,
    +cues.negated,
    +cues.you,
    +cues.me,
    +cues.exclaims,
    +cues.request,
    +tellsSomething(heard.text),
    +answering,
    lately,
    Math.min(3, history.length / 2),
    sure,
    now.best[0]?.share ?? 0,
  ];
}

function lineFeatures({ moment }: View, { text, expression }: Pick<Line, 'text' | 'expression'>): number[] {
  const asks = isQuestion(text);
  return [
    Math.log(text.split(/\s+/).length),
    +asks,
    +(asks && moment.asked >= 2),
    +asksWhatWasSaid(text, moment.heard.text),
    suits(expression, moment.tone, false),
    ...EXPRESSIONS.map((face) => +(face === expression)),
  ];
}

function situationFeatures({ moment, talk, now, joined, before, together: both }: View, id: string): number[] {
  const match = now.of(id) as Match;
  const { felt, cues } = moment.heard;
  const tone = toneOfLabel(match.situation.emotion);
  const first = now.best[0] as Match;
  const at = (name: (typeof featureNames)[number]) => match.features[featureNames.indexOf(name)] as number;
  const topic = topicOf(id);
  const stays = topic !== undefined && topic === talk.topic;
  const low = talk.topic !== null && lowTopics.has(talk.topic);
  const mourns = talk.topic === 'loss' || talk.topic === 'pet-loss';
  const [share, together, earlier] = [match, (joined ?? now).of(id) as Match, before?.of(id)].map((one) =>
    one ? logOdds(one.share) : -9,
  ) as [number, number, number];
  return [
    share,
    Math.min(9, first.score - match.score),
    Math.max(-1, match.score / 10),
    match.astray,
    +match.isWording,
    +isVetoed(match),
    felt[tone],
    tone === 'low' ? felt.bright : tone === 'bright' ? felt.low : 0,
    both[tone],
    tone === 'low' ? both.bright : tone === 'bright' ? both.low : 0,
    +(tone === 'level'),
    ...situational.map(at),
    together,
    together - share,
    earlier,
    +stays,
    // A pastime is anything one does for pleasure: one says nothing of another.
    +(stays && topic === 'pastime'),
    +(low && !stays && tone !== 'low'),
    +(mourns && topic !== undefined && !stays),
    +(moment.lately < -0.3 && tone === 'bright'),
    +(match.situation.emotion === 'grief' && felt.low < 0.5),
    +(tone === 'level' && felt.low >= 0.6),
    +(cues.question && cues.you && !cues.me && at('you') < 0.4 && at('question') < 0.4),
    +(cues.question && cues.you && !cues.me && at('question') >= 0.7 && at('you') >= 0.7),
  ];
}

const situational = [
  'prototype',
  'learned',
  'nearest',
  'covered',
  'covering',
  'contrary',
  'feeling',
  'opposite',
  'negation',
  'question',
  'you',
  'me',
] as const satisfies readonly (typeof featureNames)[number][];

function otherFeatures({ moment, talk, together }: View, { fits }: Pick<Line, 'fits'>, purpose: Purpose): number[] {
  const { felt, cues, text } = moment.heard;
  const told = tellsSomething(text);
  const emotion = purpose.of === 'feeling' ? purpose.emotion : null;
  const tone = emotion && toneOfLabel(emotion);
  const act = purpose.of === 'act' ? purpose.act : null;
  const sharesOf = (has: (label: Emotion) => number, { emotions } = felt) =>
    EMOTIONS.reduce((sum, label, i) => sum + has(label) * (emotions[i] as number), 0);
  return [
    +(emotion !== null),
    emotion ? sharesOf((label) => +(label === emotion)) : 0,
    emotion ? (moment.heard.read[EMOTIONS.indexOf(emotion)] as number) : 0,
    emotion ? sharesOf((label) => +(groupOf[label] === groupOf[emotion])) : 0,
    emotion ? sharesOf((label) => affinity(label, emotion)) : 0,
    emotion ? sharesOf((label) => +(groupOf[label] === groupOf[emotion]), together) : 0,
    emotion ? sharesOf((label) => affinity(label, emotion), together) : 0,
    tone ? together[tone] : 0,
    tone === 'low' ? together.bright : tone === 'bright' ? together.low : 0,
    tone ? felt[tone] : 0,
    tone === 'low' ? felt.bright : tone === 'bright' ? felt.low : 0,
    +(tone === 'level'),
    +(emotion === 'curiosity'),
    +(told && fits === 'bare'),
    +(told && fits === 'told'),
    +(told && (fits === 'small' || fits === 'big')),
    +(!told && fits === 'told'),
    +(purpose.of === 'topic'),
    +(purpose.of === 'topic' && purpose.topic === talk.topic),
    +(emotion !== null && emotion === moment.mood),
    tone === 'low' ? -moment.lately : tone === 'bright' ? moment.lately : 0,
    ...actNames.flatMap((name) =>
      name === act ? [1, felt.low, felt.bright, together.low, together.bright, +cues.question, +told] : [0, 0, 0, 0, 0, 0, 0],
    ),
  ];
}

function logOdds(share: number): number {
  return Math.log(Math.max(share, 1e-4) / (1 - Math.min(share, 0.9999) + 1e-4));
}
