// Makes another version live. It is whole before registry.json names it; the file changes all at once or not at all, and keeps its history.
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceError } from './errors.ts';
import { readRankerFile } from './ranker.ts';
import { type DefaultLine, type HistoryLine, type RegistryFile, readEncoderConfig, readRegistryFile, verifyVersion } from './registry.ts';
import { readVoice } from './voice.ts';

/** Who changes it, why, and when. */
export interface Note {
  by: string;
  why: string | null;
  at: Date;
}

/**
 * Null where the version is live already. Rejects with `task_unknown`, `version_unknown`, `model_missing`, `model_damaged`, `model_invalid`,
 * `registry_changed` or `registry_unwritable`; then nothing was touched.
 */
export async function promote(modelsDir: string, task: string, version: string, note: Note): Promise<HistoryLine | null> {
  return change(modelsDir, task, version, note);
}

/** Back to what was live before, step by step when repeated. Rejects with `no_previous` too. */
export async function rollback(modelsDir: string, task: string, note: Note): Promise<HistoryLine> {
  const registry = await readRegistryFile(modelsDir);
  const { live, history = [] } = taskOf(registry, task);
  const previous = before(live, history);
  if (!previous) {
    const what = `the history of ${task} names nothing that was live before ${live}`;
    throw new InferenceError('no_previous', `${what}; choose a version with \`npx troupe models promote ${task} <version>\``);
  }
  return (await change(modelsDir, task, previous, note)) as HistoryLine;
}

/**
 * What GENERATOR=auto means from now on. `judged` is the judgement it stands on; without one somebody forces it and `note.why` says why. Null where
 * it is the default already. Rejects with `registry_changed` or `registry_unwritable`; then nothing was touched.
 */
export async function nameDefault(
  modelsDir: string,
  generator: string,
  judged: DefaultLine['judged'],
  note: Note,
): Promise<DefaultLine | null> {
  const file = join(modelsDir, 'registry.json');
  const text = await readFile(file, 'utf8').catch(() => '');
  const registry = await readRegistryFile(modelsDir);
  const { default: previous, history = [] } = registry.generator;
  if (previous === generator) return null;
  const at = note.at.toISOString();
  const forced = judged ? null : { who: note.by, why: note.why ?? '', at };
  const line: DefaultLine = { default: generator, previous, at, by: note.by, why: note.why, judged, forced };
  registry.generator = { ...registry.generator, default: generator, history: [...history, line] };
  await write(file, text, registry);
  return line;
}

/** The version a rollback goes to. A change to what was live before is a step back and is not itself gone back on. */
export function before(live: string, history: readonly HistoryLine[]): string | undefined {
  const trail: string[] = [];
  for (const line of history) {
    if (trail.length === 0 && line.previous) trail.push(line.previous);
    if (trail.at(-2) === line.live) trail.pop();
    else trail.push(line.live);
  }
  return trail.at(-1) === live ? trail.at(-2) : undefined;
}

async function change(modelsDir: string, task: string, version: string, { by, why, at }: Note): Promise<HistoryLine | null> {
  const file = join(modelsDir, 'registry.json');
  const text = await readFile(file, 'utf8').catch(() => '');
  const registry = await readRegistryFile(modelsDir);
  const found = taskOf(registry, task);
  if (!found.versions.includes(version)) {
    const known = `${file} has ${found.versions.join(', ')}`;
    throw new InferenceError('version_unknown', `there is no version "${version}" of ${task}; ${known}. New ones come by training.release`);
  }
  if (found.live === version) return null;
  const model = await verifyVersion(modelsDir, task, version);
  if (task === 'encoder') await readEncoderConfig(model);
  if (task === 'ranker') await readRankerFile(model);
  if (task === 'voice') await readVoice(model);
  const line: HistoryLine = { live: version, previous: found.live, at: at.toISOString(), by, why, forced: null };
  registry.tasks[task] = { ...found, live: version, history: [...(found.history ?? []), line] };
  await write(file, text, registry);
  return line;
}

function taskOf({ tasks }: RegistryFile, task: string): RegistryFile['tasks'][string] {
  const found = Object.hasOwn(tasks, task) ? tasks[task] : undefined;
  if (found) return found;
  throw new InferenceError('task_unknown', `there is no task "${task}"; the registry has ${Object.keys(tasks).join(', ')}`);
}

async function write(file: string, before: string, registry: RegistryFile): Promise<void> {
  const fresh = `${file}.${process.pid}.new`;
  try {
    const handle = await open(fresh, 'w');
    try {
      await handle.writeFile(`${JSON.stringify(registry, null, 1)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if ((await readFile(file, 'utf8')) !== before)
      throw new InferenceError('registry_changed', `${file} was changed by somebody else just now; nothing was touched, look again`);
    await rename(fresh, file);
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => {});
    if (cause instanceof InferenceError) throw cause;
    const why = (cause as Error).message;
    throw new InferenceError('registry_unwritable', `${file} cannot be written (${why}); what was live stays live`, { cause });
  }
}
