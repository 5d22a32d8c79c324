// What a message speaks of: a thing, or somebody of the person's, in words that an answer can take up.
import nlp from 'compromise';
import type { Utterance } from '../contract.ts';
import { people } from './details.ts';
import { tokensOf } from './words.ts';

/** "just booked tickets, my bike is gone" → "your bike": what is the person's own first, then "the …", "a …", several. Null where nothing is plain. */
export function thingIn(text: string): string | null {
  const plain = text.slice(0, longest).replace(/[’`´]/g, "'");
  const found = (nlp(plain).nouns().json() as { noun: Noun }[]).flatMap(({ noun }) => mentionOf(noun, plain) ?? []);
  const [best] = found.sort((a, b) => a.rank - b.rank);
  return best && best.rank < aside ? best.words : null;
}

/** "my nan's not well" → "your nan"; "she had a fall", after it, too. Null where nobody is named, or several. */
export function whoIn(text: string, history: readonly Utterance[]): string | null {
  const own = whoseIn(text);
  if (own.length > 0) return own.length === 1 ? `your ${own[0]}` : null;
  if (!/^(\W*(and|but|so|now|then|well|oh|because|apparently) )?(he|she)('s|s|'d|'ll)?\b/i.test(text)) return null;
  const before = history.filter(({ role }) => role === 'user').at(-1)?.text;
  const [who, ...others] = before ? whoseIn(before) : [];
  return who && others.length === 0 ? `your ${who}` : null;
}

function whoseIn(text: string): string[] {
  const found = text.toLowerCase().matchAll(/\b(?:my|our) (\p{L}+)(?: (\p{L}+))?/gu);
  return [...new Set([...found].flatMap(([, first, second]) => [first, second].find((word) => word && isSomebody(word)) ?? []))].map(
    // "my wifes pregnant": few have two.
    (word) =>
      /^(wife|husband|boyfriend|girlfriend|partner|boss|(gran|grand)?(m[ou]m|mother|dad|father|ma|pa)|nan|gran)s$/.test(word)
        ? word.slice(0, -1)
        : word,
  );
}

/** As the person said it: "nan" stays, though the corpus knows her as a grandma. */
function isSomebody(word: string): boolean {
  const one = word.replace(/s$/, '');
  return word !== 'ex' && [word, one, ...tokensOf(one)].some((name) => people.has(name) || pets.has(name));
}

interface Noun {
  root: string;
  adjectives: string[];
  isPlural: boolean;
}

/** Only what stands in the message word for word, behind a word that says whose or which it is, or several of a kind. */
function mentionOf({ root, adjectives, isPlural }: Noun, text: string): { words: string; rank: number } | null {
  const words = [...adjectives, root]
    .join(' ')
    .replace(/[^\p{L}' -]/gu, '')
    .replace(/'s$/, '')
    .trim();
  const tokens = words.toLowerCase().split(' ');
  if (!/^\p{L}[\p{L} -]{2,31}$/u.test(words) || tokens.length > 3 || tokens.some((token) => vague.has(token) || isSomebody(token)))
    return null;
  const found = new RegExp(`(?:\\b(${asides}) )?(?:\\b(my|our|the|an?) )?\\b${words}\\b(?!-|'(?!s\\b))`, 'i').exec(text);
  if (!found) return null;
  const [, preposition, before = ''] = found;
  // What is only where, when or how something happened says little: "wasps in the loft" are wasps.
  const from = preposition ? aside : 0;
  if (/^(my|our)$/i.test(before)) return { words: `your ${words}`, rank: from };
  if (before) return { words: `${before.toLowerCase()} ${words}`, rank: from + (/^the$/i.test(before) ? 1 : 2) };
  return isPlural && words.length >= 4 && /^\W*(\w+ ){0,1}$/.test(text.slice(0, found.index)) ? { words, rank: from + 3 } : null;
}

/** From this rank on a mention is an aside. */
const aside = 4;

/** Before a place, a time, a manner; and before what somebody is: "i've been a cleaner". */
const asides =
  "in|on|at|from|into|onto|by|behind|outside|inside|under|over|near|around|round|through|between|without|like|past|across|along|before|after|during|than|as|listen for|is|was|are|were|be|been|im|hes|shes|its|[a-z]+[’']s|i[’']m";
const longest = 300;
const pets = new Set('dog puppy cat kitten rabbit hamster parrot budgie horse pony tortoise'.split(' '));
/** Says too little to be taken up, or is a time. */
const vague = new Set(
  'thing things stuff time times day days today tonight tomorrow yesterday week weeks weekend year years month months morning afternoon evening night nights bit bits lot lots load loads ton tons something anything nothing someone anyone everyone everybody nobody one ones way ways home here there place places end ends kind sort type people person guy guys man men woman women lady kid lads reason idea point part parts half rest top bottom side front back middle edge round rn lol omg god hell heck life world fact case use sense mind face head heads heart body hand hands moment minute minutes hour hours second seconds couple pair while ages age name question answer somebody none lately me you i we he she it they them him her us mess total amount own same fool subject shes hes whats thats its theres theyre whos joke myself yourself himself herself stomach chest throat neck back legs leg arm arms eyes teeth outside inside indoors outdoors upstairs downstairs town village street number size level chance matter issue problem situation monday tuesday wednesday thursday friday saturday sunday shit fuck ass bitch crap dick cock pussy sex'.split(
    ' ',
  ),
);
