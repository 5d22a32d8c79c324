// What readers get and what is kept from them. In the folder: pairs.md and a sheet for each reader; apart in sealed/: key.json and both sides' talks.
// pairs.md bears the key's sha256 and the key that of the pairs, so that neither changes unseen between writing and reading.
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Card } from '../../inference/src/cards.ts';
import { bad, Kind, parsed, type Talk, type Transcript } from './judge-talks.ts';

const Side = z.object({ name: z.string(), versions: z.record(z.string(), z.string()), own: z.number(), replies: z.number() });

/** `own`: replies that the generator named made itself; for the others lines stood in. */
export const Key = z.object({
  schema: z.literal(1),
  seed: z.string(),
  at: z.string(),
  a: Side,
  b: Side,
  /** Sha256 of what stands in pairs.md under its first line. */
  pairsSha256: z.string(),
  /** Sha256 of sealed/a.json and sealed/b.json. */
  talksSha256: z.object({ a: z.string(), b: z.string() }),
  readers: z.number().int().min(1),
  pairs: z.array(
    z.object({
      pair: z.number().int(),
      id: z.string(),
      kind: Kind,
      character: z.string(),
      turns: z.number().int(),
      first: z.enum(['a', 'b']),
      same: z.boolean(),
    }),
  ),
});
export type Key = z.infer<typeof Key>;

export const header = 'pair,better,absurd1,absurd2';

/** Names of the readers' sheets: verdicts.csv, or verdicts-1.csv and so on. */
export function sheetNames(readers: number): string[] {
  return readers === 1 ? ['verdicts.csv'] : Array.from({ length: readers }, (_, i) => `verdicts-${i + 1}.csv`);
}

export interface PairsOptions {
  folder: string;
  seed: string;
  readers: number;
  cards: ReadonlyMap<string, Pick<Card, 'nickname' | 'description'>>;
  at: Date;
}

/** Both sides' talks stand in the same order. Writes into a folder that is new; rejects with what is there already. */
export async function writePairs(a: Transcript, b: Transcript, { folder, seed, readers, cards, at }: PairsOptions): Promise<Key> {
  const chance = (what: string) => createHash('sha256').update(`${seed}\n${what}`).digest('hex');
  const nameOf = ({ character, id }: Talk) => `${character}\n${id}`;
  const shuffled = a.talks
    .map((talk, i) => ({ a: talk, b: b.talks[i] as Talk }))
    .map((both) => ({
      ...both,
      order: chance(nameOf(both.a)),
      first: Number.parseInt(chance(`side\n${nameOf(both.a)}`).slice(-1), 16) < 8,
    }))
    .sort((x, y) => (x.order < y.order ? -1 : 1));
  const pairs = shuffled.map(({ a: mine, b: theirs, first }, i) => {
    const { id, kind, character, turns } = mine;
    return {
      ...{ pair: i + 1, id, kind, character, turns: turns.length },
      first: first ? ('a' as const) : ('b' as const),
      same: turns.every(({ reply }, n) => reply === theirs.turns[n]?.reply),
    };
  });
  const shown = shuffled.map(({ a: mine, b: theirs, first }, i) =>
    asRead(i + 1, cards, ...((first ? [mine, theirs] : [theirs, mine]) as Both)),
  );
  const body = [introduction(pairs.length), cast(pairs, cards), ...shown].join('\n');
  const sides = { a: `${JSON.stringify(a, null, 1)}\n`, b: `${JSON.stringify(b, null, 1)}\n` };
  const key: Key = {
    schema: 1,
    seed,
    at: at.toISOString(),
    a: summary(a),
    b: summary(b),
    pairsSha256: sha256(body),
    talksSha256: { a: sha256(sides.a), b: sha256(sides.b) },
    readers,
    pairs,
  };
  const sealed = `${JSON.stringify(key, null, 1)}\n`;
  await mkdir(join(folder, 'sealed'), { recursive: true });
  const put = (name: string, text: string) =>
    writeFile(join(folder, name), text, { flag: 'wx' }).catch((cause) => {
      throw bad(`${join(folder, name)} cannot be written (${(cause as Error).message}); expected a new folder`, cause);
    });
  await put('pairs.md', `Sealed with ${sha256(sealed)}\n${body}`);
  await put('sealed/key.json', sealed);
  for (const side of ['a', 'b'] as const) await put(`sealed/${side}.json`, sides[side]);
  for (const name of sheetNames(readers)) await put(name, `${header}\n${pairs.map(({ pair }) => `${pair},,,`).join('\n')}\n`);
  return key;
}

/** Rejects where the key is missing, or it, the pairs or a side's talks are not those that were written. */
export async function readKey(folder: string): Promise<Key> {
  const read = (name: string) =>
    readFile(join(folder, name), 'utf8').catch((cause) => {
      throw bad(`${join(folder, name)} cannot be read; expected a folder that \`judge write\` has left, whole`, cause);
    });
  const sealed = await read('sealed/key.json');
  const [, seal = '', body = ''] = /^Sealed with (\S*)\n(.*)$/s.exec(await read('pairs.md')) ?? [];
  const changed = (name: string) => bad(`${join(folder, name)} was changed after the pairs were written; write them again`);
  if (sha256(sealed) !== seal) throw changed('sealed/key.json');
  const key = parsed(sealed, Key, `${join(folder, 'sealed/key.json')}: expected a key of schema 1`);
  if (sha256(body) !== key.pairsSha256) throw changed('pairs.md');
  for (const side of ['a', 'b'] as const)
    if (sha256(await read(`sealed/${side}.json`)) !== key.talksSha256[side]) throw changed(`sealed/${side}.json`);
  return key;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

type Both = [Talk, Talk];

function summary({ side, versions, talks }: Transcript): Key['a'] {
  const sources = talks.flatMap(({ turns }) => turns.map(({ source }) => source.generator));
  return { name: side, versions, own: sources.filter((source) => source === side.split(':')[0]).length, replies: sources.length };
}

function introduction(pairs: number): string {
  return `
# ${pairs} pairs

Each pair shows one talk answered twice by the same character, once as 1 and once as 2. Read both, then fill in the pair's line of the sheet:

- \`better\`: \`1\`, \`2\` or \`tie\`. The better one is what you would rather have been answered: it fits what was said, how it was felt and what went
  before, and sounds like the character. Where both are equally good or bad, \`tie\`.
- \`absurd1\`, \`absurd2\`: how many replies of 1 and of 2 are absurd, \`0\` for none. Absurd is what a person who had understood would not say: it answers
  something else, takes bad news for good, contradicts itself or what was said, or presumes what was never said. Dull is not absurd.

Do not look into \`sealed/\` before every line is filled in.
`;
}

/** Who speaks, for whoever has not met them. */
function cast(pairs: Key['pairs'], cards: PairsOptions['cards']): string {
  const slugs = [...new Set(pairs.map(({ character }) => character))].sort();
  return `${slugs.map((slug) => `- **${cards.get(slug)?.nickname ?? slug}**: ${cards.get(slug)?.description ?? ''}`).join('\n')}\n`;
}

function asRead(pair: number, cards: PairsOptions['cards'], first: Talk, second: Talk): string {
  const who = cards.get(first.character)?.nickname ?? first.character;
  const lines = first.turns.flatMap(({ user, reply }, n) => {
    const other = second.turns[n]?.reply ?? '';
    const answers = reply === other ? [`- 1 and 2: ${flat(reply)}`] : [`- 1: ${flat(reply)}`, `- 2: ${flat(other)}`];
    return [`> ${flat(user)}`, '', ...answers, ''];
  });
  if (first.turns.length === 1) return [`## ${pair} · ${who}`, '', ...lines].join('\n');
  const whole = (name: string, { turns }: Talk) => [
    `**${name}**`,
    '',
    ...turns.flatMap(({ user, reply }) => [`> ${flat(user)}`, '', `${who}: ${flat(reply)}`, '']),
  ];
  return [`## ${pair} · ${who}`, '', ...whole('1', first), ...whole('2', second)].join('\n');
}

function flat(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' / ');
}
