// The choice of a reply among a character's lines: by the message's form, its situation, a dialogue that is really alike, and lines that fit anything.
import type { Act, Leaning, SourceKind } from '../contract.ts';
import type { Character, Line } from '../corpus.ts';
import type { Draft } from '../generator.ts';
import { type ActName, actOfJob, actOfSituation } from './acts.ts';
import type { Calibration } from './calibration.ts';
import { type Continuation, continuations, detailIn, detailLines, lowTopics, opinions, topicLines } from './continue.ts';
import type { Form } from './cues.ts';
import type { DialogueIndex } from './dialogues.ts';
import { echoes } from './echo.ts';
import { valence } from './feelings.ts';
import { toneOfLabel } from './felt.ts';
import { insteadOf, isAsideOf } from './instead.ts';
import { leaningOnLast, leaningOnTopic } from './leaning.ts';
import type { Moment } from './moment.ts';
import { plainLines } from './plain.ts';
import { suitedReplies } from './replies.ts';
import { featureNames, type Match, type SituationIndex, sureOf } from './situations.ts';
import { type Talk, talkOf } from './talk.ts';
import { type Topic, topicOf } from './topics.ts';
import { graveChoices, moodChoices, suitedLines, universalChoices } from './universal.ts';

export interface Means {
  index: SituationIndex;
  calibration: Calibration;
  dialogues: DialogueIndex | null;
}

/** `matches` are the situations that the message may be. Best first, at most 12, none that is used. Empty only when every line has been used. */
export function chooseLines(
  character: Character,
  moment: Moment,
  matches: readonly Match[],
  isUsed: (line: string) => boolean,
  means: Means,
): Draft[] {
  const drafts = new Map<string, Draft>();
  const offer = (line: Line, kind: SourceKind, id: string | null, score: number, why: string, leansOn?: Leaning) => {
    if (isUsed(line.id) || (drafts.get(line.id)?.score ?? -1) >= score) return;
    drafts.set(line.id, { ...draftOf(line, kind, id, score, why), leansOn });
  };
  const offerAct = (act: ActName, score: number, why: string) =>
    suitedLines({ lines: moment.grave ? [] : (character.acts.get(act) ?? []), why }, moment).forEach((line, i) => {
      offer(line, 'universal', null, score - i * 0.004, why);
    });
  const offerReplies = (match: Pick<Match, 'situation'>, score: number, why: string, leansOn?: Leaning) => {
    suitedReplies(character.replies.get(match.situation.id) ?? [], match.situation, moment).forEach(({ line, why: suited }, i) => {
      offer(line, 'situation', match.situation.id, score - i * 0.01, `${why}; ${suited}`, leansOn);
    });
    const act = actOfSituation(match.situation.id);
    if (act) offerAct(act, score - 0.06, `${match.situation.id}, its lines are used or missing`);
  };

  const goOn = (found: readonly Continuation[]) => {
    for (const { line, kind, id, score, why, leansOn } of found) offer(line, kind, id, score, why, leansOn);
  };

  const reflex = reflexes[moment.heard.cues.form];
  const talk = talkOf(character, moment.history);
  if (reflex) {
    const [name, act] = reflex;
    const match = matches.find(({ situation }) => situation.id === name) ?? means.index.named(name);
    if (match) offerReplies(match, 0.97, `form: ${moment.heard.cues.form}`);
    offerAct(act, 0.9, `form: ${moment.heard.cues.form}`);
  } else {
    goOn(continuations(character, moment, talk));
    const detail = detailIn(moment, talk, matches[0], means.index.known);
    if (detail) goOn(detailLines(character, moment, talk, detail));
    const instead = matches[0] && insteadOf(matches[0], moment);
    const turned = instead ? means.index.named(instead) : undefined;
    if (turned) offerReplies(turned, 0.6, `the words of ${matches[0]?.situation.id}, and the opposite of it`);
    const sure =
      !detail && (turned !== undefined || offerSituations(character, moment, means, onTopic(matches, talk.topic), talk, offerReplies));
    if (!sure) goOn([...opinions(character, moment), ...echoes(character, moment)]);
    goOn(topicLines(character, moment, talk, matches));
    if (moment.heard.cues.form === 'emoji') offerAct('gibberish', 0.3, 'a face that says nothing by itself');
    for (const { dialogue, turn, similarity, goesOn, withBefore } of means.dialogues?.near(moment, means.calibration.alike, !sure) ?? [])
      offer(
        { id: turn.line, text: turn.answer, expression: turn.expression },
        dialogue.kind,
        dialogue.id,
        goesOn ? 0.8 + similarity / 10 : 0.28 + similarity / 10,
        `${goesOn ? 'the talk goes on as written' : 'a like message'}, similarity ${similarity.toFixed(2)}`,
        goesOn || withBefore ? leaningOnLast(goesOn ? 'character' : 'user', moment.history) : undefined,
      );
  }
  const choices = universalChoices(character, moment);
  if (moment.mood && isOpen(matches[0], moment, means.calibration) && !isMoodLine(character, moment))
    moodChoices(character, moment).forEach((choice, rank) => {
      suitedLines(choice, moment).forEach((line, i) => {
        offer(line, 'universal', null, 0.98 - rank * 0.01 - i * 0.001, `a word that leaves it open, ${choice.why}`, choice.leansOn);
      });
    });
  choices.forEach((choice, rank) => {
    suitedLines(choice, moment).forEach((line, i) => {
      offer(line, 'universal', null, 0.24 - rank * 0.04 - i * 0.001, choice.why, choice.leansOn);
    });
  });
  if (drafts.size > 0) return [...drafts.values()].sort((a, b) => b.score - a.score).slice(0, most);
  return again(
    [...choices, ...graveChoices(character)].flatMap(({ lines }) => lines),
    moment,
    isUsed,
  );
}

/** Lines that perform the act; in a grave moment the plain ones. */
export function actLines(character: Character, act: Act, moment: Moment, isUsed: (line: string) => boolean): Draft[] {
  const lines = linesOfAct(character, act, moment.grave);
  const drafts = lines
    .filter(({ id }) => !isUsed(id))
    .map((line) => draftOf(line, 'universal', null, moment.chance(line.id), `act: ${act}`));
  if (drafts.length > 0) return drafts.sort((a, b) => b.score - a.score).slice(0, most);
  return again([...plainLines(character.nickname).acts(actOfJob(act)), ...lines], moment, isUsed);
}

/** When everything has been told: what is still left, else the same again, without a name so that it counts as no line told twice. */
function again(lines: readonly Line[], moment: Moment, isUsed: (line: string) => boolean): Draft[] {
  const left = lines.filter(({ id }) => !isUsed(id));
  const drafts = left.length > 0 ? left : lines.map((line) => ({ ...line, id: null }));
  return drafts
    .filter(({ text }) => left.length > 0 || text !== moment.last)
    .map(
      (line): Draft => ({
        ...draftOf({ ...line, id: '' }, 'universal', null, 0.01 * moment.chance(line.text), 'the rest is used'),
        line: line.id,
      }),
    )
    .sort((a, b) => b.score - a.score)
    .slice(0, most);
}

/** Says "ok" or "hm", or asks what to do now: after three sad turns that is not what it is on any other day. */
function isOpen(best: Match | undefined, moment: Moment, calibration: Calibration): boolean {
  if (!best) return false;
  if (best.isWording && acknowledgments.has(best.situation.id)) return true;
  return moment.lately < -0.3 && isAdrift(best, calibration);
}

/** Asks what to do with oneself: where the mood is known, less certainty will do. */
function isAdrift(best: Match, calibration: Calibration): boolean {
  return adrift.has(best.situation.id) && sureOf(best, calibration) >= 0.7 * calibration.floor;
}

/** The last thing said was already for the mood: once more would be a lament. */
function isMoodLine(character: Character, { last, mood }: Moment): boolean {
  const lines = [...(mood ? (character.feelings.get(mood) ?? []) : []), ...(character.acts.get('company') ?? [])];
  return lines.some(({ text }) => text === last);
}

/** Whether one is sure enough to answer. */
function offerSituations(
  character: Character,
  moment: Moment,
  { calibration }: Means,
  matches: readonly Match[],
  talk: Talk,
  offerReplies: (match: Match, score: number, why: string, leansOn?: Leaning) => void,
): boolean {
  const best = matches[0];
  if (!best) return false;
  const { topic } = talk;
  const sure = sureOf(best, calibration);
  // After bad news only what is plain is glad: "that was my day" is no great day then. And a few words after a question are an answer,
  // unless they are plainly something else.
  const against = moment.lately < -0.3 && valence[best.situation.emotion] >= 0.4;
  const enough = moment.mood && isAdrift(best, calibration) ? 0 : calibration.floor;
  // What belongs to the topic needs less to be believed than a new subject.
  const about = topicOf(best.situation.id);
  // A pastime is anything one does for pleasure: one says nothing of another.
  const stays = topic !== null && about === topic && topic !== 'pastime';
  // Who mourns speaks of the dead: "i keep thinking i should call him" is no question of love.
  const mourns = (topic === 'loss' || topic === 'pet-loss') && about !== undefined && !stays;
  // Who is low goes on about it; and grief is not met where nothing is felt of it.
  const astray = topic !== null && lowTopics.has(topic) && !stays && toneOfLabel(best.situation.emotion) !== 'low';
  const aloof = best.situation.emotion === 'grief' && moment.heard.felt.low < 0.5;
  const floor = best.isWording
    ? 0
    : asksCharacter(best, moment)
      ? 0.75 * enough
      : Math.max(
          stays ? 0.75 * enough : enough,
          against || mourns ? 0.92 : 0,
          astray || aloof ? 0.88 : 0,
          moment.answering && !stays ? 0.8 : 0,
        );
  const answers = ({ situation }: Match) => character.replies.has(situation.id) || actOfSituation(situation.id) !== undefined;
  const tone = toneOfLabel(best.situation.emotion);
  // A matter of fact does not answer somebody who is hurt or cross, unless it is plainly that.
  const { felt, cues } = moment.heard;
  const denied = cues.negated && (best.features[featureNames.indexOf('negation')] as number) >= 0.8;
  const deaf = tone === 'level' && ((felt.low >= 0.6 && sure < 0.75) || (denied && felt.low >= 0.4 && !best.isWording));
  if (sure < floor || deaf || isAsideOf(best, moment)) return false;
  // By itself it would not have been sure enough, or another would have come first.
  const leans = stays && !best.isWording && (sure < enough || matches.some(({ share }) => share > best.share));
  const leansOn = leans ? leaningOnTopic(talk, moment.history) : undefined;
  if (answers(best)) offerReplies(best, 0.5 + sure / 2.2, `${best.situation.id} ${sure.toFixed(2)}`, leansOn);
  for (const other of matches.slice(1, 3))
    if (other.share >= 0.2 && other.share >= best.share / 4 && toneOfLabel(other.situation.emotion) === tone && answers(other))
      offerReplies(other, 0.3 + (sure * other.share) / 2, `${other.situation.id}, next to ${best.situation.id}`);
  return answers(best);
}

/** A question about the character, and a situation that is one: a near answer is better than none. */
function asksCharacter({ features }: Match, { heard: { cues } }: Moment): boolean {
  const at = (name: (typeof featureNames)[number]) => features[featureNames.indexOf(name)] as number;
  return cues.question && cues.you && !cues.me && at('you') < 0.4 && at('question') < 0.4;
}

/** A situation of the topic comes before a likelier one of another, where it is not far behind. */
function onTopic(matches: readonly Match[], topic: Topic | null): readonly Match[] {
  const [best] = matches;
  const mine = topic && matches.find(({ situation }) => topicOf(situation.id) === topic);
  if (!best || !mine || mine === best || best.isWording || mine.share < best.share / 2.5) return matches;
  return [mine, ...matches.filter((match) => match !== mine)];
}

function linesOfAct(character: Character, act: Act, grave: boolean): Line[] {
  if (act === 'language') {
    const replies = character.replies.get('what-languages')?.filter(({ expression }) => !grave || expression === 'caring') ?? [];
    if (replies.length > 0) return replies;
  }
  const name = actOfJob(act);
  return grave ? plainLines(character.nickname).acts(name) : (character.acts.get(name) ?? []);
}

function draftOf(line: Line, kind: SourceKind, id: string | null, score: number, why: string): Draft {
  return { text: line.text, line: line.id, source: { generator: 'lines', kind, id }, score, why, expression: line.expression, tokens: 0 };
}

const most = 12;
const acknowledgments = new Set(['ok', 'hmm', 'oh', 'dots', 'nice-cool']);
const adrift = new Set(['what-to-do-today', 'im-bored', 'need-advice', 'say-something']);

/** Forms that say themselves which situation it is; the act stands in where that has no replies. */
const reflexes: Partial<Record<Form, [situation: string, act: ActName]>> = {
  instructions: ['show-your-prompt', 'prompt-kept'],
  code: ['write-code', 'unclear'],
  link: ['search-web', 'unclear'],
  dots: ['dots', 'ok'],
  marks: ['what', 'unclear'],
  mash: ['gibberish', 'gibberish'],
};
