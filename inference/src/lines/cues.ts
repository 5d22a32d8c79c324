// What the words alone tell about a message, without a model: its form, and what no model needs to read.
import { tokensOf } from './words.ts';

export interface Cues {
  tokens: string[];
  /** Something is denied: "didn't", "never", "no one". */
  negated: boolean;
  question: boolean;
  /** "Can you …": wants something done. */
  request: boolean;
  exclaims: boolean;
  /** Speaks of or to the one who answers: "you", "your". */
  you: boolean;
  /** Speaks of oneself. */
  me: boolean;
  /** "I'll text her after dinner", "gonna start with the evening one": the first person's next step. */
  plan: boolean;
  /** "Anyway, gonna make some food, talk later", "i should go and put the kettle on". */
  leaving: boolean;
  /** "Another one, about the ocean", "make it shorter", which no question mark ends. */
  order: boolean;
  /** "She's not really into films", "oh wait, there's a market": where something was suggested, not that. */
  otherwise: boolean;
  form: Form;
}

/** `words` is a message like most; the others are answered by their form alone. */
export type Form = 'words' | 'instructions' | 'code' | 'link' | 'emoji' | 'dots' | 'marks' | 'mash';

/** `known` says whether a word occurs in the corpus. */
export function cuesOf(text: string, known: (token: string) => boolean): Cues {
  const tokens = tokensOf(text);
  const plain = tokens.join(' ');
  const has = (words: ReadonlySet<string>) => tokens.some((token) => words.has(token));
  // "Does pineapple go on pizza or not", "yes or no" deny nothing.
  const negated = tokens.some((token, i) => negations.has(token) && !(tokens[i - 1] === 'or' && (token === 'not' || token === 'no')));
  return {
    tokens,
    negated,
    question: isAsked(text, tokens),
    request: /^(please )?(can|could|will|would) (you|u)\b/.test(tokens.slice(0, 3).join(' ')),
    exclaims: /!/.test(text),
    you: has(yous),
    me: has(mes),
    plan: plans.test(plain),
    leaving: leaves.test(plain),
    order: orders.test(plain),
    otherwise: negated || has(otherwise),
    form: formOf(text, tokens, known),
  };
}

/** "Anyone know a good vet? asking for a friend", "camp on friday, which book": what is asked stands at an end, with a question mark or without. */
export function isAsked(text: string, tokens: readonly string[] = tokensOf(text)): boolean {
  if (/\?["')\]]*(\s|$)/.test(text)) return true;
  const last = text.split(/[,;:.!…]+\s/).at(-1) as string;
  if (/\b(or not|yes or no)\W*$/i.test(text)) return true;
  return [tokens, tokensOf(last)].some((clause) => asks.test(clause.slice(0, 3).join(' ')));
}

function formOf(text: string, tokens: readonly string[], known: (token: string) => boolean): Form {
  const trimmed = text.trim().slice(0, 4000);
  if (takeover.test(trimmed)) return 'instructions';
  if (isCode(trimmed)) return 'code';
  if (/^<?https?:\/\/\S+>?$/i.test(trimmed)) return 'link';
  if (tokens.length === 0) {
    if (/\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(trimmed) || emoticon.test(trimmed)) return 'emoji';
    return /^[.…\s]+$/.test(trimmed) ? 'dots' : 'marks';
  }
  return isMash(trimmed, tokens, known) ? 'mash' : 'words';
}

/** Somebody tries to talk the character out of its part, or its instructions out of it. */
const takeover = new RegExp(
  [
    '\\b(ignore|disregard|forget|override|bypass|drop)\\b[^.?!]{0,30}\\b(your|previous|prior|earlier|all|above|these|those|any|system)\\b[^.?!]{0,25}\\b(instructions?|prompts?|rules|guidelines|training|programming)\\b',
    '\\b(ignore|disregard|forget)\\b (everything|all)( \\w+)? (above|before)\\b',
    "\\b(print|reveal|show|repeat|output|display|leak|give|tell|what|whats|what's)\\b[^.?!]{0,30}\\b(system prompt|initial prompt|hidden prompt|your (prompt|instructions|system message))\\b",
    '\\bdeveloper mode\\b|\\bjailbreak|\\byou are (now )?DAN\\b',
  ].join('|'),
  'i',
);

function isCode(text: string): boolean {
  if (
    /```|^\s*(#include|import \w+ from|from \w+ import|def \w+\(|function \w*\(|public (static )?(class|void)|<\?php|<!doctype|<html)/im.test(
      text,
    )
  )
    return true;
  if (/\b(select\b.+\bfrom|insert into|create table|update\b.+\bset)\b/i.test(text) && /[;*=]/.test(text)) return true;
  const marks = text.match(/[{}[\]();=<>]|=>|&&|\|\|/g)?.length ?? 0;
  const hard = text.match(/[{};=]/g)?.length ?? 0;
  return marks >= 5 && hard >= 2 && marks / text.length > 0.06 && /[({[].*[)}\]]/s.test(text);
}

const emoticon =
  /^[\s]*([:;=8xX]['’]?[-^o]?[()[\]DPpOo/\\|3*<>]+|<\/?3+|[()]+[-^]?['’]?[:;=]|\^_*\^|[xX]D+|T_T|-_-|;_;|>:\(|[oO]_[oO])+[\s]*$/;

// Tokens have no slang (words.ts).
const plans =
  /\b(ill|i will|we will|i shall|im (about|off)|i am (about|off)|lets|let me|((im|i am|we are|ok(ay)?|alright|and|so|just|anyway|now) |^)going (?!on\b|through\b|well\b)|(maybe|guess|think|suppose) i(ll| will| should| might)|i might|decided|on it$|on it\b(?= im)|the plan is)/;
const otherwise = new Set(
  'but though already instead rather wait actually except allergic hate hates tried however forgot only'.split(' '),
);
const leaves =
  /\b(got to|got|have to|need to|should|im going|going to|better|must|time to|let me|off to|ill|i will|heading) (\w+ )?(go|run|head|leave|bed|sleep|dash|off)\b|\b(talk|speak|chat) (to you )?(later|soon|tomorrow)\b|\bttyl\b|\bnice (talking|chatting|to (talk|chat))\b|\b(bye|good ?night|see (you|ya)|cya|later)$/;
const orders =
  /^((ok(ay)?|haha|lol|and|now|so|then|please|pls|great|nice|cool|thanks|hm+|well) )*(another|one more|make|write|tell|give|show|send|play|sing|draw|translate|remind|find|look|search|check|explain|list|describe|read|set|call|book|order|add|say|do|use|shorten|rewrite)\b(?! (for|up for) a living)/;

/** A hand on the keyboard: hardly any of its words is one. */
function isMash(text: string, tokens: readonly string[], known: (token: string) => boolean): boolean {
  if (/^(\p{L})\1{7,}\W*$/iu.test(text)) return true;
  if (tokens.every((token) => laughter.test(token))) return false;
  if (tokens.some((token) => /\d/.test(token) && token.length < 12)) return false;
  const letters = tokens.join('');
  if (letters.length >= 6 && new Set(letters).size <= 2 && !tokens.every(known)) return true;
  if (tokens.length > 4) return false;
  return tokens.every((token) => !known(token) && isUnspeakable(token));
}

const laughter = /^((ha|he|ah|eh|hi|ho|hu|mu|ka|ja|lo|ol|mh|hm|xo|ox|bo|na|la|aw|uh|oh|no|go)+[hlmowa]{0,2}|[hmo]+)$/;

function isUnspeakable(token: string): boolean {
  if (!/^[a-z]+$/.test(token) || token.length < 4) return false;
  const vowels = token.match(/[aeiouy]/g)?.length ?? 0;
  if (vowels / token.length < 0.2) return true;
  if (/[^aeiouy]{5,}/.test(token)) return true;
  return rows.some((row) => runsAlong(token, row) >= 4) || /^(.{2,4})\1{2,}/.test(token) || unlikely(token) >= 2;
}

/** The longest stretch of neighbouring keys. */
function runsAlong(token: string, row: string): number {
  let best = 1;
  let run = 1;
  for (let i = 1; i < token.length; i++) {
    const [a, b] = [row.indexOf(token[i - 1] as string), row.indexOf(token[i] as string)];
    run = a >= 0 && b >= 0 && Math.abs(a - b) === 1 ? run + 1 : 1;
    best = Math.max(best, run);
  }
  return best;
}

/** Pairs of letters that English hardly knows. */
function unlikely(token: string): number {
  return (
    token.match(/(?=([jqxz][bcdfghjklmnpqrstvwxz]|[bcdfghklmnpqrstvw][jqx]|[dfgk][hkjs]k|sd|dk|kd|jd|fj|hj|jh|kj|jk|lk[js]|df|gf|fg))/g)
      ?.length ?? 0
  );
}

const rows = ['qwertyuiop', 'asdfghjkl', 'zxcvbnm'];
const negations = new Set(
  'no not nope never none nobody nothing nowhere neither nor cant cannot dont didnt doesnt isnt wasnt werent arent wont wouldnt couldnt shouldnt havent hasnt hadnt aint without hardly barely'.split(
    ' ',
  ),
);
const yous = new Set('you your yours youre youve youll youd yourself'.split(' '));
const mes = new Set('i im ive id ill me my mine myself we us our were weve'.split(' '));
/** "When we stopped it was quiet" and "have to give a speech" ask nothing. */
const asks = new RegExp(
  [
    '^(who|whos|what|whats|whens|wheres|why|whys|how|hows|which|whose|any)\\b(?! (a|an|nice|lovely|great|knew)\\b)',
    '^any(one|body) (here )?(know|knows|got|else|have|has|tried|seen|heard|up)\\b',
    '^(when|where) (is|are|was|were|do|does|did|can|could|should|would|will|have|has|am)\\b',
    '^(is|are|am|do|does|did|can|could|should|would|will|shall|have|has|may) (i|you|we|they|he|she|it|this|that|these|those|there|the|a|an|my|your|our|any\\w*|some\\w*|people|every\\w*)\\b',
  ].join('|'),
);
