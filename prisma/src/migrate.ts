// Applies prisma/migrations over any SQL connection, with the ledger and the checksums Prisma's own command writes.
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { StoreError } from './errors.ts';

/** One session: a transaction begun on it stays on it. A pg client is one. */
export interface SqlConnection {
  query(text: string, params?: unknown[]): Promise<{ rows: unknown[] }>;
}

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

interface Applied {
  migration_name: string;
  checksum: string;
  finished_at: unknown;
}

/** The lock Prisma's own `migrate deploy` takes, so that the two wait for each other. */
const ADVISORY_LOCK = 72707369;

const LEDGER = `CREATE TABLE IF NOT EXISTS public."_prisma_migrations" (
  "id" VARCHAR(36) PRIMARY KEY NOT NULL,
  "checksum" VARCHAR(64) NOT NULL,
  "finished_at" TIMESTAMPTZ,
  "migration_name" VARCHAR(255) NOT NULL,
  "logs" TEXT,
  "rolled_back_at" TIMESTAMPTZ,
  "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
  "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`;

/** Applies what is missing, in order, each in a transaction of its own; resolves with the names applied now. Rejects with a StoreError. */
export async function migrate(
  connection: SqlConnection,
  folder = fileURLToPath(new URL('../migrations/', import.meta.url)),
): Promise<string[]> {
  const known = readMigrations(folder);
  await connection.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK]);
  try {
    await connection.query(LEDGER);
    const { rows } = await connection.query(
      'SELECT migration_name, checksum, finished_at FROM public."_prisma_migrations" WHERE rolled_back_at IS NULL ORDER BY started_at',
    );
    const applied = new Map((rows as Applied[]).map((row) => [row.migration_name, row]));
    for (const row of applied.values()) refuseForeign(row, known);
    const missing = known.filter((migration) => !applied.has(migration.name));
    for (const migration of missing) await apply(connection, migration);
    return missing.map((migration) => migration.name);
  } finally {
    await connection.query('SELECT pg_advisory_unlock($1)', [ADVISORY_LOCK]);
  }
}

function refuseForeign(row: Applied, known: Migration[]): void {
  const name = row.migration_name;
  const ours = known.find((migration) => migration.name === name);
  if (!ours)
    throw new StoreError(
      'migration-missing',
      `The database has the migration ${name}, which this version of Troupe does not: a newer one wrote it. Run that version, or bring prisma/migrations/${name} back.`,
    );
  if (ours.checksum !== row.checksum)
    throw new StoreError(
      'migration-changed',
      `The migration ${name} was changed after the database applied it. Restore prisma/migrations/${name}/migration.sql as it was and put the change into a new migration.`,
    );
  if (row.finished_at === null)
    throw new StoreError(
      'migration-unfinished',
      `The migration ${name} was begun by Prisma's command and never finished. Look at the database and settle it with "prisma migrate resolve", then start again.`,
    );
}

async function apply(connection: SqlConnection, { name, sql, checksum }: Migration): Promise<void> {
  await connection.query('BEGIN');
  try {
    // Migrations name no schema, and the session may look into another one first.
    await connection.query('SET LOCAL search_path TO public');
    await connection.query(sql);
    await connection.query(
      'INSERT INTO public."_prisma_migrations" (id, checksum, finished_at, migration_name, applied_steps_count) VALUES ($1, $2, now(), $3, 1)',
      [randomUUID(), checksum, name],
    );
    await connection.query('COMMIT');
  } catch (cause) {
    await connection.query('ROLLBACK');
    throw new StoreError('migration-failed', `The migration ${name} failed and was rolled back: ${(cause as Error).message}`, { cause });
  }
}

function readMigrations(folder: string): Migration[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .map((name) => {
      // A checkout with CRLF line ends is the same migration.
      const sql = readFileSync(`${folder}/${name}/migration.sql`, 'utf8').replaceAll('\r\n', '\n');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    });
}
