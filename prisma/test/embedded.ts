// What tests of the embedded store stand on: folders to open, and processes that open them and are killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { openStore, type Store } from '../src/index.ts';

export interface Folders {
  /** Where all of them are. */
  folder: string;
  /** A data folder with a store in it that holds nothing yet. */
  fresh(name: string): string;
  /** Closed when the test ends. */
  opened(dataDir: string): Promise<Store & { pool: pg.Pool }>;
  /** A process of its own that runs this text with an open `store`; `next` is its next line of output. Killed when the test ends. */
  child(dataDir: string, text: string): { process: ChildProcess; next(): Promise<string | undefined> };
}

/** For one test file; everything is gone after it. */
export function useFolders(): Folders {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-embedded-'));
  const pristine = join(folder, 'pristine');
  const open: Store[] = [];
  const children: ChildProcess[] = [];

  // Making a folder takes seconds, copying one does not.
  beforeAll(async () => {
    await (await openStore({ dataDir: pristine })).close();
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const store of open.splice(0)) await store.close();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  return {
    folder,
    fresh(name) {
      const dataDir = join(folder, name);
      cpSync(pristine, dataDir, { recursive: true });
      return dataDir;
    },
    async opened(dataDir) {
      const store = await openStore({ dataDir });
      open.push(store);
      const close = async () => {
        if (open.includes(store)) open.splice(open.indexOf(store), 1);
        await store.close();
      };
      return { ...(store as Store & { pool: pg.Pool }), close };
    },
    child(dataDir, text) {
      const code = `import { openStore } from './prisma/src/index.ts';
        const store = await openStore({ dataDir: ${JSON.stringify(dataDir)} });
        ${text}`;
      const started = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      children.push(started);
      const lines = createInterface({ input: started.stdout! })[Symbol.asyncIterator]();
      return { process: started, next: async () => (await lines.next()).value as string | undefined };
    },
  };
}

export async function kill(victim: ChildProcess): Promise<void> {
  const gone = once(victim, 'exit');
  victim.kill('SIGKILL');
  await gone;
}
