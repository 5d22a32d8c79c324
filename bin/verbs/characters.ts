// `npx troupe characters`: who is there and what each has to say.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { discoverCharacters } from '../../bot/src/characters.ts';
import { readEnvironment } from '../../bot/src/settings.ts';
import { readSettings } from '../../inference/src/settings.ts';
import { options, table } from './options.ts';

const kinds = ['situations', 'exchanges', 'conversations', 'universal'] as const;
const help = `Usage: npx troupe characters [--json]

Lists the characters of CHARACTERS_DIR with the number of lines each has of each kind.`;

export async function run(args: string[]): Promise<number> {
  const given = options(args, help);
  if (!given) return 0;
  const env = readEnvironment();
  const { charactersDir } = readSettings(env);
  const { all } = discoverCharacters(charactersDir, env.CHARACTER || 'vivienne');
  const rows = await Promise.all(
    all.map(async ({ slug, name, description }) => {
      const present = await readdir(join(charactersDir, slug));
      const lines = await Promise.all(
        kinds.map((kind) => (present.includes(`${kind}.jsonl`) ? count(join(charactersDir, slug, `${kind}.jsonl`)) : 0)),
      );
      return {
        slug,
        name,
        description,
        lines: Object.fromEntries(kinds.map((kind, i) => [kind, lines[i] ?? 0])) as Record<(typeof kinds)[number], number>,
      };
    }),
  );
  if (given.json) console.log(JSON.stringify({ charactersDir, characters: rows }, null, 2));
  else
    console.log(
      table([
        ['SLUG', 'NAME', ...kinds.map((kind) => kind.toUpperCase())],
        ...rows.map((row) => [row.slug, row.name, ...kinds.map((kind) => String(row.lines[kind]))]),
      ]),
    );
  return 0;
}

async function count(file: string): Promise<number> {
  return (await readFile(file, 'utf8')).split('\n').filter((line) => line.trim()).length;
}
