// Where the tests find Python with what training needs: the environment that `npm test` makes, or the interpreter that PYTHON names.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const own = fileURLToPath(new URL('../training/.venv/bin/python', import.meta.url));
const named = process.env.PYTHON ?? (existsSync(own) ? own : undefined);

/** Undefined where there is none: a test that needs it is skipped, which `npm test` never has to do. */
export const python = named && spawnSync(named, ['-c', 'import numpy, yaml, onnxruntime']).status === 0 ? named : undefined;

/** `python -m training.<stage>`. Its output; throws with it unless the status is `status`. */
export function stage(name: string, args: readonly string[], status = 0): string {
  const env = { ...process.env, MLFLOW_TRACKING_URI: 'none://tests-are-not-tracked', OMP_NUM_THREADS: '1' };
  const done = spawnSync(python as string, ['-m', `training.${name}`, ...args], { encoding: 'utf8', env });
  if (done.status !== status) throw new Error(`training.${name} ended with ${done.status}, not ${status}:\n${done.stdout}\n${done.stderr}`);
  return done.stdout;
}

/** `npx troupe <args> --json`. */
export function troupeVerb(args: readonly string[], env: Record<string, string>): Record<string, unknown> {
  const { PATH = '', HOME = '' } = process.env;
  const output = execFileSync(process.execPath, ['bin/troupe.mjs', ...args, '--json'], { encoding: 'utf8', env: { PATH, HOME, ...env } });
  return JSON.parse(output);
}
