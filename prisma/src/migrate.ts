// Applies prisma/migrations over any SQL connection, as Prisma would.

export interface SqlConnection {
  query(text: string, params?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** Applies what is missing, in order; resolves with the names applied now. */
export async function migrate(_connection: SqlConnection): Promise<string[]> {
  throw new Error('not written yet');
}
