// A few words that are no sentence: a name, a time, a place, somebody, a thing. After a question they are its answer.
import { tokensOf } from './words.ts';

export type DetailKind = 'name' | 'when' | 'how-long' | 'where' | 'who' | 'what';

export interface Detail {
  kind: DetailKind;
  /** The words themselves, fit to begin a sentence with. */
  it: string;
}

/** Null for anything with a verb, a question, or more than six words. `asked` is what the character said last, '' at the beginning. */
export function detailOf(text: string, asked: string, known: (token: string) => boolean): Detail | null {
  const said = text.trim().replace(/[.!,…]+$/u, '');
  const tokens = tokensOf(said);
  if (tokens.length === 0 || tokens.length > 6 || said.length > 40 || /[?@<>/\\{}\n:*_`]/.test(said)) return null;
  const named = nameIn(said);
  if (named) return { kind: 'name', it: named };
  const it = (said[0] as string).toUpperCase() + said.slice(1);
  const plain = tokens.join(' ');
  if (howLong.test(plain)) return { kind: 'how-long', it };
  if (when.test(plain)) return { kind: 'when', it };
  if (tokens.some((token) => sentence.has(token))) return null;
  if (/^(at|in|near|from|to|by|outside|behind|around|with|for|about|on|of|like) /.test(plain))
    return /^(at|in|near|outside|behind) /.test(plain) && !tokens.some((token) => people.has(token)) ? { kind: 'where', it } : null;
  if (tokens.length > 3 || tokens.some((token) => /.(ing|ed)$/.test(token))) return null;
  if (asksName.test(asked) && tokens.length <= 2 && !tokens.some((token) => people.has(token))) return { kind: 'name', it };
  if (tokens.some((token) => people.has(token))) return { kind: 'who', it };
  if (tokens.length === 1 && /^\p{Lu}\p{Ll}+$/u.test(said) && !known(tokens[0] as string)) return { kind: 'name', it };
  return { kind: 'what', it };
}

/** "His name was Biscuit", "she's called Anna". */
export function nameIn(text: string): string | null {
  const found =
    /\b(?:his|her|its|their|the)\s+name(?:'s| is| was)\s+(\p{L}[\p{L}'-]{1,20})/iu.exec(text) ??
    /\b(?:he|she|it|they)(?:'s| is| was|'re| are| were)\s+(?:called|named)\s+(\p{L}[\p{L}'-]{1,20})/iu.exec(text) ??
    /\b(?:called|named)\s+(\p{Lu}[\p{L}'-]{1,20})/u.exec(text);
  return found?.[1] ? capitalised(found[1]) : null;
}

export function capitalised(text: string): string {
  return (text[0] as string).toUpperCase() + text.slice(1);
}

export const asksName = /\b(what|whats|what's|and|may i ask)\b[^.!?]*\b(name|called|named)\b[^.!?]*[?.]|\bname,? please\b/i;

const day = '(mon|tues|wednes|thurs|fri|satur|sun)day';
const month = '(january|february|march|april|may|june|july|august|september|october|november|december)';
const unit = '(second|minute|min|hour|day|night|week|weekend|month|year|decade)s?';
const amount =
  '(\\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|a few|few|a couple( of)?|many|almost \\w+|about \\w+)';
export const timePhrase = `(?:(?:(?:on |this |next |last |every )?${day}(?: (?:morning|afternoon|evening|night))?|(?:the )?day after tomorrow|(?:today|tomorrow|tonight|yesterday)(?: (?:morning|afternoon|evening|night))?|(?:this|next|last) (?:morning|afternoon|evening|night|week|weekend|month|year|spring|summer|autumn|fall|winter)|in ${amount} ${unit}|in ${month}|(?:on )?the \\d{1,2}(?:st|nd|rd|th)|at \\d{1,2}(?: ?[ap]m)?|at noon|at midnight)(?: at \\d{1,2}(?::\\d\\d)?(?: ?[ap]m)?)?)`;
/** "three weeks", "a couple of days". */
export const durationPhrase = `${amount} ${unit}`;
const when = new RegExp(
  `^(${timePhrase}|${month}|${amount} ${unit} ago|(early|late|the) .*${unit}|soon|noon|midnight|\\d{1,2} ?[ap]m|christmas|new year)( .*${day}| at \\d+.*| morning| evening)?$`,
);
const howLong = new RegExp(
  `^(for |over |only |just |like )*${durationPhrase}( (together|now|already|long|so far|or so|old))*$|^since .+|^(all|the whole) (${unit}|my life)$|^(ages|forever|too long|a while|not long)$`,
);

export const people: ReadonlySet<string> = new Set(
  'mom mum mother dad father parents brother sister sibling son daughter kid kids child wife husband boyfriend girlfriend partner ex fiance fiancee friend friends bestie boss manager coworker coworkers colleague colleagues teacher neighbour neighbor roommate flatmate housemate landlord aunt uncle cousin grandma grandpa grandmother grandfather gran nan niece nephew team everyone everybody nobody family'.split(
    ' ',
  ),
);

/** Words that make a sentence, or answer by themselves. */
const sentence = new Set(
  'i im ive id ill me you u ur your youre we were weve it its thats this that he hes she shes they theyre is are was am be been do does did dont didnt doesnt have has had havent hasnt can cant could will wont would should got get getting go going went want wanna need feel feels felt think know said says told made make let lets keep stop help tell say show give please thanks thank thx ty yes yeah yep yup ya no nope nah ok okay k kk sure maybe idk hmm hm oh wow cool nice great good bad fine lol lmao haha hi hello hey bye sorry what why how who when where which wait really right true same exactly never always nothing something anything everything ow ouch ugh argh yay aw phew just first last not came took found gave left hurt hurts though anyway still back tired sad happy angry bored lonely scared nervous excited hungry sick stressed mad hate love miss another more again continue'.split(
    ' ',
  ),
);
