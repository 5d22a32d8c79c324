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

/** Who is hurt or glad for somebody hears that first; where no feeling is plain the thing says more. Nothing after a line that took something up already. */
export function echoes(character: Character, moment: Moment): Offer[] {
  const { cues, text } = moment.heard;
  if (moment.grave || !moment.harmless || cues.question || cues.form !== 'words' || !tellsSomething(text) || isEcho(moment)) return [];
  const tone = toneOf(moment);
  const [who, thing] = [tone === 'cross' ? null : whoIn(text, moment.history), thingIn(text)];
  const of = who && (tone !== 'level' || !thing) ? 'who' : 'thing';
  const it = of === 'who' ? who : thing;
  if (!it) return [];
  const act = `about-${of}${suffix[tone]}` as ActName;
  const slots: Record<string, string> = of === 'who' ? { who: it } : { it: capitalised(it) };
  // "She had a fall": who that is was said before.
  const leansOn = of === 'who' && !whoIn(text, []) ? leaningOnLast('user', moment.history) : undefined;
  return [{ lines: linesWith(character, act, slots), why: `takes up "${it}"`, leansOn, purpose: { of: 'act', act } }];
}

type Tone = keyof typeof suffix;
const suffix = { level: '', bright: '-bright', low: '-low', cross: '-cross' } as const;

function toneOf(moment: Moment): Tone {
  const feeling = plainFeeling(moment);
  const group = feeling && groupOf[feeling];
  if (group === 'cross') return 'cross';
  if (group === 'hurt' || group === 'afraid') return 'low';
  return group === 'glad' || group === 'warm' ? 'bright' : 'level';
}

/** Whether the last line began with words of the message before it. */
function isEcho({ last, history }: Moment): boolean {
  const before = history.findLast(({ role }) => role === 'user')?.text.toLowerCase() ?? '';
  const head = last.toLowerCase().split(/[.,!?:]/)[0] ?? '';
  const words = head.replace(/^your /, '');
  return words.length >= 3 && before.includes(words);
}
