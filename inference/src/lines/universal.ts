// Lines that fit whatever was said: for a feeling, for the mood where the message says little, for an everyday thing, or an honest word.
import { EMOTIONS, type Emotion, type Leaning } from '../contract.ts';
import type { Character, Fits, Line } from '../corpus.ts';
import type { ActName } from './acts.ts';
import { asksWhatWasSaid, tellsSomething } from './asked.ts';
import { type Group, groupNames, groupOf, valence } from './feelings.ts';
import { leaningOnMood } from './leaning.ts';
import { isQuestion, type Moment, suits } from './moment.ts';
import { plainLines } from './plain.ts';
import type { Heard } from './situations.ts';
import type { Purpose } from './weigh.ts';

export interface Choice {
  lines: Line[];
  why: string;
  leansOn?: Leaning | undefined;
}

/** Lines of one purpose, all of which would do. */
export interface Offer extends Choice {
  purpose: Purpose;
}

/** Every kind of line that may do, in no order: weigh.ts tells which does. */
export function universalChoices(character: Character, moment: Moment): Offer[] {
  const { cues, felt: tones, text } = moment.heard;
  const lately = leaningOnMood(moment);
  const act = (name: ActName, why: string, leansOn?: Leaning): Offer => ({
    lines: character.acts.get(name) ?? [],
    why,
    leansOn,
    purpose: { of: 'act', act: name },
  });
  const felt = (emotion: Emotion, why: string, leansOn?: Leaning): Offer => ({
    lines: character.feelings.get(emotion) ?? [],
    why,
    leansOn,
    purpose: { of: 'feeling', emotion },
  });
  const neutral = felt('neutral', 'nothing in particular');
  // In a low mood a nod that takes no notice of it is none.
  const noticed = moment.mood !== null && moment.lately < -0.3;
  const offers = [noticed ? { ...neutral, lines: neutral.lines.filter(({ expression }) => suits(expression, -1, true) > 0) } : neutral];
  // After bad news a joy must be plain to be shared.
  for (const side of [-1, 1] as const)
    if ((side < 0 ? tones.low : tones.bright) >= (side > 0 && moment.lately < -0.3 ? plainJoy : heardOf))
      for (const emotion of likelyOf(moment.heard, side)) offers.push(felt(emotion, `any ${emotion}`));
  if (cues.exclaims) offers.push(felt('surprise', 'exclaimed'));
  if (cues.question) {
    offers.push(felt('curiosity', 'a question'), act('asked', 'asked what it has no answer to'));
    if (cues.request) offers.push(act('abilities', 'asked for something else'));
    else if (!cues.you && !cues.me && cues.tokens.length >= 3) offers.push(act('unknown-fact', 'a question of fact'));
  } else if (tellsSomething(text)) {
    offers.push(act('open-news', 'it may be good or bad'));
    // In bad times nothing is told for its own sake.
    if (tones.low < 0.4 && moment.lately > -0.3) offers.push(act('small-news', 'an everyday thing'));
  } else offers.push(act('good-or-bad', 'may be good news or bad'));
  if (cues.question || cues.order) offers.push(act('cannot-do', 'asked for a thing to be done'));
  if (cues.question && cues.you) offers.push(act('asked-self', 'asked about itself'));
  if (moment.history.length > 0) offers.push(...goingOn(moment, act));
  // At the beginning the mood is of this very message, which has been heard above.
  if (moment.mood && moment.history.length > 0) {
    const low = valence[moment.mood] < 0;
    const mood = demanding.has(moment.mood) ? (mildest[groupOf[moment.mood]] ?? moment.mood) : moment.mood;
    offers.push(felt(mood, `in a mood of ${moment.mood}`, lately));
    if (low) offers.push(act('company', `in a mood of ${moment.mood}`, lately));
    else if (cues.question) offers.push(act('opening', `in a mood of ${moment.mood}`, lately));
  }
  return offers;
}

/** What a person does in the middle of a talk, whatever it is about: a plan, a parting, one more piece of the story, no to what was suggested. */
function goingOn({ heard: { cues, text }, requested }: Moment, act: (name: ActName, why: string) => Offer): Offer[] {
  const suggested = requested && cues.otherwise ? [act('takes-back', 'what was suggested may not suit')] : [];
  if (cues.question) return suggested;
  return [
    ...suggested,
    ...(cues.plan ? [act('plan', 'tells what comes next')] : []),
    ...(cues.leaving ? [act('leaves', 'has to go')] : []),
    ...(tellsSomething(text) ? [act('goes-on', 'tells more')] : []),
  ];
}

/** So likely must a tone be to have lines for it weighed. */
const heardOf = 0.2;

/** What is said for the mood alone: company in a low one, its own lines in a bright one. */
export function moodChoices(character: Character, moment: Moment): Choice[] {
  const { mood } = moment;
  if (!mood) return [];
  const leansOn = leaningOnMood(moment);
  const own = { lines: character.feelings.get(mood) ?? [], why: `in a mood of ${mood}`, leansOn };
  return valence[mood] < 0 ? [{ lines: character.acts.get('company') ?? [], why: `after ${mood}`, leansOn }, own] : [own];
}

/**
 * In a grave moment: company, and of what else may be said the lines with a caring or a sad face. Most of what raises the alarm is an everyday message,
 * and sympathy with a house just bought would be absurd.
 */
export function kindOffers(character: Character, moment: Moment): Offer[] {
  const kind: readonly ActName[] = ['company', 'open-news'];
  const always = kind.map((act): Offer => ({ lines: character.acts.get(act) ?? [], why: 'kind', purpose: { of: 'act', act } }));
  return [...always, ...universalChoices(character, moment)].map((offer) => ({
    ...offer,
    lines: offer.lines.filter(({ expression }) => suits(expression, moment.tone, true) > 0),
    why: `grave, ${offer.why}`,
  }));
}

/** Nothing light: what is kind, and plain words. */
export function graveChoices(character: Character): Choice[] {
  const plain = plainLines(character.nickname);
  return [
    { lines: (character.acts.get('company') ?? []).filter(({ expression }) => expression === 'caring'), why: 'grave, company' },
    { lines: [...plain.acts('company'), ...plain.feelings('sadness'), ...plain.feelings('neutral')], why: 'grave, plain' },
  ];
}

/** Of a choice: the ones that suit the moment, those a message of this kind wants first. */
export function suitedLines({ lines }: Pick<Choice, 'lines'>, moment: Moment): Line[] {
  const { low, bright } = moment.heard.felt;
  // Felt somehow, but not surely how: better to ask than to nod.
  const unsure = Math.max(low, bright) > 0.4 && low < sureTone.low && bright < sureTone.bright;
  const told = tellsSomething(moment.heard.text);
  return lines
    .filter(({ expression }) => moment.grave || suits(expression, moment.tone, false) > -0.45)
    .map((line) => {
      const length = line.text.length > 160 && moment.words < 4 ? -0.4 : 0;
      const asks = unsure && line.expression === 'neutral' && isQuestion(line.text) ? 0.5 : 0;
      // A third question in a row is an interrogation.
      const again = moment.asked >= 2 && isQuestion(line.text) ? -1 : 0;
      const said = asksWhatWasSaid(line.text, moment.heard.text) ? -1.5 : 0;
      return { line, fit: moment.chance(line.id) + length + asks + again + said + misfits[told ? 'told' : 'bare'][line.fits ?? 'any'] };
    })
    .sort((a, b) => b.fit - a.fit)
    .map(({ line }) => line);
}

/** The feeling that is sure enough for a line that presumes it; the group's mildest where only the group is. */
export function plainFeeling(moment: Moment): Emotion | null {
  const { heard } = moment;
  const { low, bright } = heard.felt;
  const side = low > bright ? -1 : 1;
  if (Math.max(low, bright) < (side < 0 ? sureTone.low : sureTone.bright)) return null;
  // "I don't feel great".
  if (side > 0 && heard.cues.negated && !heard.cues.exclaims) return null;
  return likeliestOf(heard, side);
}

/** The likeliest of the low (−1) or bright (1) feelings, and what is safe to say where only its group is. */
function likelyOf(heard: Heard, side: -1 | 1): Emotion[] {
  const near = among(heard, side)
    .slice(0, 2)
    .flatMap(({ label }) => (demanding.has(label) ? [] : [label]));
  return [...new Set([...near, likeliestOf(heard, side)])].filter((emotion) => emotion !== null);
}

/** What was read names feelings better than what is felt in everyday news, which knows better whether they are good or bad. Likeliest first. */
function among(heard: Heard, side: -1 | 1): { label: Emotion; p: number }[] {
  return EMOTIONS.map((label, i) => ({ label, p: (heard.felt.emotions[i] as number) + 0.7 * (heard.read[i] as number) }))
    .filter(({ label }) => valence[label] * side >= 0.4)
    .sort((a, b) => b.p - a.p);
}

/** Of the low (−1) or bright (1) feelings. */
function likeliestOf(heard: Heard, side: -1 | 1): Emotion | null {
  const all = among(heard, side);
  const sum = all.reduce((sum, { p }) => sum + p, 0);
  const groups = groupNames.map((group) => ({
    group,
    p: all.filter(({ label }) => groupOf[label] === group).reduce((sum, { p }) => sum + p, 0),
  }));
  const { group } = groups.reduce((best, other) => (other.p > best.p ? other : best));
  const first = all[0] as (typeof all)[number];
  if (first.p >= sum * (demanding.has(first.label) ? 0.6 : 0.4)) return first.label;
  return mildest[group] ?? null;
}

/** What it costs a line that it is meant for another kind of message: more than chance can make up for, but it is there when the others are used. */
const misfits: Record<'told' | 'bare', Record<Fits, number>> = {
  told: { any: 0, told: 0.3, small: -0.3, big: -0.5, bare: -1.5 },
  bare: { any: 0, bare: 0.3, big: 0, told: -1.2, small: -1.2 },
};

/** From here on a line may presume the tone: `measure.ts` tells how often that is right, and how often the opposite. Sympathy with a joy is better than a joke at a loss. */
export const sureTone = { low: 0.6, level: 0.6, bright: 0.65 } as const;
/** In a low mood: "so that was my day" is no great day then. */
const plainJoy = 0.85;
/** Lines for these say what they are for ("grief is …", "you are welcome"): the label itself must be sure. */
const demanding = new Set<Emotion>([
  'grief',
  'remorse',
  'embarrassment',
  'gratitude',
  'love',
  'admiration',
  'approval',
  'pride',
  'disgust',
  'relief',
  'amusement',
  'disappointment',
]);
const mildest: Partial<Record<Group, Emotion>> = { hurt: 'sadness', cross: 'annoyance', afraid: 'nervousness', glad: 'joy', warm: 'joy' };
