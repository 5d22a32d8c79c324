// The store: PostgreSQL where DATABASE_URL names one, otherwise PGlite in DATA_DIR, the same schema and client on both.
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { openEmbedded } from './embedded.ts';
import { StoreError } from './errors.ts';
import { PrismaClient } from './generated/client.ts';
import { migrate } from './migrate.ts';
import type { EmbeddedPool } from './pool.ts';
import { createDatabase, type Database } from './sql.ts';

export { StoreError } from './errors.ts';
export { Prisma } from './generated/client.ts';
export { migrate } from './migrate.ts';
export type { Sql } from './sql.ts';
export type { Database, EmbeddedPool, PrismaClient };

export interface StoreSettings {
  /** PostgreSQL 15 or newer. Without it the store is embedded. */
  databaseUrl?: string;
  /** The embedded store's folder; made where it is missing, held by one process at a time. */
  dataDir: string;
  /** How long to wait for a PostgreSQL that does not answer yet. */
  patienceMs?: number;
}

export interface Store {
  readonly kind: 'postgres' | 'embedded';
  /** Embedded there is one session: within `$transaction` only its own client may be awaited, never `prisma` itself nor a queue. */
  readonly prisma: PrismaClient;
  /** The same database, for statements that are written out. */
  readonly sql: Database;
  /** Embedded only: what BullMQ's Postgres backend runs on, the same PGlite as `prisma`. Its schema `bullmq` is there, its tables are the queues' matter. */
  readonly pool?: EmbeddedPool;
  /** Rejects with a retryable StoreError `store-unreachable` while the database is away. */
  ping(): Promise<void>;
  /** Ends connections; embedded also gives DATA_DIR back. Close the queues first. */
  close(): Promise<void>;
}

/** Waiting for a connection, or embedded for the session, and the longest a transaction may take. */
const TRANSACTION = { maxWait: 15_000, timeout: 15_000 };

/**
 * Opens and migrates. Rejects with a StoreError that says what to do: `store-held`, `store-corrupt`, `store-newer`, `store-older`,
 * `store-unreachable`, `postgres-too-old`, `migration-changed`, `migration-missing`, `migration-failed`, `migration-unfinished`.
 */
export async function openStore(settings: StoreSettings): Promise<Store> {
  return settings.databaseUrl ? openPostgres(settings.databaseUrl, settings.patienceMs ?? 15_000) : openInProcess(settings.dataDir);
}

async function openInProcess(dataDir: string): Promise<Store> {
  const { pool, close } = await openEmbedded(dataDir);
  try {
    const client = await pool.connect();
    await migrate(client).finally(() => client.release());
    // BullMQ's statements name no schema; its tables and ours have no name in common.
    await pool.query('CREATE SCHEMA IF NOT EXISTS bullmq; SET search_path = public, bullmq');
    const prisma = new PrismaClient({ adapter: new PrismaPg(pool), transactionOptions: TRANSACTION });
    const ping = async () => {
      await pool.query('SELECT 1').catch(unreachable);
    };
    return {
      kind: 'embedded',
      prisma,
      sql: createDatabase(pool),
      pool,
      ping,
      async close() {
        await prisma.$disconnect();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openPostgres(connectionString: string, patienceMs: number): Promise<Store> {
  const pool = new pg.Pool({ connectionString, max: 20, connectionTimeoutMillis: 5_000, keepAlive: true });
  // An idle connection that breaks is replaced by the pool; whoever needs one hears of it from the statement.
  pool.on('error', () => {});
  try {
    const client = await connect(pool, patienceMs);
    try {
      await refuseOld(client);
      await migrate(client);
    } finally {
      client.release();
    }
    const prisma = new PrismaClient({ adapter: new PrismaPg(pool), transactionOptions: TRANSACTION });
    const ping = async () => {
      await pool.query('SELECT 1').catch(unreachable);
    };
    return {
      kind: 'postgres',
      prisma,
      sql: createDatabase(pool),
      ping,
      async close() {
        await prisma.$disconnect();
        await pool.end();
      },
    };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

async function connect(pool: pg.Pool, patienceMs: number): Promise<pg.PoolClient> {
  const untilMs = Date.now() + patienceMs;
  for (;;) {
    try {
      return await pool.connect();
    } catch (cause) {
      if (Date.now() < untilMs && isAway(cause)) await new Promise((resolve) => setTimeout(resolve, 250));
      else unreachable(cause);
    }
  }
}

/** Not there yet or starting up, as against there and refusing us. */
function isAway(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === undefined || code === '57P03' || /^E[A-Z]+$/.test(code);
}

async function refuseOld(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<{ server_version_num: string }>('SHOW server_version_num');
  const major = Math.floor(Number(rows[0]?.server_version_num) / 10_000);
  if (major < 15) throw new StoreError('postgres-too-old', `DATABASE_URL names PostgreSQL ${major}; Troupe needs 15 or newer.`);
}

function unreachable(cause: unknown): never {
  throw new StoreError('store-unreachable', `The database does not answer: ${(cause as Error).message}`, { retryable: true, cause });
}
