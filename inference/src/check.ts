// The check every language model's text passes before it is a candidate.
import type { Utterance } from './contract.ts';
import { foreign } from './english.ts';
import { unwrap } from './wrapping.ts';

export interface CheckContext {
  /** The character's names; a leading `Name:` of theirs is taken off. */
  names: readonly string[];
  /** Names nobody but the character may not speak as: the other characters'. */
  others: readonly string[];
  /** What the model was told about itself; none of its sentences may come back. */
  prompt: string;
  history: readonly Utterance[];
  /** The message that is answered. */
  text: string;
  grave: boolean;
  /** Whether a text sounds like another character rather than like this one; absent where nobody can tell. */
  strays?(text: string): boolean;
}

export type Checked = { text: string } | { refused: Refusal };
export type Refusal =
  | 'empty'
  | 'too-long'
  | 'prompt-leaked'
  | 'other-speaker'
  | 'markup'
  | 'repeats-history'
  | 'repeats-itself'
  | 'mentions'
  | 'out-of-character'
  | 'other-language'
  | 'light';

export const maxReplyLength = 1200;

/** The text without its wrapping, or why it may not be said. */
export function check(raw: string, context: CheckContext): Checked {
  const text = unwrap(raw, context.names);
  const refused = rules.find(([, breaks]) => breaks(text, context));
  return refused ? { refused: refused[0] } : { text };
}

const rules: [Refusal, (text: string, context: CheckContext) => boolean][] = [
  ['empty', (text) => !/[\p{L}\p{N}]/u.test(text)],
  ['too-long', (text) => text.length > maxReplyLength],
  [
    'markup',
    (text) =>
      /<\|[^>]*\|?>|<\/?s>|\[\/?INST\]|<start_of_turn>|<\/?(think|system|assistant|user)>|^#{2,}\s*(instruction|response|system)/im.test(
        text,
      ) ||
      // Emphasis has been taken off; what is left is a list, a heading, code, a table, a link or a mark without its fellow.
      /^\s*(?:#{1,6}\s|[-*•]\s|\d+[.)]\s\S.*\n\s*\d+[.)]\s|\|.*\|\s*$)|`|\]\(\w|\*(?=\p{L})|(?<=[\p{L}.!?])\*/mu.test(text),
  ],
  ['mentions', (text) => /@(everyone|here|channel)\b|<!(everyone|here|channel|subteam)|<@[&!]?\w+>/i.test(text)],
  ['other-speaker', speaksForOthers],
  [
    'prompt-leaked',
    (text, { prompt }) =>
      sharesPhrase(text, prompt, 10) ||
      sharesSentence(text, prompt) ||
      /\b(my|the) (system )?(prompt|instructions) (is|are|says?|tells?)\b/i.test(text) ||
      /\bthe last message (sounds like|is matter-of-fact)|\bsaid in moments like this|\btake the voice, not the words/i.test(text),
  ],
  [
    'out-of-character',
    (text, { strays }) =>
      /\bas an? (ai|artificial intelligence|language model)\b|\bi(?:'m| am) (?:just )?an? (?:ai )?language model\b/i.test(text) ||
      strays?.(text) === true,
  ],
  ['other-language', (text, { text: message }) => foreign(text) && !foreign(message)],
  ['repeats-history', repeatsHistory],
  ['repeats-itself', repeatsItself],
  ['light', (text, { grave }) => grave && /\b(l+o+l+|lmao|rofl|(ha){2,}|(he){2,}|just kidding|jk)\b|[😀-😆😂🤣😹😜😝🎉🥳]/iu.test(text)],
];

function speaksForOthers(text: string, { others }: CheckContext): boolean {
  const speakers = ['user', 'human', 'assistant', 'system', 'bot', 'you', 'me', ...others];
  return (
    new RegExp(`(^|\\n|["”] )\\s*[*_]*(${speakers.map(escaped).join('|')})[*_]*\\s*:`, 'i').test(text) ||
    (others.length > 0 &&
      new RegExp(`\\b(?:I am|I['’]m|[Mm]y name is|[Cc]all me) (?:${others.map(escaped).join('|')})\\b(?!['’]s)`).test(text))
  );
}

/** Whether as many words in a row stand in both. */
function sharesPhrase(text: string, source: string, length: number): boolean {
  const words = wordsOf(text);
  const within = ` ${wordsOf(source).join(' ')} `;
  for (let i = 0; i + length <= words.length; i++) if (within.includes(` ${words.slice(i, i + length).join(' ')} `)) return true;
  return false;
}

/** Whether a sentence of four words or more stands in both: what streams is seen one sentence at a time. */
function sharesSentence(text: string, source: string): boolean {
  const told = new Set(sentencesOf(source));
  return sentencesOf(text).some((sentence) => told.has(sentence));
}

function repeatsHistory(text: string, { history, text: message }: CheckContext): boolean {
  const plain = wordsOf(text).join(' ');
  const said = [...history.map((utterance) => utterance.text), message].map((t) => wordsOf(t).join(' '));
  return said.some((earlier) => earlier === plain || (earlier.split(' ').length >= 6 && plain.includes(earlier)));
}

/** A sentence of four words or more that comes back. */
function repeatsItself(text: string): boolean {
  const long = sentencesOf(text);
  return new Set(long).size < long.length;
}

/** Those of four words or more, in plain words. */
function sentencesOf(text: string): string[] {
  const sentences = text.split(/[.!?…\n]+/).map((sentence) => wordsOf(sentence).join(' '));
  return sentences.filter((sentence) => sentence.split(' ').length >= 4);
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
