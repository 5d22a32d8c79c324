// What a line asks for that the person has just said: "Where to?" after "booked tickets to lisbon".
import { asksName, durationPhrase, nameIn, people, timePhrase } from './details.ts';
import { stemsOf, tokensOf } from './words.ts';

/** Whether a question of the line has its answer in the message. */
export function asksWhatWasSaid(line: string, message: string): boolean {
  const asked = asksOf(line);
  return asked.length > 0 && asked.some((which) => isSaidIn(message, which));
}

/** Which of the answers a line asks for: the same few thousand lines are looked at turn after turn. */
function asksOf(line: string): number[] {
  let asked = asks.get(line);
  if (!asked) {
    const questions = questionsIn(line);
    asked = answers.flatMap(({ asks }, i) => (questions.some((question) => asks.test(question)) ? [i] : []));
    // Lines with somebody's words in them are never the same again.
    if (asks.size < mostLines) asks.set(line, asked);
  }
  return asked;
}

const asks = new Map<string, number[]>();
const mostLines = 40_000;

/** A message is asked about for all lines in a row. */
function isSaidIn(message: string, which: number): boolean {
  if (latest.message !== message) latest = { message, said: [] };
  const known = latest.said[which] ?? answers[which]?.isSaid(message) ?? false;
  latest.said[which] = known;
  return known;
}

let latest: { message: string; said: boolean[] } = { message: '', said: [] };

/** Some ask without a question mark: a sentence that begins like a question is one. */
function questionsIn(line: string): string[] {
  const sentences = line.match(/[^.!?…]+[.!?…]*/g) ?? [];
  return sentences.map((sentence) => sentence.trim()).filter((sentence) => /\?$/.test(sentence) || begins.test(sentence));
}

const begins = /^(and |so |but )?(what|who|which|how|where|when|since when)\b/i;

const answers: { asks: RegExp; isSaid: (message: string) => boolean }[] = [
  { asks: /\bwhere\b/i, isSaid: (message) => place.test(message) },
  { asks: /\b(when(?! you|ever)\b|what (day|date|time)\b|how soon\b)/i, isSaid: (message) => time.test(message) },
  {
    asks: /\b(how long|since when|how many (days|weeks|months|years)|been (going on )?long)\b/i,
    isSaid: (message) => lasting.test(message),
  },
  { asks: /\bhow old\b/i, isSaid: (message) => /\b\d{1,3}\b|\b(year|month|week)s? old\b/i.test(message) },
  { asks: asksName, isSaid: (message) => nameIn(message) !== null },
  {
    asks: /\bwho (is|was|did|has|are|were|said|else|comes|do you)\b|\bwhom\b|\bwho\?/i,
    isSaid: (message) => tokensOf(message).some((token) => people.has(token)),
  },
];

const place =
  /\b(?:to|in|from|near|around) (?:the )?(?!(?:I|I'm|My|God)\b)\p{Lu}\p{L}{2,}|\b(?:tickets?|trips?|flights?|flying|fly|holidays?|move|moving|moved|off|going|driving|weekend|week|days|booked) (?:to|in) (?!(?:the (?:end|meantime)|a|an|be|do|get|see|have|make|my|work|bed|sleep|me|you|it|go|him|her|them|this|that)\b)\p{L}{3,}|\bat (?:home|work|school|uni|the (?:office|station|airport|hospital))\b/u;
const time = new RegExp(`\\b${timePhrase}\\b`, 'i');
const lasting = new RegExp(
  `\\b(?:${durationPhrase}|since|all (?:day|week|night|morning|evening|year)|for (?:ages|years|weeks|months))\\b`,
  'i',
);

/** Whether the message tells more than how one feels. */
export function tellsSomething(message: string): boolean {
  return stemsOf(tokensOf(message).filter((token) => !bare.has(token))).length >= 2;
}

/** Words of a message that names a feeling and no more. */
const bare = new Set(
  'feel feeling feels felt sad sadness low down blue upset hurt hurting empty numb lost alone lonely awful terrible horrible bad worse worst rubbish crap shit rough hard tough heavy miserable depressed hopeless happy glad good great better best amazing wonderful fantastic lovely nice excited thrilled proud angry mad furious annoyed pissed cross irritated frustrated fed sick tired nervous anxious anxiety worried scared afraid stressed panicky overwhelmed ashamed embarrassed guilty sorry relieved grateful thankful love loving hate confused disappointed day days week weeks month lately always never ever still again time times moment morning evening night tonight life everything nothing anything something someone everyone anyone whole little lot bit much more most such ugh argh wow yay god man know understand why reason inside mood today world right cry crying sigh please no not cant couldnt didnt doesnt isnt wasnt wont dont aint yes oh well kind sort way thing things'.split(
    ' ',
  ),
);
