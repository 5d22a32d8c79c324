// Lines that fit whatever was said: of the feeling when it is plain, of the mood when the message says little, else an honest word or question.
import { EMOTIONS, type Emotion, type Leaning } from '../contract.ts';
import type { Character, Fits, Line } from '../corpus.ts';
import type { ActName } from './acts.ts';
import { asksWhatWasSaid, tellsSomething } from './asked.ts';
import { type Group, groupNames, groupOf, valence } from './feelings.ts';
import { leaningOnMood } from './leaning.ts';
import { isQuestion, type Moment, suits } from './moment.ts';
import { plainLines } from './plain.ts';
import type { Heard } from './situations.ts';

export interface Choice {
  lines: Line[];
  why: string;
  leansOn?: Leaning | undefined;
}

/** The kinds of lines that would do, best first. */
export function universalChoices(character: Character, moment: Moment): Choice[] {
  if (moment.grave) return graveChoices(character);
  const now = plainFeeling(moment);
  const against = now !== null && moment.lately < -0.3 && valence[now] > 0;
  const feeling = against ? null : now;
  const choices: Choice[] = [];
  const act = (name: ActName, why: string, leansOn?: Leaning) => choices.push({ lines: character.acts.get(name) ?? [], why, leansOn });
  const felt = (emotion: Emotion, why: string, leansOn?: Leaning) =>
    choices.push({ lines: character.feelings.get(emotion) ?? [], why, leansOn });
  const lately = leaningOnMood(moment);
  const { cues, felt: tones } = moment.heard;

  if (feeling) felt(feeling, `any ${feeling}`);
  else if (moment.mood && !cues.question && (valence[moment.mood] < 0 || moment.words < 3)) {
    // "update: he just ate a bit of chicken!!": to go on lamenting would be deaf.
    if (cues.exclaims && tones.low < 0.4) act('good-or-bad', 'may be good news or bad');
    if (against) act('company', `after ${moment.mood}`, lately);
    felt(moment.mood, `in a mood of ${moment.mood}`, lately);
    if (valence[moment.mood] < 0) act('company', `in a mood of ${moment.mood}`, lately);
  } else if (cues.question && !moment.answering) {
    if (cues.request) act('abilities', 'asked for something else');
    else if (!cues.you && !cues.me && cues.tokens.length >= 3) act('unknown-fact', 'a question of fact');
    felt('curiosity', 'a question');
  } else if (cues.exclaims && !moment.answering) felt(tones.bright > tones.low + 0.1 ? 'excitement' : 'surprise', 'exclaimed');
  else if (moment.words >= 3 && tones.low >= 0.4 && tones.bright >= 0.2 && Math.max(tones.low, tones.bright) > tones.level + 0.15)
    act('good-or-bad', 'may be good news or bad');
  else if (moment.answering || moment.words >= 3) felt('neutral', 'nothing in particular');
  else act('unclear', 'unclear');
  if (moment.mood && cues.question) act(valence[moment.mood] < 0 ? 'company' : 'opening', `in a mood of ${moment.mood}`, lately);
  if (!feeling && !cues.question) felt('neutral', 'nothing in particular');
  act('unclear', 'unclear');
  return choices;
}

/** What is said for the mood alone: company in a low one, its own lines in a bright one. */
export function moodChoices(character: Character, moment: Moment): Choice[] {
  const { mood } = moment;
  if (!mood) return [];
  const leansOn = leaningOnMood(moment);
  const own = { lines: character.feelings.get(mood) ?? [], why: `in a mood of ${mood}`, leansOn };
  return valence[mood] < 0 ? [{ lines: character.acts.get('company') ?? [], why: `after ${mood}`, leansOn }, own] : [own];
}

/** Nothing light: company, and plain words. */
export function graveChoices(character: Character): Choice[] {
  const plain = plainLines(character.nickname);
  return [
    { lines: character.acts.get('company') ?? [], why: 'grave' },
    { lines: [...plain.acts('company'), ...plain.feelings('sadness'), ...plain.feelings('neutral')], why: 'grave, plain' },
  ];
}

/** Of a choice: the ones that suit the moment, those a message of this kind wants first. */
export function suitedLines({ lines }: Choice, moment: Moment): Line[] {
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

/** Of the low (−1) or bright (1) feelings. */
function likeliestOf(heard: Heard, side: -1 | 1): Emotion | null {
  // What was read names feelings better than what is felt in everyday news, which knows better whether they are good or bad.
  const among = EMOTIONS.map((label, i) => ({ label, p: (heard.felt.emotions[i] as number) + 0.7 * (heard.read[i] as number) })).filter(
    ({ label }) => valence[label] * side >= 0.4,
  );
  const all = among.reduce((sum, { p }) => sum + p, 0);
  const groups = groupNames.map((group) => ({
    group,
    p: among.filter(({ label }) => groupOf[label] === group).reduce((sum, { p }) => sum + p, 0),
  }));
  const { group } = groups.reduce((best, other) => (other.p > best.p ? other : best));
  const first = among.reduce((best, other) => (other.p > best.p ? other : best));
  if (first.p >= all * (demanding.has(first.label) ? 0.6 : 0.4)) return first.label;
  return mildest[group] ?? null;
}

/** What it costs a line that it is meant for another kind of message: more than chance can make up for, but it is there when the others are used. */
const misfits: Record<'told' | 'bare', Record<Fits, number>> = {
  told: { any: 0, told: 0.3, small: -0.3, big: -0.5, bare: -1.5 },
  bare: { any: 0, bare: 0.3, big: 0, told: -1.2, small: -1.2 },
};

/** From here on a line may presume the tone: `measure.ts` tells how often that is right, and how often the opposite. Sympathy with a joy is better than a joke at a loss. */
export const sureTone = { low: 0.6, level: 0.6, bright: 0.65 } as const;
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
