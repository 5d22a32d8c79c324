// `npx troupe models`: which versions are there, which are live, and whether their files are whole.
import { pino } from 'pino';
import { readEnvironment } from '../../bot/src/settings.ts';
import { readRegistry, verifyLive } from '../../inference/src/registry.ts';
import { readSettings } from '../../inference/src/settings.ts';
import { buildVectors } from '../../inference/src/vectors-build.ts';
import { run as evaluate } from './models-evaluate.ts';
import { options, table } from './options.ts';

const help = `Usage: npx troupe models [list | vectors | evaluate] [--json]

list     MODELS_DIR's versions; checks every file of the live ones against its manifest. Status 1 when a file is missing or damaged.
vectors  writes lines.vectors beside the live encoder: the embeddings of what CHARACTERS_DIR's lines are found by, so that a start need not make them.
evaluate reads the frozen dev sets through the worker and compares every figure with Python's; \`models evaluate --help\` says more.`;

export async function run(args: string[]): Promise<number> {
  if (args[0] === 'evaluate') return evaluate(args.slice(1));
  const given = options(args, help);
  if (!given) return 0;
  const [what = 'list'] = given.positionals;
  if (what === 'vectors') return vectors();
  if (what !== 'list') {
    console.error(`troupe: there is no "models ${what}"; expected list, vectors or evaluate.`);
    return 2;
  }
  const registry = await readRegistry(readSettings(readEnvironment()).modelsDir);
  const models = await Promise.all(
    registry.models.map(async (model) => {
      if (!model.live) return { ...model, whole: null, problem: null };
      const problem = await verifyLive(registry, model.task).then(
        () => null,
        (error: Error) => error.message,
      );
      return { ...model, whole: problem === null, problem };
    }),
  );
  if (given.json) console.log(JSON.stringify({ generator: registry.defaultGenerator, models }, null, 2));
  else {
    const state = (model: (typeof models)[number]) => model.problem ?? (model.whole ? 'live, whole' : 'kept');
    console.log(table([['TASK', 'VERSION', 'STATE'], ...models.map((model) => [model.task, model.version, state(model)])]));
    console.log(`\nGENERATOR=auto means ${registry.defaultGenerator}.`);
  }
  return models.some((model) => model.problem) ? 1 : 0;
}

async function vectors(): Promise<number> {
  const progress = (done: number, total: number) => process.stderr.write(`\r${done} of ${total} texts `);
  const settings = readSettings(readEnvironment());
  const { file, texts } = await buildVectors({ settings, log: pino({ level: 'warn' }, process.stderr), progress });
  console.log(`\n${file}: ${texts} texts`);
  return 0;
}
