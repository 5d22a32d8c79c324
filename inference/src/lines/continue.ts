import { EMOTIONS, type Leaning } from '../contract.ts';
import type { Character, Expression, Line } from '../corpus.ts';
import type { ActName } from './acts.ts';
import { asksName, type Detail, detailOf } from './details.ts';
import { ownName, recallOf } from './facts.ts';
import { valence } from './feelings.ts';
import { toneOfLabel } from './felt.ts';
import { leaningOnFact, leaningOnLast, leaningOnMood, leaningOnTopic } from './leaning.ts';
import { asks, type Moment } from './moment.ts';
import type { Match } from './situations.ts';
import type { Talk } from './talk.ts';
import { lowTopics, type Topic, topicOf } from './topics.ts';
import { type Offer, suitedLines } from './universal.ts';
import type { View } from './weigh.ts';
import { tokensOf } from './words.ts';

export interface Continuation {
  line: Line;
  kind: 'universal' | 'situation';
  /** The situation's id, null for universal lines. */
  id: string | null;
  score: number;
  why: string;
  leansOn?: Leaning | undefined;
}

/** Where the form alone decides; nothing else can answer as well. */
export function continuations(character: Character, moment: Moment, talk: Talk): Continuation[] {
  if (moment.grave) return [];
  return [
    ...courtesies(character, moment),
    ...introduced(character, moment, talk),
    ...recalled(character, moment, talk),
    ...repeated(character, moment, talk),
    ...reasons(character, moment, talk),
    ...oddities(character, moment),
  ];
}

/** A few words that answer, or tell a detail of the topic: no situation is worded like them. */
export function detailIn(moment: Moment, talk: Talk, best: Match | undefined, known: (token: string) => boolean): Detail | null {
  if (moment.grave || !moment.harmless || (!moment.answering && !talk.topic)) return null;
  const detail = detailOf(moment.heard.text, moment.last, known);
  if (detail?.kind !== 'what') return detail;
  // In a low talk a thing may be an illness or a debt: nothing is said of it lightly.
  if (talk.topic && lowTopics.has(talk.topic)) return null;
  // "headache", "just a joke please": a thing that says something by itself is no detail.
  const telling = best && (best.isWording || best.share > 0.6) && (toneOfLabel(best.situation.emotion) !== 'level' || !moment.answering);
  return telling ? null : detail;
}

export function detailLines(character: Character, moment: Moment, talk: Talk, { kind, it }: Detail): Continuation[] {
  const { topic } = talk;
  const lines = leaning(
    moment.answering ? leaningOnLast('character', moment.history) : leaningOnTopic(talk, moment.history),
    told(character, moment, `heard-${kind}`, { it }, 0.9, `picks up "${it}"`),
  );
  return topic && lowTopics.has(topic) ? lines.filter(({ line }) => line.expression === 'caring') : lines;
}

/** More about the topic of the talk, or about a topic that is sure where the situation is not. */
export function topicLines(character: Character, moment: Moment, talk: Talk, matches: readonly Match[]): Offer[] {
  const { cues, felt } = moment.heard;
  if (moment.grave || cues.question || cues.form !== 'words') return [];
  const near = sureTopic(matches, moment);
  // A new subject that is plain ends the old one, and so do many words that say nothing of it.
  const goesOn =
    talk.topic &&
    (near === talk.topic ||
      (near ? moment.words <= 4 : moment.words <= longest[lowTopics.has(talk.topic) && felt.low >= 0.4 ? 'low' : 'other']));
  const topic = goesOn ? talk.topic : near;
  if (!topic) return [];
  const stays = topic === talk.topic;
  const lines = (character.topics.get(topic) ?? []).flatMap((line) => {
    const { named } = talk.facts;
    const known = (named || moment.words <= 2) && asksName.test(line.text);
    const text = known ? null : filled(line.text, { name: named?.name });
    return text === null ? [] : [{ ...line, text }];
  });
  // What is plainly glad or sore gets a face for it, or no line of the topic: the topic's are for more of the same.
  if (stays && lowTopics.has(topic) && felt.bright > 0.55) return [];
  const faces = felt.low > 0.55 ? sore : felt.bright > 0.6 ? glad : null;
  const fitting = faces ? lines.filter(({ expression }) => faces.has(expression)) : lines;
  const why = stays ? `still on ${topic}` : `somewhere about ${topic}`;
  return [{ lines: fitting, why, leansOn: stays ? leaningOnTopic(talk, moment.history) : undefined, purpose: { of: 'topic', topic } }];
}

/** Words of a message that says no new thing, at most: who is low goes on about it, of a pastime one tells something else. */
const longest = { low: 12, other: 4 };
const sore: ReadonlySet<Expression> = new Set(['caring', 'sadness', 'anger']);
const glad: ReadonlySet<Expression> = new Set(['joy', 'pride', 'amusement', 'surprise', 'curiosity']);

/** The topic that most of the likelihood lies on, where the feeling agrees with it. */
function sureTopic(matches: readonly Match[], { heard }: Moment): Topic | null {
  const shares = new Map<Topic, number>();
  for (const { situation, share } of matches) {
    const topic = topicOf(situation.id);
    const tone = toneOfLabel(situation.emotion);
    // "He didn't propose after all": glad words, denied.
    const most = heard.cues.negated ? 0.25 : 0.5;
    const opposite = (tone === 'low' && heard.felt.bright > 0.5) || (tone === 'bright' && heard.felt.low > most);
    if (topic && !opposite) shares.set(topic, (shares.get(topic) ?? 0) + share);
  }
  const [best] = [...shares].sort((a, b) => b[1] - a[1]);
  return best && best[1] >= 0.75 ? best[0] : null;
}

/** "Should I …?", "do you like …?": a question about what is right, or liked, with no situation of its own. */
export function opinions(character: Character, { moment, now, sure }: View): Continuation[] {
  const plain = moment.heard.cues.tokens.join(' ');
  // "Are you a bot or a human?" is no choice, nor is what is surely something else.
  const isOther = now.best[0] !== undefined && !choices.has(now.best[0].situation.id) && (sure >= 0.85 || aboutYou.test(plain));
  if (moment.heard.cues.question && moment.words <= 20 && !isOther && eitherOr.test(moment.heard.text))
    return replies(character, 'pick-between-two', 0.9, 'asked to choose between two');
  if (/^(so |but |and |then |well )?(should i|do you think i should|shall i)\b/.test(plain) || /^do i \w+.* or /.test(plain))
    return told(character, moment, 'should-i', {}, 0.4, 'asked what to do');
  if (/^(and |so |hey |hi )?do (you|u) (even |really |also )?(like|enjoy|love|hate|prefer)( \w+){1,3}$/.test(plain))
    return told(character, moment, 'taste', {}, 0.4, 'asked whether it likes something');
  return [];
}

const aboutYou = /^(so |and |but |hey |hi )*(are|r|were|do|did|have) (you|u)\b/;
const choices: ReadonlySet<string> = new Set([
  'pick-between-two',
  'either-or-question',
  'cant-decide',
  'big-decision',
  'asks-should-i',
  'would-you-rather',
]);

/** "Sage green or light grey for the hallway?", which is no "or something". */
const eitherOr =
  /\p{L} or (?!not\b|what\b|so\b|something|anything|someone|anyone|whatever|else|two\b|maybe\b|am i\b|is it\b|(will|should|would|do|did|does|is|are|was|can|could) (i|we|it|he|she|they|you|there)\b)\p{L}/iu;

/** "Is it weird to eat cereal for dinner", "…, is that silly?": asked of many a situation, which only its own wording answers better. */
function oddities(character: Character, moment: Moment): Continuation[] {
  const last = moment.heard.text.split(/[.,!?;]+/).findLast((part) => part.trim() !== '') ?? '';
  return /^(so |but |and )?(is it|am i|is that) (so |that |really |a bit |just )?(weird|strange|odd|silly|stupid|dumb|crazy|childish|lame)\b/.test(
    tokensOf(last).join(' '),
  )
    ? told(character, moment, 'opinion', {}, 0.94, 'asked whether it is odd')
    : [];
}

/** Tells a name, and little else. */
function introduced(character: Character, moment: Moment, { facts }: Talk): Continuation[] {
  const isNew = facts.name === null && moment.words <= 10 && !moment.heard.cues.question && ownName(moment.heard.text) !== null;
  return isNew ? replies(character, 'my-name-is', 0.6, 'tells a name') : [];
}

function recalled(character: Character, moment: Moment, { facts }: Talk): Continuation[] {
  const asked = recallOf(moment.heard.text, facts);
  if (!asked) return [];
  if (asked.fact === null)
    return asked.of === 'name' ? [] : told(character, moment, 'not-told', {}, 0.985, 'asked for what was never said');
  const { of, fact } = asked;
  const it = of === 'time' ? `${fact.event}: ${fact.when}` : fact;
  const lines =
    of === 'time'
      ? told(character, moment, 'recall-time', fact, 0.985, `remembers ${it}`)
      : told(character, moment, `recall-${of}`, { it: fact }, 0.985, `remembers "${it}"`);
  return leaning(leaningOnFact(moment.heard.text, moment.history, it), lines);
}

/** "Another", "seen it", "something funny": what the last line answered, once more. */
function repeated(character: Character, moment: Moment, { situation }: Talk): Continuation[] {
  const plain = moment.heard.cues.tokens.join(' ');
  if (!situation || !givings.has(situation) || !(more.test(plain) || (known.has(situation) && other.test(plain)))) return [];
  const like = jokes.has(situation) ? [...jokes] : [situation];
  const lines = like.flatMap((id, rank) => replies(character, id, 0.985 - rank * 0.015, `once more, after ${situation}`));
  return leaning(leaningOnLast('character', moment.history), lines);
}

const more =
  /^(ok(ay)? |and |now |haha )?(another|one more|more|again|next|tell me (another|more)|give me (another|one more))( (one|please|pls))*$/;
const known = new Set(['film-recommendation', 'book-recommendation', 'music-recommendation', 'series-or-anime']);
const other =
  /^(no )?(ive |i have |i )?(already )?(seen|read|heard|watched|know) (it|that|this)( one)?( already)?$|^(no |maybe |ok )?(something|anything) (\w+ ?){1,3}$/;
const jokes = new Set(['another-joke', 'tell-joke', 'dad-joke']);
/** What is asked for and given: a joke, a film, a thing to eat. */
export const givings: ReadonlySet<string> = new Set([
  ...jokes,
  ...'riddle tell-story scary-story bedtime-story poem haiku song-lyrics fun-fact compliment-me roast-me quote-wisdom would-you-rather trivia-quiz tell-me-something-interesting film-recommendation book-recommendation music-recommendation series-or-anime pep-talk tell-me-a-secret gift-idea what-should-i-eat surprise-me ask-me-something truth-or-dare fortune-horoscope what-to-do-today'.split(
    ' ',
  ),
]);

/** "Why?": of a question, why it was asked; of a claim, why it is so. */
function reasons(character: Character, moment: Moment, { situation }: Talk): Continuation[] {
  if (
    !moment.last ||
    !/^(but |and |ok )?(why|how come|why not|why so|why is that|whys that|why that( one)?|why do you (ask|say that|think so|want to know))$/.test(
      moment.heard.cues.tokens.join(' '),
    )
  )
    return [];
  const lines = asks(moment.last)
    ? told(character, moment, 'why-asked', {}, 0.98, 'asked why it was asked')
    : told(character, moment, 'because', {}, 0.98, situation ? `asked why, after ${situation}` : 'asked why');
  return leaning(leaningOnLast('character', moment.history), lines);
}

/** Good news in a low talk, bad news in a glad one: the turn itself may be answered. */
export function turnedLines(character: Character, moment: Moment, { topic }: Talk): Offer[] {
  const { felt, cues } = moment.heard;
  // A fond memory is no good news.
  if (cues.question || moment.words < 3 || topic === 'loss' || topic === 'pet-loss') return [];
  const plain =
    better.test(moment.heard.text) ||
    (felt.bright >= 0.5 && felt.bright > felt.low + 0.25 && readOf(moment, 1) >= (cues.exclaims ? 0.08 : 0.6));
  const brightened = moment.lately <= -0.3 && !cues.negated && plain;
  // Everyday words are easily felt as news by mistake: the turn has to be in what was read, too.
  const darkened = moment.lately >= 0.3 && felt.low >= 0.7 && readOf(moment, -1) >= 0.3;
  const act = brightened ? 'turned-bright' : darkened ? 'turned-low' : null;
  if (!act) return [];
  const why = `the mood has turned, for the ${brightened ? 'better' : 'worse'}`;
  return [{ lines: linesWith(character, act, {}), why, leansOn: leaningOnMood(moment), purpose: { of: 'act', act } }];
}

/** Says so in so many words. */
const better =
  /\b(feel|feeling) (so |much |a lot |way |so much )?better\b|\b(so|what a) relie(ved|f)\b|\b(all|it'?s) (sorted|fine|good|ok) now\b|\bon the (plus|bright) side\b/i;

/** The likeliest of the low (−1) or bright (1) emotions, as the encoder read them. */
function readOf({ heard }: Moment, side: -1 | 1): number {
  return Math.max(...EMOTIONS.map((label, i) => (valence[label] * side >= 0.4 ? (heard.read[i] as number) : 0)));
}

/** "Ok thanks", "I'm fine": said in passing, whatever the talk is about. */
function courtesies(character: Character, moment: Moment): Continuation[] {
  const plain = moment.heard.cues.tokens.join(' ');
  if (moment.words <= 8 && thanked.test(plain) && !moment.heard.cues.question)
    return replies(character, night.test(plain) ? 'good-night' : 'thank-you', 0.9, 'thanks, and goes on');
  if (luck.test(plain)) return replies(character, 'wish-me-luck', 0.7, 'wants to be wished luck');
  if (vent.test(plain)) return told(character, moment, 'company', {}, 0.9, 'wants to be heard, not advised');
  if (thanks.test(plain)) return replies(character, 'thank-you', 0.9, 'thanks, in passing');
  if (andYou.test(plain) && moment.last)
    return leaning(leaningOnLast('character', moment.history), replies(character, 'how-are-you', 0.9, 'asked back'));
  return fine.test(plain) ? told(character, moment, 'fine', {}, 0.96, 'says to be fine') : [];
}

const thanks = /^((ok(ay)?|oh|cool|great|alright|haha|aw+|no) )*(thanks?|thx|ty|thank (you|u))( (so|very) much| a lot| again)?$/;
const thanked = /^((ok(ay)?|oh|cool|great|alright|haha|aw+) )*(thanks?|thx|ty|thank (you|u)|cheers)\b/;
const night = /\b(good ?night|night|nighty night|gn)$/;
const luck = /\bwish (me|us|him|her|them) luck\b|^fingers crossed\b/;
const vent =
  /\b(just|only) (want|wanted|need|needed) to (vent|rant|talk|moan|get it out)\b|\bstop (giving me advice|fixing)\b|\b(dont|not) want (any )?advice\b/;
const andYou =
  /^((not much|nothing much|good|fine|im (good|fine|ok(ay)?)|alright|same|all good|tired|busy|ok(ay)?) )?(and |what about |how about )?(you|u|yourself|hbu|wbu)$/;
const fine =
  /^((oh|yeah|no|well|eh) )*(((im |i am |its |doing |im doing )(all ?right|ok(ay)?|good|not bad|pretty good|so so))|(im |i am |its |doing |im doing )?fine)( (thanks|thank you|i guess|i think|really|honestly|just|today|now|actually))*$/;

function leaning(leansOn: Leaning | undefined, found: readonly Continuation[]): Continuation[] {
  return found.map((one) => ({ ...one, leansOn }));
}

function replies(character: Character, id: string, score: number, why: string): Continuation[] {
  return (character.replies.get(id) ?? []).map((line, i) => ({ line, kind: 'situation', id, score: score - i * 0.004, why }));
}

export function told(
  character: Character,
  moment: Moment,
  act: ActName,
  slots: Record<string, string>,
  score: number,
  why: string,
): Continuation[] {
  return suitedLines({ lines: linesWith(character, act, slots) }, moment).map((line, i) => ({
    line,
    kind: 'universal',
    id: null,
    score: score - i * 0.002,
    why,
  }));
}

/** Of the act, with their slots filled; those with a slot that is not known are left out. */
export function linesWith(character: Character, act: ActName, slots: Record<string, string>): Line[] {
  return (character.acts.get(act) ?? []).flatMap((line) => {
    const text = filled(line.text, slots);
    return text === null ? [] : [{ ...line, text }];
  });
}

/** The text with its slots filled; null where one is not known. */
export function filled(text: string, slots: Record<string, string | undefined>): string | null {
  let missing = false;
  const whole = text.replace(/\{(\w+)\}/g, (_, name: string) => {
    missing ||= slots[name] === undefined;
    return slots[name] ?? '';
  });
  return missing ? null : whole;
}
