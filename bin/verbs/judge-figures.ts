// Verdicts as figures: which side is preferred, how often each is absurd, how far readers agree, each with the interval that 95 in 100 such
// judgements would cover.
import type { Key } from './judge-pairs.ts';
import type { Sheet, Verdict } from './judge-sheets.ts';
import type { Kind } from './judge-talks.ts';

export interface Share {
  value: number;
  low: number;
  high: number;
}

export interface Judged {
  a: string;
  b: string;
  readers: number;
  /** Messages and conversations apart; only what was judged. */
  kinds: Partial<Record<Kind, Figures>>;
  /** Cohen's kappa of `better`, mean over all pairs of readers; null for a single reader. */
  kappa: number | null;
}

export interface Figures {
  pairs: number;
  /** Different messages or conversations; what several characters answer to one is no independent evidence. */
  asked: number;
  /** Verdicts: a better, b better, tie. */
  verdicts: { a: number; b: number; tie: number };
  /** How often a is the better one; a tie counts half. */
  preferred: Share;
  /** The same by character, without an interval. */
  byCharacter: Record<string, number>;
  /** Absurd replies among all replies. */
  absurd: { a: Share; b: Share };
}

export function judged({ a, b, pairs }: Key, sheets: readonly Sheet[]): Judged {
  const kinds: Judged['kinds'] = {};
  for (const kind of ['message', 'conversation'] as const) {
    const mine = pairs.filter((pair) => pair.kind === kind);
    if (mine.length > 0) kinds[kind] = figures(mine, sheets);
  }
  return { a: a.name, b: b.name, readers: sheets.length, kinds, kappa: agreement(sheets) };
}

function figures(pairs: Key['pairs'], sheets: readonly Sheet[]): Figures {
  const verdicts = { a: 0, b: 0, tie: 0 };
  const rows = pairs.map((pair) => {
    const given = sheets.map((sheet) => sheet.verdicts.find((verdict) => verdict.pair === pair.pair) as Verdict);
    for (const { better } of given) verdicts[sideOf(better, pair.first)]++;
    const [mine, theirs] = pair.first === 'a' ? ([0, 1] as const) : ([1, 0] as const);
    return {
      ...{ asked: pair.id, character: pair.character, turns: pair.turns },
      preferred: mean(given.map(({ better }) => ({ a: 1, b: 0, tie: 0.5 })[sideOf(better, pair.first)])),
      a: mean(given.map(({ absurd }) => absurd[mine])),
      b: mean(given.map(({ absurd }) => absurd[theirs])),
    };
  });
  const characters = [...new Set(rows.map(({ character }) => character))].sort();
  const preferredBy = (slug: string) => mean(rows.filter(({ character }) => character === slug).map(({ preferred }) => preferred));
  return {
    pairs: pairs.length,
    asked: new Set(rows.map(({ asked }) => asked)).size,
    verdicts,
    preferred: share(rows.map(({ asked, preferred }) => ({ cluster: asked, hits: preferred, of: 1 }))),
    byCharacter: Object.fromEntries(characters.map((slug) => [slug, preferredBy(slug)])),
    absurd: {
      a: share(rows.map(({ asked, a, turns }) => ({ cluster: asked, hits: a, of: turns }))),
      b: share(rows.map(({ asked, b, turns }) => ({ cluster: asked, hits: b, of: turns }))),
    },
  };
}

/**
 * Hits among all, with Wilson's interval for as many independent ones as the rows are worth: by the variance between clusters (what belongs
 * to one message), never fewer than there are clusters, never more than there are.
 */
export function share(rows: readonly { cluster: string; hits: number; of: number }[]): Share {
  const total = sum(rows.map(({ of }) => of));
  const value = sum(rows.map(({ hits }) => hits)) / total;
  const residuals = new Map<string, number>();
  for (const { cluster, hits, of } of rows) residuals.set(cluster, (residuals.get(cluster) ?? 0) + hits - value * of);
  const clusters = residuals.size;
  const variance = (sum([...residuals.values()].map((r) => r * r)) / total ** 2) * (clusters / Math.max(1, clusters - 1));
  const worth = variance > 0 ? Math.min(total, Math.max(clusters, (value * (1 - value)) / variance)) : clusters;
  return { value, ...wilson(value, worth) };
}

function wilson(p: number, n: number): { low: number; high: number } {
  const z = 1.959964;
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const reach = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return { low: Math.max(0, middle - reach), high: Math.min(1, middle + reach) };
}

/** How far two readers agree beyond what chance would give, 1 for always. */
export function agreement(sheets: readonly Sheet[]): number | null {
  const kappas = sheets.flatMap((one, i) => sheets.slice(i + 1).map((other) => kappa(one, other)));
  return kappas.length > 0 ? mean(kappas) : null;
}

function kappa(one: Sheet, other: Sheet): number {
  const words = new Map(other.verdicts.map(({ pair, better }) => [pair, better]));
  const both = one.verdicts.map(({ pair, better }) => [better, words.get(pair)] as const);
  const alike = mean(both.map(([mine, theirs]) => Number(mine === theirs)));
  const chance = sum(
    (['1', '2', 'tie'] as const).map(
      (word) => mean(both.map(([mine]) => Number(mine === word))) * mean(both.map(([, theirs]) => Number(theirs === word))),
    ),
  );
  return chance === 1 ? 1 : (alike - chance) / (1 - chance);
}

function sideOf(better: Verdict['better'], first: 'a' | 'b'): 'a' | 'b' | 'tie' {
  if (better === 'tie') return 'tie';
  return (better === '1') === (first === 'a') ? 'a' : 'b';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

function mean(numbers: readonly number[]): number {
  return sum(numbers) / numbers.length;
}
