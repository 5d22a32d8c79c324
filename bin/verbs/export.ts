// `npx troupe export`: the votes as a file to learn from.
import { mkdir, open, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openStore, type Store, StoreError } from '@troupe/prisma';
import { discoverPlatforms } from '../../bot/src/platforms.ts';
import { parseSettings, readEnvironment } from '../../bot/src/settings.ts';
import { exportVotes, type VotesOptions } from '../../bot/src/votes.ts';
import { loadCorpus } from '../../inference/src/corpus.ts';
import { corpusWords } from '../../inference/src/corpus-words.ts';
import { options } from './options.ts';

const help = `Usage: npx troupe export [--out FOLDER] [--since DATE] [--per-person N] [--json]

Writes FOLDER/votes.jsonl (by default training/runs/export), a line for each thumb that stands: what was shown and what else might have been,
what was read, and the versions. Reads the same stores as \`npm start\`; the embedded one only while no Troupe runs on it.

--since       only thumbs from this day or time on: 2026-11-01, 2026-11-01T12:00Z
--per-person  at most so many of one person, the newest (by default 100), so that nobody steers alone

From Discord and Slack, by TRAIN_ON:
  votes    the thumb and the bot's own words
  derived  also the emotion labels, the mood and the matched situation; its own wording stands in for what the person wrote. The default
  text     also what the person wrote, of those who agreed to it themselves. Only with the platform's permission: Discord's Developer
           Policy asks for Discord's express one to train on message content, Slack's API terms bar it but for apps of one's own workspace
Texts older than RETENTION_DAYS are left out, whoever forgot to remove them; so is everything about people who said \`forget me\`.`;

/** What is written on the page is the operator's own; every other platform needs permission. */
const ownPlatforms = new Set(['web']);

export async function run(args: string[]): Promise<number> {
  const given = options(args, help, ['out', 'since', 'per-person']);
  if (!given) return 0;
  const sinceMs = given.values.since ? Date.parse(given.values.since) : 0;
  const perPerson = Number(given.values['per-person'] ?? 100);
  if (Number.isNaN(sinceMs)) return refuse(`--since ${given.values.since}: expected a day or a time such as 2026-11-01.`);
  if (!Number.isInteger(perPerson) || perPerson < 1)
    return refuse(`--per-person ${given.values['per-person']}: expected a whole number, 1 or more.`);
  const settings = parseSettings(readEnvironment(), await discoverPlatforms());
  const { trainOn, retentionDays } = settings;
  const corpus = corpusWords(await loadCorpus(settings.charactersDir));
  const folder = resolve(given.values.out ?? 'training/runs/export');
  const store = await openStore(settings).catch(held);
  try {
    const counts = await write(join(folder, 'votes.jsonl'), store, {
      ...{ trainOn, retentionDays, ownPlatforms, perPerson, sinceMs, corpus },
      nowMs: Date.now(),
    });
    const found = { file: join(folder, 'votes.jsonl'), ...counts, trainOn, perPerson };
    if (given.json) console.log(JSON.stringify(found, null, 2));
    else {
      const { votes, up, people, withText } = counts;
      console.log(`${found.file}: ${votes} votes of ${people} people, ${up} up and ${votes - up} down (TRAIN_ON=${trainOn}).`);
      console.log(`${withText} of them with what the person wrote. Next: python -m training.ranker --votes ${found.file}`);
    }
    return 0;
  } finally {
    await store.close();
  }
}

async function write(file: string, store: Store, asked: VotesOptions) {
  await mkdir(join(file, '..'), { recursive: true });
  const counts = { votes: 0, up: 0, people: 0, withText: 0, platforms: {} as Record<string, number> };
  const handle = await open(`${file}.new`, 'w');
  try {
    for await (const row of exportVotes(store.sql, asked)) {
      await handle.write(`${JSON.stringify(row)}\n`);
      counts.votes++;
      if (row.value === 'up') counts.up++;
      if (row.messageBy === 'person') counts.withText++;
      counts.people = Math.max(counts.people, row.voter);
      counts.platforms[row.platform] = (counts.platforms[row.platform] ?? 0) + 1;
    }
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  return counts;
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
