// Which of a situation's replies: by the length of the message, the tone of the moment, and what the message has told already.
import type { Line, Situation } from '../corpus.ts';
import { asksWhatWasSaid } from './asked.ts';
import { isQuestion, type Moment, suits } from './moment.ts';
import { stemsOf, tokensOf } from './words.ts';

export interface Suited {
  line: Line;
  /** Higher is better; below `unfit` it is not to be said. */
  fit: number;
  why: string;
}

/** Best first; those that would hurt are left out. */
export function suitedReplies(lines: readonly Line[], situation: Situation, moment: Moment): Suited[] {
  const told = isTold(situation, moment);
  return lines
    .map((line): Suited => {
      const face = suits(line.expression, moment.tone, moment.grave);
      const length = -0.35 * Math.abs(wish(moment) - Math.log(wordsIn(line.text)));
      const asks = isQuestion(line.text);
      const again = asks && moment.asked >= 2 ? -0.2 : 0;
      const needless = asksWhatWasSaid(line.text, moment.heard.text)
        ? -0.7
        : told && /\b(who|what) (is|was|are|were) (it|that|he|she|they)\b[^.!?]*\?/i.test(line.text)
          ? -0.5
          : told && asks && /\b(what|who|which|where|when)\b[^.?!]*\?["')\]]*\s*$/i.test(line.text)
            ? -0.25
            : 0;
      const dry = moment.tone < -0.5 && line.expression === 'neutral' && wordsIn(line.text) < 8 ? -0.15 : 0;
      return {
        line,
        fit: face + length + again + needless + dry + 0.15 * moment.chance(line.id),
        why: `${line.expression}, ${wordsIn(line.text)} words`,
      };
    })
    .filter(({ line }) => suits(line.expression, moment.tone, moment.grave) > unfit)
    .sort((a, b) => b.fit - a.fit);
}

const unfit = -0.3;

/**
 * The length that answers it best, as a logarithm of words: a word or two get a middle reply, all else a full one. Of two replies of one situation
 * blind readers took the longer in 85 of 100 pairs, after messages of any length (docs/judged).
 */
function wish({ words, tone }: Moment): number {
  const wanted = words <= 2 ? 18 : words <= 6 ? 24 : words <= 14 ? 30 : 36;
  return Math.log(tone < -0.5 ? wanted + 4 : wanted);
}

function wordsIn(text: string): number {
  return text.split(/\s+/).length;
}

/** Much of the message goes beyond the situation: to ask what it was would be deaf. */
function isTold(situation: Situation, { heard }: Moment): boolean {
  const common = stemsIn(situation);
  return stemsOf(heard.cues.tokens).filter((stem) => !common.has(stem)).length >= 3;
}

function stemsIn(situation: Situation): ReadonlySet<string> {
  const known = stems.get(situation);
  if (known) return known;
  const found = new Set([situation.description, ...situation.examples].flatMap((text) => stemsOf(tokensOf(text))));
  stems.set(situation, found);
  return found;
}

const stems = new WeakMap<Situation, ReadonlySet<string>>();
