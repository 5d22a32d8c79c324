// The choice of a reply among a character's lines: what the form of the message decides, and else the heaviest of all that may be said.
import type { Act, Leaning, SourceKind } from '../contract.ts';
import type { Character, Line, Situation } from '../corpus.ts';
import type { Draft } from '../generator.ts';
import { type ActName, actOfJob, actOfSituation } from './acts.ts';
import type { Calibration } from './calibration.ts';
import { type Continuation, continuations, detailIn, detailLines, opinions, topicLines, turnedLines } from './continue.ts';
import type { Form } from './cues.ts';
import type { DialogueIndex } from './dialogues.ts';
import { echoes } from './echo.ts';
import { toneOfLabel } from './felt.ts';
import { insteadOf, isAsideOf } from './instead.ts';
import { leaningOnLast, leaningOnTopic } from './leaning.ts';
import type { Moment } from './moment.ts';
import { plainLines } from './plain.ts';
import { suitedReplies } from './replies.ts';
import { featureNames, isVetoed, type Match, type SituationIndex } from './situations.ts';
import { topicOf } from './topics.ts';
import { graveChoices, kindOffers, moodChoices, suitedLines, universalChoices } from './universal.ts';
import { type Purpose, type View, type Weighing, weigher } from './weigh.ts';

export interface Means {
  index: SituationIndex;
  calibration: Calibration;
  weighing: Weighing;
  dialogues: DialogueIndex | null;
}

/** Best first, at most 12, none that is used. Empty only when every line has been used. */
export function chooseLines(character: Character, view: View, isUsed: (line: string) => boolean, means: Means): Draft[] {
  const { moment, talk, now } = view;
  const drafts = new Map<string, Draft>();
  const offer = (line: Line, kind: SourceKind, id: string | null, score: number, why: string, leansOn?: Leaning) => {
    if (isUsed(line.id) || (drafts.get(line.id)?.score ?? -1) >= score) return;
    drafts.set(line.id, { ...draftOf(line, kind, id, score, why), leansOn });
  };
  const offerAct = (act: ActName, score: number, why: string) =>
    suitedLines({ lines: moment.grave ? [] : (character.acts.get(act) ?? []) }, moment).forEach((line, i) => {
      offer(line, 'universal', null, score - i * 0.004, why);
    });
  /** Without a score every reply is weighed, and none offered that is worth less than `least`. */
  const offerReplies = (
    situation: Situation,
    why: string,
    { score, leansOn, least = 0 }: { score?: number; leansOn?: Leaning | undefined; least?: number } = {},
  ) => {
    const worthOf = weighed({ of: 'situation', id: situation.id });
    const suited = suitedReplies(character.replies.get(situation.id) ?? [], situation, moment);
    // A situation is worth as much as the reply that would be said: which of them suits the moment is known better than marks tell, which favour the short.
    const next = suited.find(({ line }) => !isUsed(line.id));
    const worth = score ?? (next ? worthOf(next.line) : 0);
    if (worth < least) return;
    suited.forEach(({ line, why: how }, i) => void offer(line, 'situation', situation.id, worth - i * 0.01, `${why}; ${how}`, leansOn));
    const act = actOfSituation(situation.id);
    const [standIn] = act ? (character.acts.get(act) ?? []) : [];
    if (act && standIn)
      offerAct(act, suited.length > 0 ? worth - 0.06 : (score ?? worthOf(standIn)), `${situation.id}, its lines are used or missing`);
  };
  const goOn = (found: readonly Continuation[]) => {
    for (const { line, kind, id, score, why, leansOn } of found) offer(line, kind, id, score, why, leansOn);
  };
  /** Below what the form alone decides. Lines of one worth are told in a changing order. */
  const weighed = (purpose: Purpose) => {
    const worth = weigher(means.weighing, view, purpose);
    return (line: Line) => most.worth * worth(line) + most.chance * moment.chance(line.id);
  };
  /** Of lines for one thing a few stand for all: the page, the ranker and a vote want others beside them. */
  const heaviest = (lines: readonly Line[], worthOf: (line: Line) => number) =>
    lines
      .filter(({ id }) => !isUsed(id))
      .map((line) => ({ line, worth: worthOf(line) }))
      .sort((a, b) => b.worth - a.worth)
      .slice(0, most.alike);
  const best = now.best[0];

  const reflex = reflexes[moment.heard.cues.form];
  if (reflex) {
    const [name, act] = reflex;
    const situation = now.of(name)?.situation;
    if (situation) offerReplies(situation, `form: ${moment.heard.cues.form}`, { score: 0.97 });
    offerAct(act, 0.9, `form: ${moment.heard.cues.form}`);
  } else if (moment.heard.cues.form === 'emoji') {
    // A face without a word is a situation of its own, or nothing.
    if (!moment.grave) offerAct('gibberish', 0.3, 'a face that says nothing by itself');
    if (best && view.sure >= means.calibration.floor) offerReplies(best.situation, `${best.situation.id} ${view.sure.toFixed(2)}`);
  } else if (moment.grave) {
    for (const { situation, why, leansOn } of situationsOf(character, view)) offerReplies(situation, why, { leansOn, least: doubtful });
    for (const { lines, why, purpose } of kindOffers(character, moment)) {
      const worthOf = weighed(purpose);
      for (const line of suitedLines({ lines }, moment)) offer(line, 'universal', null, worthOf(line), why);
    }
  } else {
    goOn(continuations(character, moment, talk));
    const detail = detailIn(moment, talk, best, means.index.known);
    if (detail) goOn(detailLines(character, moment, talk, detail));
    else for (const { situation, why, leansOn, score } of situationsOf(character, view)) offerReplies(situation, why, { score, leansOn });
    goOn(opinions(character, view));
    const fits = [...drafts.values()].some(({ score }) => score >= plain);
    const denied = best !== undefined && isDenied(best, moment);
    for (const { lines, why, leansOn, purpose } of [
      ...universalChoices(character, moment),
      // To find what is spoken of costs more than all the rest.
      ...(fits ? [] : echoes(character, moment)),
      ...topicLines(character, moment, talk, now.best),
      ...turnedLines(character, moment, talk),
    ]) {
      if (denied && isGlad(purpose)) continue;
      for (const { line, worth } of heaviest(suitedLines({ lines }, moment), weighed(purpose)))
        offer(line, 'universal', null, worth, why, leansOn);
    }
    for (const { dialogue, turn, similarity, goesOn, withBefore } of means.dialogues?.near(moment, means.calibration.alike) ?? []) {
      const line = { id: turn.line, text: turn.answer, expression: turn.expression };
      offer(
        line,
        dialogue.kind,
        dialogue.id,
        goesOn ? 0.8 + similarity / 10 : 0.3 + 0.45 * similarity,
        `${goesOn ? 'the talk goes on as written' : 'a like message'}, similarity ${similarity.toFixed(2)}`,
        goesOn || withBefore ? leaningOnLast(goesOn ? 'character' : 'user', moment.history) : undefined,
      );
    }
    if (moment.mood && isOpen(view))
      moodOffers(character, moment).forEach((choice, rank) => {
        suitedLines(choice, moment).forEach((line, i) => {
          offer(line, 'universal', null, 0.98 - rank * 0.01 - i * 0.001, `a word that leaves it open, ${choice.why}`, choice.leansOn);
        });
      });
  }
  const last = moment.grave ? graveChoices(character) : [{ lines: character.acts.get('unclear') ?? [], why: 'unclear' }];
  last.forEach(({ lines, why }, rank) => {
    suitedLines({ lines }, moment).forEach((line, i) => {
      offer(line, 'universal', null, 0.1 - rank * 0.04 - i * 0.001, why);
    });
  });
  if (drafts.size > 0) return [...drafts.values()].sort((a, b) => b.score - a.score).slice(0, most.lines);
  return again(
    [...last, ...graveChoices(character)].flatMap(({ lines }) => lines),
    moment,
    isUsed,
  );
}

/** Which situations' replies are weighed: what the message may be, alone or together with the one before it. */
function situationsOf(
  character: Character,
  { moment, talk, now, joined, sure }: View,
): { situation: Situation; why: string; leansOn: Leaning | undefined; score?: number }[] {
  const answers = ({ id }: Situation) => character.replies.has(id) || actOfSituation(id) !== undefined;
  const [best] = now.best;
  const instead = best && insteadOf(best, moment);
  const turned = instead === undefined ? undefined : now.of(instead)?.situation;
  if (best && turned && answers(turned))
    return [{ situation: turned, why: `the words of ${best.situation.id}, and the opposite of it`, leansOn: undefined, score: 0.9 }];
  const ids = [now.best.slice(0, 5), joined?.best.slice(0, 3) ?? [], now.later.slice(0, 3)].flat().map(({ situation }) => situation.id);
  return [...new Set(ids)].flatMap((id) => {
    const match = now.of(id);
    if (!match || !answers(match.situation) || isAsideOf(match, moment)) return [];
    if (!match.isWording && (isVetoed(match) || isDenied(match, moment))) return [];
    // After bad news only what is plain is glad: "that was my day" is no great day then.
    if (moment.lately < -0.3 && toneOfLabel(match.situation.emotion) === 'bright' && sure < 0.92 && !match.isWording) return [];
    // Nobody is courted who has died.
    if ((talk.topic === 'loss' || talk.topic === 'pet-loss') && topicOf(id) === 'love') return [];
    // An animal is not missed as somebody whom one might ring.
    if (talk.topic === 'pet-loss' && missed.has(id)) return [];
    const together = joined?.of(id)?.share ?? 0;
    // Its lines may be better liked, but for what is ten times as likely there are lines as well.
    if (match.situation.after === undefined && best && Math.max(match.share, together) < best.share / 10) return [];
    const leansOn =
      match.situation.after !== undefined || together > match.share * 1.5
        ? leaningOnLast('user', moment.history)
        : match !== best && talk.topic !== null && topicOf(id) === talk.topic
          ? leaningOnTopic(talk, moment.history)
          : undefined;
    return [
      {
        situation: match.situation,
        // Its very words, and nothing before them that could turn them, as "tell me a joke" is never turned: there is nothing to weigh.
        ...(match === best && match.isWording && (moment.history.length === 0 || moment.heard.cues.order) && { score: 0.9 }),
        why: `${id} ${match.share.toFixed(2)}${joined ? `, with what went before ${together.toFixed(2)}` : ''}`,
        leansOn,
      },
    ];
  });
}

/** Lines that perform the act; in a grave moment the plain ones. */
export function actLines(character: Character, act: Act, moment: Moment, isUsed: (line: string) => boolean): Draft[] {
  const lines = linesOfAct(character, act, moment.grave);
  const drafts = lines
    .filter(({ id }) => !isUsed(id))
    .map((line) => draftOf(line, 'universal', null, moment.chance(line.id), `act: ${act}`));
  if (drafts.length > 0) return drafts.sort((a, b) => b.score - a.score).slice(0, most.lines);
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
    .slice(0, most.lines);
}

/** "He didn't propose after all": glad words, denied. */
function isDenied({ situation, features }: Match, { heard }: Moment): boolean {
  const negation = features[featureNames.indexOf('negation')] as number;
  return heard.cues.negated && negation >= 0.8 && toneOfLabel(situation.emotion) === 'bright';
}

function isGlad(purpose: Purpose): boolean {
  if (purpose.of === 'feeling') return toneOfLabel(purpose.emotion) === 'bright';
  return purpose.of === 'act' && purpose.act.endsWith('bright');
}

/** Says "ok" or "hm", or asks what to do now: after three sad turns that is not what it is on any other day. */
function isOpen({ moment, now }: View): boolean {
  const [best] = now.best;
  if (best?.isWording && acknowledgments.has(best.situation.id)) return true;
  // Asks what to do with oneself, whichever way of it.
  const share = now.best.reduce((sum, match) => sum + (adrift.has(match.situation.id) ? match.share : 0), 0);
  return moment.lately < -0.3 && share >= 0.5;
}

/** After a line for the feeling there is company; after company more for the mood would be a lament. */
function moodOffers(character: Character, moment: Moment) {
  const choices = moodChoices(character, moment);
  const said = choices.findIndex(({ lines }) => lines.some(({ text }) => text === moment.last));
  return said === -1 ? choices : choices.slice(0, said);
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

const most = { lines: 12, alike: 3, worth: 0.92, chance: 0.05 };
/** Of less worth a reply may be beside the point: in a grave moment what is kind is better then. */
const doubtful = 0.4;
/** From here on a line needs no echo beside it. */
const plain = 0.75;
const missed = new Set(['miss-someone', 'miss-my-friend', 'friend-moved-away']);
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
