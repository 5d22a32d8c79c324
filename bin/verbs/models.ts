// `npx troupe models`: which versions are there, which are live, and whether their files are whole.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pino } from 'pino';
import { readEnvironment } from '../../bot/src/settings.ts';
import { corpusTexts } from '../../inference/src/corpus.ts';
import { openEncoder } from '../../inference/src/onnx-encoder.ts';
import { readRegistry, verifyLive } from '../../inference/src/registry.ts';
import { readSettings } from '../../inference/src/settings.ts';
import { writeVectors } from '../../inference/src/vectors.ts';
import { options, table } from './options.ts';

const help = `Usage: npx troupe models [list | vectors] [--json]

list     MODELS_DIR's versions; checks every file of the live ones against its manifest. Status 1 when a file is missing or damaged.
vectors  writes lines.vectors beside the live encoder: the embeddings of what CHARACTERS_DIR's lines are found by, so that a start need not make them.`;

export async function run(args: string[]): Promise<number> {
  const given = options(args, help);
  if (!given) return 0;
  const [what = 'list'] = given.positionals;
  if (what === 'vectors') return vectors();
  if (what !== 'list') {
    console.error(`troupe: there is no "models ${what}"; expected list or vectors.`);
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

/** Six megabytes of them: the file is in the history for ever. What a start needs first comes first; the rest is encoded behind the first replies. */
const mostTexts = 15_000;

async function vectors(): Promise<number> {
  const settings = readSettings(readEnvironment());
  const registry = await readRegistry(settings.modelsDir);
  const encoder = await openEncoder({ registry, threads: settings.threads, log: pino({ level: 'warn' }, process.stderr) });
  try {
    const file = join(settings.modelsDir, 'encoder', encoder.version, 'lines.vectors');
    const progress = (done: number, total: number) => process.stderr.write(`\r${done} of ${total} texts `);
    const texts = (await corpusTexts(settings.charactersDir)).slice(0, mostTexts);
    const rows = await writeVectors(file, encoder, texts, progress);
    await listed(join(dirname(file), 'manifest.json'), file);
    console.log(`\n${file}: ${rows} texts`);
    return 0;
  } finally {
    await encoder.close();
  }
}

/** The manifest lists every file of its version, so that a damaged one is seen at the next start. */
async function listed(manifestFile: string, file: string): Promise<void> {
  const manifest = JSON.parse(await readFile(manifestFile, 'utf8')) as { files: { path: string; bytes: number; sha256: string }[] };
  const bytes = await readFile(file);
  const path = basename(file);
  const entry = { path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  manifest.files = [...manifest.files.filter((other) => other.path !== path), entry];
  await writeFile(manifestFile, `${JSON.stringify(manifest, null, 1)}\n`);
}
