// The embedded store: one PGlite in a locked folder, for Prisma and for the queues.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { StoreError } from './errors.ts';
import { lockFolder } from './lock.ts';
import { makeStore } from './making.ts';
import { type EmbeddedPool, embeddedPool } from './pool.ts';
import { keepUp } from './upkeep.ts';

export interface Embedded {
  pool: EmbeddedPool;
  close(): Promise<void>;
}

/** The PostgreSQL inside PGlite; its folders are no other one's. */
export const POSTGRES_MAJOR = '18';

/** The engine's own folder within the data folder. */
const NAME = 'pg';

const PARAMS = [
  ...PGlite.defaultStartParams,
  // The system's file cache stands behind it: PGlite's own 128 MB would only be a second copy.
  ...['-c', 'shared_buffers=16MB'],
  // Kept for reuse after a checkpoint; the default is for servers.
  ...['-c', 'min_wal_size=32MB', '-c', 'max_wal_size=64MB'],
];

/** Rejects with a StoreError: `store-held`, `store-unmakeable`, `store-newer`, `store-older`, `store-corrupt`. */
export async function openEmbedded(dataDir: string): Promise<Embedded> {
  const folder = resolve(dataDir);
  const unlock = await lockFolder(folder);
  try {
    const pglite = await start(folder);
    const { pool, end } = embeddedPool(pglite);
    const stopUpkeep = keepUp(pool);
    const close = async () => {
      stopUpkeep();
      await end();
      // One that is held within a transaction would wait for its end.
      if (!pglite.isInTransaction()) await pglite.close();
      unlock();
    };
    return { pool, close };
  } catch (error) {
    unlock();
    throw error;
  }
}

async function start(folder: string): Promise<PGlite> {
  const data = join(folder, NAME);
  if (existsSync(data)) refuseForeign(data);
  else
    await makeStore(folder, NAME, PARAMS).catch((cause: Error) => {
      throw new StoreError('store-unmakeable', `The embedded store could not be made in ${folder}: ${cause.message}`, { cause });
    });
  try {
    return await PGlite.create({ dataDir: data, startParams: PARAMS });
  } catch (cause) {
    throw corrupt(data, (cause as Error).message ?? String(cause), cause);
  }
}

function refuseForeign(data: string): void {
  const file = join(data, 'PG_VERSION');
  if (!existsSync(file)) throw corrupt(data, 'PG_VERSION is missing');
  const major = readFileSync(file, 'utf8').trim();
  if (major === POSTGRES_MAJOR) return;
  if (!/^\d+$/.test(major)) throw corrupt(data, `PG_VERSION says "${major.slice(0, 20)}"`);
  const newer = Number(major) > Number(POSTGRES_MAJOR);
  throw new StoreError(
    newer ? 'store-newer' : 'store-older',
    `${data} was written by PostgreSQL ${major}; this version of Troupe has ${POSTGRES_MAJOR} inside. ${
      newer ? 'Run the newer Troupe that wrote it' : 'Run the older Troupe that wrote it and export what you need'
    }, or set DATA_DIR to another folder.`,
  );
}

function corrupt(data: string, why: string, cause?: unknown): StoreError {
  return new StoreError(
    'store-corrupt',
    `The embedded store in ${data} cannot be opened (${why}). Put a backup of the folder in its place, or move it away to begin with an empty one.`,
    { cause },
  );
}
