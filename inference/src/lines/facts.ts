// What the person has said about themselves in this talk, by plain rules: what is not said is not known.
import type { Utterance } from '../contract.ts';
import { asksName, capitalised, detailOf, nameIn, timePhrase } from './details.ts';

export interface Facts {
  /** The person's own name. */
  name: string | null;
  /** Somebody or some animal of theirs that has a name; `of` is what it is ("dog"), where that was said. */
  named: { name: string; of: string | null } | null;
  /** A word by itself that may have been such a name. */
  perhaps: string | null;
  /** What is when, newest last: "exam", "Friday". */
  times: { event: string; when: string }[];
  /** The last day or time that was said, of whatever it is. */
  day: string | null;
  /** Who is how old: "jonah", "three". */
  ages: { who: string; age: string }[];
  /** Where the person goes, moves to or is. */
  place: string | null;
  /** What the person does for a living: "a nurse". */
  job: string | null;
}

/** From the talk so far, oldest first. */
export function factsIn(history: readonly Utterance[]): Facts {
  const facts: Facts = { name: null, named: null, perhaps: null, times: [], day: null, ages: [], place: null, job: null };
  let of: string | null = null;
  let event: string | null = null;
  let asked = '';
  for (const { role, text } of history) {
    if (role === 'character') {
      asked = text;
      continue;
    }
    facts.name = ownName(text) ?? facts.name;
    of = (kin.exec(text)?.[1] ?? of)?.toLowerCase() ?? null;
    const answer = asksName.test(asked) ? detailOf(text, asked, () => true) : null;
    const given = nameIn(text) ?? calling.exec(text)?.[1] ?? myOwn.exec(text)?.[1] ?? (answer?.kind === 'name' ? answer.it : null);
    if (given) facts.named = { name: capitalised(given), of };
    // "My dog died" and then one word: asked for a name, that is what it was.
    const word = of && !facts.named ? detailOf(text, asked, () => true) : null;
    if (word?.kind === 'what' && /^\p{L}+$/u.test(word.it)) facts.perhaps ??= word.it;
    event = events.exec(text)?.[1]?.toLowerCase() ?? event;
    const time = times.exec(text)?.[0];
    facts.day = time && !/^(tonight|today|now)$/i.test(time) ? dayOf(time) : facts.day;
    if (event && time) facts.times = [...facts.times.filter((known) => known.event !== event), { event, when: dayOf(time) }];
    for (const [, who, age] of text.matchAll(aged)) if (who && age) facts.ages.push({ who: who.toLowerCase(), age });
    facts.place = placeIn(text) ?? headed(text, event, asked) ?? facts.place;
    facts.job = jobs.exec(text)?.[1]?.toLowerCase() ?? facts.job;
    asked = '';
  }
  return facts;
}

export type Recall =
  | { of: 'name'; fact: string | null }
  | { of: 'named'; fact: string | null }
  | { of: 'time'; fact: Facts['times'][number] | null }
  | { of: 'place'; fact: string | null }
  | { of: 'that'; fact: string | null };

/** What the message asks to be reminded of; null where it asks nothing of the kind. */
export function recallOf(text: string, facts: Facts): Recall | null {
  if (/\b(what'?s|what is|what was|remember|know|recall|say|forg[eo]t\w*) my name\b/i.test(text)) return { of: 'name', fact: facts.name };
  const whose =
    /\b(?:what'?s|what is|what was|remember|know|recall) (?:my|his|her|its|their|the) ?(\w+?)?(?:'?s)? name\b/i.exec(text) ??
    /\bwhat (?:was|is) (?:my|our) (\w+) called\b/i.exec(text);
  if (whose)
    return {
      of: 'named',
      fact: !whose[1] || !facts.named?.of || whose[1] === facts.named.of ? (facts.named?.name ?? facts.perhaps) : null,
    };
  const asked = events.exec(text)?.[1]?.toLowerCase();
  if (asked && /\b(when|what day|which day|what time)\b/i.test(text) && /\b(my|the|is|was)\b/i.test(text))
    return { of: 'time', fact: facts.times.find(({ event }) => event === asked) ?? null };
  if (/\b(which|what) (island|city|country|town|place|beach) (did i say|was it|am i|are we)\b/i.test(text))
    return { of: 'place', fact: facts.place };
  if (/\bwhere (am|was|are|were) (i|we) (going|moving|flying|off to|headed)\b/i.test(text)) return { of: 'place', fact: facts.place };
  if (/\bwhat (do )?i do for (work|a living)\b|\bwhat('?s| is)? my job( is)?\b|\bwhat (do )?i work as\b/i.test(text))
    return { of: 'that', fact: facts.job && capitalised(facts.job) };
  const old = /\bhow old (?:is|was|did i say|are) (?:my )?(\p{L}+)/iu.exec(text)?.[1]?.toLowerCase();
  const age = old && facts.ages.findLast(({ who }) => who === old)?.age;
  if (age) return { of: 'that', fact: capitalised(age) };
  if (/\bwhere (am|was) i\b/i.test(text)) return { of: 'that', fact: facts.place };
  if (
    /\b(what|which) (day|date|time) (was|is) (it|that)\b.*\b(again|say|said|told|tell)\b|\b(what|which) (day|date|time)\b.*\bdid i (say|tell|mention)\b|\bwhen did i say\b/i.test(
      text,
    )
  )
    return { of: 'that', fact: facts.times.at(-1)?.when ?? facts.day };
  if (
    /\bwhat (are we|were we|am i|we'?re|we are|i'?m) (calling|naming)\b|\bwho('?s| is| was)? (i'?m|am i|was i|i was|are we|we'?re) (\w+ )?with\b/i.test(
      text,
    )
  )
    return { of: 'named', fact: facts.named?.name ?? null };
  return null;
}

export function ownName(text: string): string | null {
  const found =
    /\bmy name(?:'s| is)\s+(\p{L}[\p{L}'-]{1,20})/iu.exec(text) ??
    /\b(?:call me|i'?m called|i am called|i go by)\s+(\p{L}[\p{L}'-]{1,20})/iu.exec(text) ??
    /\b(?:i'?m|i am|this is)\s+(\p{Lu}\p{Ll}{2,15})(?=[,.!]|$| (?:and|by the way|btw))/u.exec(text) ??
    /\b(?:i'?m|i am)\s+(\p{L}{3,15})(?= (?:by the way|btw))/iu.exec(text) ??
    /^(?:hi|hey|hello|hiya|yo)(?: there| all| everyone)?[,!. ]+i'?m\s+(\p{L}{3,15})[.!]?$/iu.exec(text);
  return found?.[1] &&
    !/^(a|an|the|not|so|just|later|back|when|if|maybe|crazy|new|here|home|tired|bored|sad|lonely|happy|sick|ill|fine|good|okay|done|ready|awake|lost|stuck|late|early|hungry|angry|scared|nervous|free|alone|\p{L}+(ing|ed))$/iu.test(
      found[1],
    )
    ? capitalised(found[1])
    : null;
}

const kinds =
  'dog|puppy|cat|kitten|rabbit|hamster|parrot|bird|horse|fish|brother|sister|son|daughter|baby|wife|husband|boyfriend|girlfriend|partner|friend|boss|mom|mum|dad|grandma|grandpa|teacher|roommate|neighbou?r|cousin|uncle|aunt|niece|nephew';
const kin = new RegExp(`\\b(${kinds})\\b`, 'i');
/** "my dog Biscuit": the name with a capital, or it is any next word. */
const myOwn = new RegExp(`\\bmy (?:\\w+ )?(?:${kinds}),? (?!Was|Is|Has|And|Died|I )(\\p{Lu}\\p{Ll}+)`, 'u');
/** "We're calling her Biscuit". */
const calling = /\b(?:calling|call|naming|named|name) (?:him|her|it|them) (\p{Lu}\p{Ll}+)/u;
/** "Alfie's six and jonah's three", "my son is 6". */
const aged =
  /(\p{L}+)(?:'s| is)(?: turning)? (\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?= and\b|[,.!]|$| years| months| now)/giu;
const events =
  /\b(exam|test|quiz|interview|appointment|flight|train|wedding|party|presentation|surgery|operation|date|meeting|birthday|trip|deadline|game|match|concert|dentist|move|recital|holiday|vacation|due date|first day)\b/i;
const times = new RegExp(`\\b${timePhrase}\\b`, 'i');
const places =
  /\b(?:(?:going|flying|moving|moved|move|trip|travell?ing|driving|off|tickets?|flights?)(?: from \p{L}+)? to|(?:days|week|weeks|weekend|month|holiday|honeymoon) in) (?:the )?(?!(?:be|do|get|go|see|have|make|my|work|bed|sleep|a|an|his|her|their|try|school)\b)(\p{L}+(?: \p{Lu}\p{L}+)?)|\b(?:hello|hi|hey|greetings|i'?m|i live) (?:from|in) (\p{Lu}\p{L}+)/u;

const jobs =
  /\b(?:i'?m|i am|i work as|i worked as) (an? (?:\w+ )?(?:nurse|teacher|student|chef|cook|doctor|driver|lawyer|waiter|waitress|barista|engineer|developer|programmer|designer|writer|artist|musician|accountant|manager|cleaner|carer|plumber|electrician|mechanic|farmer|builder|carpenter|baker|librarian|scientist|researcher|paramedic|pharmacist|dentist|vet|pilot|soldier|police officer|firefighter|journalist|photographer|hairdresser|receptionist|cashier|translator|therapist|gardener|firefighter|social worker|clerk))\b/i;

function placeIn(text: string): string | null {
  const found = places.exec(text);
  const place = found?.[1] ?? found?.[2];
  return place ? capitalised(place) : null;
}

/** "To lisbon", where a journey is spoken of. */
function headed(text: string, event: string | null, asked: string): string | null {
  const to = /^to (?:the )?(\p{L}+(?: \p{L}+)?)[.!]?$/iu.exec(text.trim())?.[1];
  const travels = journeys.has(event ?? '') || /\bwhere\b/i.test(asked);
  return to && travels && !/^(be|do|get|go|see|have|make|my|work|bed|sleep)\b/i.test(to) ? to.split(' ').map(capitalised).join(' ') : null;
}

const journeys = new Set(['flight', 'train', 'trip', 'holiday', 'vacation', 'move']);

/** "on friday" → "Friday". */
function dayOf(time: string): string {
  return capitalised(time.replace(/^(on|at) /i, (word) => (/at/i.test(word) ? word : '')));
}
