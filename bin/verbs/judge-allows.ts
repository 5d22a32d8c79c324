// Whether a blind judgement lets a generator become the default: preferred to what is the default now, for sure, and not more often absurd.
import type { Figures, Judged, Share } from './judge-figures.ts';
import type { Key } from './judge-pairs.ts';

/** Fewer messages or conversations than this say too little, however they went. */
export const fewest = 20;

/** Why not, a sentence each; empty when it may. */
export function refusals(generator: string, current: string, { a, b }: Pick<Key, 'a' | 'b'>, judged: Judged): string[] {
  const side = a.name === generator ? 'a' : b.name === generator ? 'b' : null;
  if (!side) return [`${a.name} and ${b.name} were judged, not ${generator}`];
  const other = side === 'a' ? b.name : a.name;
  if (other !== current) return [`${generator} was compared with ${other}, but ${current} is the default now: judge it against that`];
  const mine = side === 'a' ? a : b;
  const own = mine.own / mine.replies;
  const reasons = Object.entries(judged.kinds).flatMap(([kind, figures]) => ofKind(generator, other, side, kind, figures));
  if (own < 0.5)
    return [
      `only ${percent(own)} of its replies were ${generator}'s own, another stood in for the rest: see that it answers, then judge`,
      ...reasons,
    ];
  return reasons;
}

function ofKind(generator: string, other: string, side: 'a' | 'b', kind: string, { asked, preferred, absurd }: Figures): string[] {
  const mine: Share = side === 'a' ? preferred : { value: 1 - preferred.value, low: 1 - preferred.high, high: 1 - preferred.low };
  const [own, theirs] = side === 'a' ? [absurd.a, absurd.b] : [absurd.b, absurd.a];
  const reasons = [];
  if (asked < fewest) reasons.push(`only ${asked} ${kind}s were judged; at least ${fewest} have to be`);
  if (mine.low <= 0.5)
    reasons.push(
      `in ${kind}s ${generator} is preferred to ${other} in ${percent(mine.value)}, by chance perhaps in ${percent(mine.low)}; even that has to be above 50 %`,
    );
  if (own.value > theirs.value)
    reasons.push(`in ${kind}s ${percent(own.value)} of what ${generator} says is absurd, against ${percent(theirs.value)} of ${other}`);
  return reasons;
}

function percent(n: number): string {
  return `${(100 * n).toFixed(1)} %`;
}
