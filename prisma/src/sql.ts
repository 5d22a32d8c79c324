// Written-out statements straight to the driver, each prepared once a connection: for what every turn does, a client that plans a query costs as much as the query.
import type pg from 'pg';

export interface Sql {
  /** The rows. Values as PostgreSQL reads them: numbers, strings, booleans, lists of them, JSON as text. */
  rows<Rows extends readonly unknown[]>(text: string, ...values: unknown[]): Promise<Rows>;
  /** How many rows were written. */
  run(text: string, ...values: unknown[]): Promise<number>;
}

export interface Database extends Sql {
  /** All of it or nothing; embedded nobody else gets in before its end, so only its own `Sql` may be awaited within. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
}

/** A pooler between us and PostgreSQL may not know what was prepared, or know it already. */
const unprepared = new Set(['26000', '42P05']);

/** Rejects with PostgreSQL's own error and its `code`. */
export function createDatabase(pool: pg.Pool): Database {
  const names = new Map<string, string>();
  let prepares = true;
  const nameOf = (text: string) => {
    const known = names.get(text) ?? `troupe_${names.size}`;
    names.set(text, known);
    return known;
  };
  const on = (session: Pick<pg.Pool, 'query'>, mayRepeat: boolean): Sql => {
    const query = async (text: string, values: unknown[]): Promise<pg.QueryResult> => {
      try {
        return await session.query(prepares ? { name: nameOf(text), text, values } : { text, values });
      } catch (error) {
        if (!prepares || !unprepared.has((error as { code?: string }).code ?? '')) throw error;
        prepares = false;
        if (!mayRepeat) throw error;
        return session.query({ text, values });
      }
    };
    return {
      rows: async <Rows>(text: string, ...values: unknown[]) => (await query(text, values)).rows as Rows,
      run: async (text, ...values) => (await query(text, values)).rowCount ?? 0,
    };
  };
  return {
    ...on(pool, true),
    async transaction(work) {
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        await client.query('BEGIN');
        const result = await work(on(client, false));
        const { command } = await client.query('COMMIT');
        // What PostgreSQL gave up at an error that was swallowed within ends as a rollback without another one.
        if (command !== 'COMMIT') throw new Error('the transaction was rolled back');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((cause: Error) => {
          broken = cause;
        });
        throw error;
      } finally {
        client.release(broken);
      }
    },
  };
}
