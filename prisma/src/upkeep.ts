// What a server's background processes do and PGlite has none of: checkpoints, so that its log stays short, and vacuum of the busy tables.
import type { EmbeddedPool } from './pool.ts';

const EVERY_MS = 60_000;
/** Nothing is done until so much was written. */
const WORTH_BYTES = 16 * 1024 * 1024;

/** Runs until the result is called. A failure is left to the next statement that meets it. */
export function keepUp(pool: EmbeddedPool): () => void {
  let since: string | undefined;
  const timer = setInterval(async () => {
    try {
      since = await tidy(pool, since);
    } catch {}
  }, EVERY_MS).unref();
  return () => clearInterval(timer);
}

/** Resolves with the place in the log up to which all is tidy. */
export async function tidy(pool: EmbeddedPool, since: string | undefined, worthBytes = WORTH_BYTES): Promise<string> {
  const { rows } = await pool.query(
    'SELECT pg_current_wal_lsn()::text AS now, pg_wal_lsn_diff(pg_current_wal_lsn(), $1)::float8 AS written',
    [since ?? '0/0'],
  );
  const [{ now, written }] = rows as [{ now: string; written: number }];
  if (since === undefined || written < worthBytes) return since ?? now;
  const busy = await pool.query(
    "SELECT format('%I.%I', schemaname, relname) AS name FROM pg_stat_user_tables WHERE schemaname IN ('public', 'bullmq') AND n_dead_tup > 500",
  );
  // One table at a time, so that nobody waits for all of them.
  for (const { name } of busy.rows as { name: string }[]) await pool.query(`VACUUM (ANALYZE) ${name}`);
  await pool.query('CHECKPOINT');
  return now;
}
