// `npx troupe judge`: which of two ways to answer do people prefer who do not know which is which?
import { resolve } from 'node:path';
import { pino } from 'pino';
import { readEnvironment } from '../../bot/src/settings.ts';
import { readCards } from '../../inference/src/cards.ts';
import { readSettings } from '../../inference/src/settings.ts';
import { type Figures, type Judged, judged, type Share } from './judge-figures.ts';
import { readKey, sheetNames, writePairs } from './judge-pairs.ts';
import { readSheets } from './judge-sheets.ts';
import { perform } from './judge-sides.ts';
import { type Asked, readConversations, readMessages } from './judge-talks.ts';
import { options, table } from './options.ts';

const help = `Usage: npx troupe judge write --a SIDE --b SIDE [--messages FILE] [--conversations FILE] --out FOLDER
                              [--characters vivienne,june] [--seed TEXT] [--readers 1] [--json]
       npx troupe judge read FOLDER [--json]

write  lets every character answer twice, once as each side, through the worker's own code and with no server; then writes FOLDER/pairs.md for people
       to read, a sheet for each reader (verdicts.csv), and the key apart in FOLDER/sealed/. Which is which, and their order, are drawn by the seed.
read   checks the sheets against the key, then says which side is preferred, how often each is absurd and how far readers agree. Intervals
       cover 95 %, and take what the characters answer to one message as belonging together.

SIDE is lines, local, openai or hub:…, as GENERATOR names them, with their settings; nearest, the first unused reply of the situation whose wording is
nearest to the message; or file:TRANSCRIPT, a side recorded before (FOLDER/sealed/a.json). FILE of messages: one a line. FILE of conversations: JSONL of
{"id", "turns": [what the person writes, …]}; the character's own replies become its history. Ours: inference/src/lines/judge/.
A generator becomes the default by such a judgement: \`npx troupe models default --help\`.`;

const names = ['a', 'b', 'messages', 'conversations', 'out', 'characters', 'seed', 'readers'] as const;

export async function run(args: string[]): Promise<number> {
  const given = options(args, help, names);
  if (!given) return 0;
  const [what, folder] = given.positionals;
  if (what === 'write') return write(given.values, given.json);
  if (what === 'read' && folder) return read(resolve(folder), given.json);
  console.error(`troupe: expected \`judge write …\` or \`judge read FOLDER\`; \`npx troupe judge --help\` says more.`);
  return 2;
}

async function write(values: Partial<Record<(typeof names)[number], string>>, json: boolean): Promise<number> {
  const { a, b, out, seed = '1' } = values;
  const readers = Number(values.readers ?? 1);
  if (!a || !b || !out || (!values.messages && !values.conversations))
    return refuse('expected --a, --b, --out, and --messages or --conversations');
  if (!Number.isInteger(readers) || readers < 1) return refuse(`--readers ${values.readers}: expected a whole number, 1 or more`);
  const asked: Asked[] = [
    ...(values.messages ? await readMessages(values.messages) : []),
    ...(values.conversations ? await readConversations(values.conversations) : []),
  ];
  const env = readEnvironment();
  const cards = await readCards(readSettings(env).charactersDir);
  const characters = values.characters?.split(',') ?? [...cards.keys()];
  const stranger = characters.find((slug) => !cards.has(slug));
  if (stranger !== undefined) return refuse(`--characters: there is no "${stranger}"; expected some of ${[...cards.keys()].join(', ')}`);
  const log = pino({ level: 'warn' }, pino.destination(2));
  const side = (name: string) => perform(name, asked, characters, { env, log, ...(process.stderr.isTTY ? { progress } : {}) });
  const mine = await side(a);
  const theirs = await side(b);
  const key = await writePairs(mine, theirs, { folder: resolve(out), seed, readers, cards, at: new Date() });
  const same = key.pairs.filter((pair) => pair.same).length;
  const found = { folder: resolve(out), pairs: key.pairs.length, same, sheets: sheetNames(readers), a: key.a, b: key.b };
  if (json) console.log(JSON.stringify(found, null, 2));
  else {
    console.log(
      `${found.folder}: ${found.pairs} pairs, ${same} of them alike. Readers get pairs.md and ${found.sheets.join(', ')}, not sealed/.`,
    );
    for (const { name, own, replies } of [key.a, key.b])
      if (own < replies) console.log(`${name}: ${replies - own} of ${replies} replies are not its own; another stood in.`);
    console.log(`Then: npx troupe judge read ${out}`);
  }
  return 0;
}

async function read(folder: string, json: boolean): Promise<number> {
  const key = await readKey(folder);
  const found = judged(key, await readSheets(folder, key.pairs));
  if (json) console.log(JSON.stringify(found, null, 2));
  else console.log(told(found));
  return 0;
}

function told({ a, b, readers, kinds, kappa }: Judged): string {
  const rows = Object.entries(kinds).map(([kind, f]: [string, Figures]) => [
    `${f.asked} ${kind}s, ${f.pairs} pairs`,
    percent(f.preferred),
    `${f.verdicts.a} : ${f.verdicts.b} : ${f.verdicts.tie}`,
    percent(f.absurd.a),
    percent(f.absurd.b),
  ]);
  const by = Object.entries(kinds).map(([kind, f]: [string, Figures]) => {
    const each = Object.entries(f.byCharacter).map(([slug, value]) => `${slug} ${(100 * value).toFixed(0)} %`);
    return `${a} preferred, ${kind}s: ${each.join(', ')}`;
  });
  const heads = ['JUDGED', `${a} PREFERRED`, `${a} : ${b} : TIE`, `ABSURD, ${a}`, `ABSURD, ${b}`];
  const agree = kappa === null ? 'one reader: nothing to say of agreement' : `${readers} readers agree with kappa ${kappa.toFixed(2)}`;
  return [table([heads, ...rows]), '', ...by, agree].join('\n');
}

function percent({ value, low, high }: Share): string {
  const of = (n: number) => (100 * n).toFixed(1);
  return `${of(value)} % (${of(low)} to ${of(high)})`;
}

function progress(done: number, total: number): void {
  process.stderr.write(`\r${done} of ${total} talks ${done === total ? '\n' : ''}`);
}

function refuse(sentence: string): number {
  console.error(`troupe: ${sentence}.`);
  return 2;
}
