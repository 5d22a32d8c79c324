// The store: PostgreSQL where DATABASE_URL names one, otherwise PGlite in DATA_DIR, the same schema and client on both.
import type { PrismaClient } from './generated/client.ts';
import type { EmbeddedPool } from './pool.ts';

export { StoreError } from './errors.ts';
export { Prisma } from './generated/client.ts';
export { migrate } from './migrate.ts';
export type { EmbeddedPool, PrismaClient };

export interface StoreSettings {
  /** PostgreSQL 15 or newer. Without it the store is embedded. */
  databaseUrl?: string;
  /** The embedded store's folder; made where it is missing, held by one process at a time. */
  dataDir: string;
}

export interface Store {
  readonly kind: 'postgres' | 'embedded';
  readonly prisma: PrismaClient;
  /** Embedded only: what BullMQ's Postgres backend runs on, the same PGlite as `prisma`. Its schema `bullmq` is there. */
  readonly pool?: EmbeddedPool;
  /** Rejects with a retryable StoreError while the database is away. */
  ping(): Promise<void>;
  /** Ends connections; embedded also checkpoints and gives DATA_DIR back. Close the queues first. */
  close(): Promise<void>;
}

/** Opens and migrates. Rejects with a StoreError that says what to do: `store-held`, `store-corrupt`, `store-newer`, `migration-changed`, `migration-missing`, `store-unreachable`. */
export async function openStore(_settings: StoreSettings): Promise<Store> {
  throw new Error('not written yet');
}
