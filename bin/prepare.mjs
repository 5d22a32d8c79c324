// Makes a fresh clone runnable: a new enough Node, the packages of the lock file, the generated Prisma client, TypeScript on the fly.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const neededNode = [20, 19];

/**
 * Installs what is missing, once per lock file and schema, then lets this process import TypeScript, after the `packages` that are wanted without its
 * loader. Ends the process with one line when it cannot.
 */
export async function prepare({ quiet = false, packages = [] } = {}) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < neededNode[0] || (major === neededNode[0] && minor < neededNode[1]))
    refuse(
      `Node ${process.versions.node} is too old. Troupe needs Node ${neededNode.join('.')} or newer: https://nodejs.org, or \`nvm install 22\`.`,
    );
  once(
    'packages',
    ['package-lock.json', '.npmrc'],
    join(root, 'node_modules', '.package-lock.json'),
    quiet,
    'Installing packages (a minute or two, once)',
    () => npm(['ci', '--no-fund', '--no-audit', '--loglevel=error'], quiet),
  );
  once(
    'client',
    ['prisma/schema.prisma', 'package-lock.json'],
    join(root, 'prisma/src/generated/client.ts'),
    quiet,
    'Generating the database client',
    () =>
      // Generating needs no schema engine; naming any file keeps Prisma from fetching one.
      run(process.execPath, [join(root, 'node_modules/prisma/build/index.js'), 'generate'], true, {
        PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
        PRISMA_HIDE_UPDATE_MESSAGE: '1',
      }),
  );
  // What is wrong with one is told where it is needed.
  for (const name of packages) await import(name).catch(() => {});
  const { register } = await import('tsx/esm/api');
  register();
}

/** Runs `work` unless it has run for these very input files and its result is still there. */
function once(name, inputs, result, quiet, title, work) {
  const sum = createHash('sha256');
  for (const file of inputs) sum.update(readFileSync(join(root, file)));
  const stamp = join(root, 'node_modules', `.troupe-${name}`);
  const wanted = sum.digest('hex');
  if (existsSync(result) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  if (!quiet) console.error(`${title} …`);
  work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

function npm(args, quiet) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('.js')) run(process.execPath, [cli, ...args], quiet);
  else run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, quiet);
}

/** Shows the output of a step only when it fails, or as it comes when not quiet. */
export function run(command, args, quiet, env = {}) {
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: quiet ? 'pipe' : ['ignore', 2, 2],
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  if (done.status === 0) return;
  if (quiet) process.stderr.write((done.stdout ?? '') + (done.stderr ?? ''));
  refuse(
    `\`${command.split('/').at(-1)} ${args.join(' ')}\` failed (${done.error?.message ?? `status ${done.status ?? done.signal}`}). Mend what it says above and start again.`,
  );
}

export function refuse(sentence) {
  console.error(`troupe: ${sentence}`);
  process.exit(1);
}
