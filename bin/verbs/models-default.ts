// `npx troupe models default`: which generator GENERATOR=auto means. Readers who did not know which was which have to prefer it.
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { readEnvironment } from '../../bot/src/settings.ts';
import { type DefaultLine, readRegistry } from '../../inference/src/registry.ts';
import { nameDefault } from '../../inference/src/registry-change.ts';
import { announceRegistry } from '../../inference/src/registry-watch.ts';
import { readSettings } from '../../inference/src/settings.ts';
import { refusals } from './judge-allows.ts';
import { judged } from './judge-figures.ts';
import { readKey, sha256 } from './judge-pairs.ts';
import { readSheets } from './judge-sheets.ts';
import { options } from './options.ts';

export const help = `Usage: npx troupe models default <generator> --judged FOLDER [--by NAME] [--why TEXT] [--json]
       npx troupe models default <generator> --force --why TEXT [--by NAME] [--json]

Names what GENERATOR=auto means: lines, local, openai or hub:…. FOLDER is what \`npx troupe judge\` wrote and readers filled in: the generator against
the one that is the default now. It is refused unless the lower end of its preference is above 50 % and it is no more often absurd. --force lets it
through without, and the history says who and why.`;

export async function run(args: string[]): Promise<number> {
  const forced = args.includes('--force');
  const given = options(
    args.filter((arg) => arg !== '--force'),
    help,
    ['judged', 'by', 'why'],
  );
  if (!given) return 0;
  const [generator] = given.positionals;
  const { judged: folder, why } = given.values;
  if (!generator) return refuse('expected `models default <generator> --judged FOLDER`');
  if (!/^(lines|local|openai|hub:.+)$/.test(generator))
    return refuse(`there is no generator "${generator}"; expected lines, local, openai or hub:…`);
  if (forced ? !why?.trim() : !folder)
    return refuse(forced ? '--force needs --why TEXT, for the history' : `expected --judged FOLDER, or --force --why TEXT`);

  const settings = readSettings(readEnvironment());
  const { defaultGenerator: current } = await readRegistry(settings.modelsDir);
  const evidence = folder ? await evidenceIn(resolve(folder), generator, current) : { reasons: [], judged: null };
  if (evidence.reasons.length > 0 && !forced) {
    if (given.json) console.log(JSON.stringify({ generator, changed: false, reasons: evidence.reasons }, null, 2));
    else for (const reason of evidence.reasons) console.error(`refused: ${reason}`);
    return 1;
  }
  const note = { by: given.values.by || userInfo().username, why: why ?? null, at: new Date() };
  const line = await nameDefault(settings.modelsDir, generator, evidence.reasons.length > 0 ? null : evidence.judged, note);
  const workers = line && settings.redisUrl ? await announceRegistry(settings.redisUrl).catch(() => null) : null;
  if (given.json) console.log(JSON.stringify({ generator, changed: line !== null, line, workersTold: workers }, null, 2));
  else if (!line) console.log(`${generator} is the default already; nothing was changed.`);
  else
    console.log(`${told(line)}\n${workers ? `Workers told: ${workers}.` : 'Workers that run see it within seconds; their log says when.'}`);
  return 0;
}

/** What the judgement says, and how it goes into the history: by its folder's name, which any machine can tell, and the key's sum. */
async function evidenceIn(folder: string, generator: string, current: string) {
  const key = await readKey(folder);
  const found = judged(key, await readSheets(folder, key.pairs));
  const keySha256 = sha256(await readFile(join(folder, 'sealed/key.json'), 'utf8'));
  const { readers, kinds, kappa } = found;
  return {
    reasons: generator === current ? [] : refusals(generator, current, key, found),
    judged: { folder: basename(folder), keySha256, against: current, readers, kappa, kinds },
  };
}

function told({ default: generator, previous, at, by, why, forced, judged: on }: DefaultLine): string {
  const how = forced ? `forced by ${forced.who}: ${forced.why}` : `by the judgement ${on?.folder}${why ? `: ${why}` : ''}`;
  return `${at}  ${previous} → ${generator}, by ${by}; ${how}`;
}

function refuse(sentence: string): number {
  console.error(`troupe: ${sentence}.`);
  return 2;
}
