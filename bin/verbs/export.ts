// `npx troupe export`: the votes as a file to learn from, or the reads as one to watch for drift.
import { mkdir, open, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openStore, type Store, StoreError } from '@troupe/prisma';
import { discoverPlatforms } from '../../bot/src/platforms.ts';
import { exportReads } from '../../bot/src/reads.ts';
import { type BotSettings, parseSettings, readEnvironment } from '../../bot/src/settings.ts';
import { exportVotes } from '../../bot/src/votes.ts';
import { loadCorpus } from '../../inference/src/corpus.ts';
import { corpusWords } from '../../inference/src/corpus-words.ts';
import { readEncoderConfig, readRegistry, verifyLive } from '../../inference/src/registry.ts';
import { openMeasures } from '../../inference/src/tokenizer.ts';
import { options } from './options.ts';

const help = `Usage: npx troupe export [--reads] [--out FOLDER] [--since DATE] [--per-person N] [--json]

Writes FOLDER/votes.jsonl (by default training/runs/export), a line for each thumb that stands: what was shown and what else might have been,
what was read, and the versions. Reads the same stores as \`npm start\`; the embedded one only while no Troupe runs on it.

--reads       instead FOLDER/reads.jsonl, a line for each turn that the live encoder read: emotions, intent, how many words, how many of them unknown;
              no text, and nobody's name or number. For \`python -m training.drift\`
--since       only thumbs, or reads, from this day or time on: 2026-11-01, 2026-11-01T12:00Z
--per-person  at most so many of one person, the newest (by default 100), so that nobody steers alone

From Discord and Slack, by TRAIN_ON:
  votes    the thumb and the bot's own words
  derived  also the emotion labels, the mood and the matched situation; its own wording stands in for what the person wrote. The default
  text     also what the person wrote, of those who agreed to it themselves. Only with the platform's permission: Discord's Developer
           Policy asks for Discord's express one to train on message content, Slack's API terms bar it but for apps of one's own workspace
Texts older than RETENTION_DAYS are left out, whoever forgot to remove them, and the reads of such texts; so is everything about people who
said \`forget me\`. With TRAIN_ON=votes only the page's reads are written.`;

/** What is written on the page is the operator's own; every other platform needs permission. */
const ownPlatforms = new Set(['web']);

export async function run(args: string[]): Promise<number> {
  const given = options(args, help, ['out', 'since', 'per-person'], ['reads']);
  if (!given) return 0;
  const sinceMs = given.values.since ? Date.parse(given.values.since) : 0;
  const perPerson = Number(given.values['per-person'] ?? 100);
  if (Number.isNaN(sinceMs)) return refuse(`--since ${given.values.since}: expected a day or a time such as 2026-11-01.`);
  if (!Number.isInteger(perPerson) || perPerson < 1)
    return refuse(`--per-person ${given.values['per-person']}: expected a whole number, 1 or more.`);
  const settings = parseSettings(readEnvironment(), await discoverPlatforms());
  const folder = resolve(given.values.out ?? 'training/runs/export');
  const asked: Asked = { settings, sinceMs, perPerson, nowMs: Date.now() };
  const { found, said } = given.flags.has('reads')
    ? await reads(join(folder, 'reads.jsonl'), asked)
    : await votes(join(folder, 'votes.jsonl'), asked);
  console.log(given.json ? JSON.stringify(found, null, 2) : said);
  return 0;
}

interface Asked {
  settings: BotSettings;
  sinceMs: number;
  perPerson: number;
  nowMs: number;
}

async function votes(file: string, { settings, sinceMs, perPerson, nowMs }: Asked) {
  const { trainOn, retentionDays } = settings;
  const corpus = corpusWords(await loadCorpus(settings.charactersDir));
  const counts = { votes: 0, up: 0, people: 0, withText: 0, platforms: {} as Record<string, number> };
  await write(
    file,
    settings,
    (sql) => exportVotes(sql, { ...{ trainOn, retentionDays, ownPlatforms, perPerson, sinceMs, nowMs }, corpus }),
    (row) => {
      counts.votes++;
      if (row.value === 'up') counts.up++;
      if (row.messageBy === 'person') counts.withText++;
      counts.people = Math.max(counts.people, row.voter);
      counts.platforms[row.platform] = (counts.platforms[row.platform] ?? 0) + 1;
    },
  );
  const { votes, up, people, withText } = counts;
  const said =
    `${file}: ${votes} votes of ${people} people, ${up} up and ${votes - up} down (TRAIN_ON=${trainOn}).\n` +
    `${withText} of them with what the person wrote. Next: python -m training.ranker --votes ${file}`;
  return { found: { file, ...counts, trainOn, perPerson }, said };
}

async function reads(file: string, { settings, sinceMs, nowMs }: Asked) {
  const { trainOn, retentionDays } = settings;
  const model = await verifyLive(await readRegistry(settings.modelsDir), 'encoder');
  const measure = await openMeasures(model.folder, (await readEncoderConfig(model)).maxTokens);
  const counts = { reads: 0, from: null as string | null, to: null as string | null };
  const asked = { encoder: model.version, derives: trainOn !== 'votes', ownPlatforms: [...ownPlatforms] };
  await write(
    file,
    settings,
    (sql) => exportReads(sql, { ...asked, retentionDays, sinceMs, nowMs, measure }),
    ({ at }) => {
      counts.reads++;
      counts.from ??= at;
      counts.to = at;
    },
  );
  const when = counts.from ? `, ${counts.from} to ${counts.to}` : '';
  const said = `${file}: ${counts.reads} reads by encoder ${model.version}${when} (TRAIN_ON=${trainOn}). Next: python -m training.drift --live ${file}`;
  return { found: { file, ...counts, encoder: model.version, trainOn }, said };
}

/** A whole file, a line for each row, or none. */
async function write<Row>(file: string, settings: BotSettings, rows: (sql: Store['sql']) => AsyncIterable<Row>, count: (row: Row) => void) {
  const store = await openStore(settings).catch(held);
  try {
    await mkdir(join(file, '..'), { recursive: true });
    const handle = await open(`${file}.new`, 'w');
    try {
      for await (const row of rows(store.sql)) {
        await handle.write(`${JSON.stringify(row)}\n`);
        count(row);
      }
    } finally {
      await handle.close();
    }
    await rename(`${file}.new`, file);
  } finally {
    await store.close();
  }
}

function held(error: unknown): never {
  if (!(error instanceof StoreError) || error.code !== 'store-held') throw error;
  const todo =
    'Stop that Troupe (Ctrl-C), export, and start it again: the votes stay. With REDIS_URL and DATABASE_URL an export runs beside it.';
  throw new StoreError('store-held', `${error.message.split('; ')[0]}, and the embedded store serves one at a time. ${todo}`);
}

function refuse(sentence: string): number {
  console.error(`troupe: ${sentence}`);
  return 2;
}
