// A new embedded store: made by a process of its own, and in its place only once it is whole.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PREFIX = 'making-';

/**
 * Resolves when `folder`/`name` is a store; whatever was left half made in `folder` is removed. Rejects with the engine's error.
 * Making takes 600 MB which an engine that goes on living would keep, so it is done where they are given back.
 */
export async function makeStore(folder: string, name: string, startParams: readonly string[]): Promise<void> {
  sweep(folder);
  const place = mkdtempSync(join(folder, PREFIX));
  const maker = fork(fileURLToPath(new URL('./make.mjs', import.meta.url)), [place, ...startParams], {
    // What runs once is not worth optimising: on two cores the models load on the other one meanwhile.
    execArgv: ['--liftoff-only'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let told: string | undefined;
  maker.on('message', ({ why }: { why: string }) => {
    told = why;
  });
  try {
    const [status, signal] = await once(maker, 'close');
    if (status !== 0) throw new Error(told ?? `the process that makes it ended with ${signal ?? status}`);
    renameSync(place, join(folder, name));
    // A maker whose asker was killed may have gone on for seconds, in the middle of its work, and put back what was removed.
    sweep(folder);
  } catch (error) {
    rmSync(place, { recursive: true, force: true });
    throw error;
  }
}

function sweep(folder: string): void {
  for (const entry of readdirSync(folder)) if (entry.startsWith(PREFIX)) rmSync(join(folder, entry), { recursive: true, force: true });
}
