// Where no situation is sure: a line that takes up the thing or the person that the message speaks of.
import type { Character } from '../corpus.ts';
import type { ActName } from './acts.ts';
import { tellsSomething } from './asked.ts';
import { linesWith } from './continue.ts';
import { capitalised } from './details.ts';
import { groupOf } from './feelings.ts';
import { leaningOnLast } from './leaning.ts';
import { thingIn, whoIn } from './mentions.ts';
import type { Moment } from './moment.ts';
import { type Offer, plainFeeling } from './universal.ts';

/**
 * Who is hurt or glad for somebody hears that first. Where no feeling is plain nothing is taken up: readers found such a line passable at best, and wrong
 * one time in three. Nothing after a line that took something up already.
 */
export function echoes(character: Character, moment: Moment): Offer[] {
  const { cues, text } = moment.heard;
  const tone = toneOf(moment);
  if (!tone || moment.grave || !moment.harmless || cues.question || cues.form !== 'words' || !tellsSomething(text) || isEcho(moment))
    return [];
  const who = tone === 'cross' ? null : whoIn(text, moment.history);
  const it = who ?? thingIn(text);
  if (!it) return [];
  const act = `about-${who ? 'who' : 'thing'}-${tone}` as ActName;
  const slots: Record<string, string> = who ? { who: it } : { it: capitalised(it) };
  // "She had a fall": who that is was said before.
  const leansOn = who && !whoIn(text, []) ? leaningOnLast('user', moment.history) : undefined;
  return [{ lines: linesWith(character, act, slots), why: `takes up "${it}"`, leansOn, purpose: { of: 'act', act } }];
}

function toneOf(moment: Moment): 'bright' | 'low' | 'cross' | null {
  const feeling = plainFeeling(moment);
  const group = feeling && groupOf[feeling];
  if (group === 'cross') return 'cross';
  if (group === 'hurt' || group === 'afraid') return 'low';
  return group === 'glad' || group === 'warm' ? 'bright' : null;
}

/** Whether the last line began with words of the message before it. */
function isEcho({ last, history }: Moment): boolean {
  const before = history.findLast(({ role }) => role === 'user')?.text.toLowerCase() ?? '';
  const head = last.toLowerCase().split(/[.,!?:]/)[0] ?? '';
  const words = head.replace(/^your /, '');
  return words.length >= 3 && before.includes(words);
}
