// `forget me`: what is stored about a person goes in the transaction that stores the confirmation; the confirmation goes once it is sent.
import { randomUUID } from 'node:crypto';
import type { Database } from '@troupe/prisma';
import type { Turn, Unsent } from './memory.ts';
import type { Composed, ReplyMemory } from './memory-reply.ts';

export interface Stored {
  messages: number;
  replies: number;
  votes: number;
  moods: number;
}

export interface Privacy {
  /** What `forget` would remove, the asking message included. */
  count(turn: Turn): Promise<Stored>;
  /** Removes the person everywhere on this platform. Messages of theirs that still wait for an answer stay and belong to somebody new. */
  forget(turn: Turn, reply: Composed): Promise<Unsent | 'lost'>;
}

/** One human may have a row for each workspace of a platform. */
const theirIds = 'SELECT p.id FROM people p JOIN people me ON me.platform = p.platform AND me.external_id = p.external_id WHERE me.id = $1';

const countSql = `SELECT
  (SELECT count(*)::int FROM messages WHERE person_id IN (${theirIds}) AND turn_id IS NOT NULL) AS messages,
  (SELECT count(*)::int FROM replies WHERE person_id IN (${theirIds})) AS replies,
  (SELECT count(*)::int FROM votes WHERE person_id IN (${theirIds})) AS votes,
  (SELECT count(*)::int FROM moods WHERE person_id IN (${theirIds})) AS moods`;

/** Frees the key of the person's rows and gives what still waits to new ones, so that nothing said after `forget me` is lost. */
const moveWaiting = `WITH waiting AS (SELECT DISTINCT person_id FROM messages WHERE person_id = ANY ($1::text[]) AND turn_id IS NULL),
  freed AS (UPDATE people SET external_id = 'forgotten:' || id WHERE id = ANY ($1::text[]) RETURNING id)
  SELECT p.id, p.platform, p.workspace, p.external_id, p.name FROM people p JOIN waiting w ON w.person_id = p.id WHERE (SELECT count(*) FROM freed) > 0`;

export function createPrivacy(database: Database, replies: Pick<ReplyMemory, 'answer'>, owner: string): Privacy {
  return {
    async count(turn) {
      const [row] = await database.rows<[Stored]>(countSql, turn.person?.id ?? '');
      return row;
    },

    forget: (turn, reply) =>
      database.transaction(async (sql) => {
        await sql.rows('SELECT id FROM conversations WHERE id = $1 FOR NO KEY UPDATE', turn.place.id);
        const ours = await sql.rows<unknown[]>(
          "SELECT 1 FROM turns WHERE id = $1 AND state = 'open' AND lease_owner = $2 FOR UPDATE",
          turn.id,
          owner,
        );
        if (ours.length === 0 || !turn.person) return 'lost';
        const rows = await sql.rows<{ id: string }[]>(`${theirIds} FOR UPDATE OF p`, turn.person.id);
        const ids = rows.map(({ id }) => id);
        for (const waiting of await sql.rows<{ id: string; platform: string; workspace: string; external_id: string; name: string }[]>(
          moveWaiting,
          ids,
        )) {
          const { id, platform, workspace, external_id, name } = waiting;
          const renewed = randomUUID();
          await sql.run(
            "INSERT INTO people (id, platform, workspace, external_id, name, created_at) VALUES ($1, $2, $3, $4, $5, now() AT TIME ZONE 'utc')",
            renewed,
            platform,
            workspace,
            external_id,
            name,
          );
          await sql.run('UPDATE messages SET person_id = $2 WHERE person_id = $1 AND turn_id IS NULL', id, renewed);
        }
        await sql.run('UPDATE turns SET person_id = NULL WHERE id = $1', turn.id);
        await sql.run('UPDATE messages SET person_id = NULL, text = NULL WHERE turn_id = $1', turn.id);
        const places = await sql.rows<{ id: string }[]>(
          'SELECT DISTINCT conversation_id AS id FROM turns WHERE person_id = ANY ($1::text[])',
          ids,
        );
        await sql.run('DELETE FROM messages WHERE person_id = ANY ($1::text[])', ids);
        await sql.run('DELETE FROM turns WHERE person_id = ANY ($1::text[])', ids);
        await sql.run('DELETE FROM people WHERE id = ANY ($1::text[])', ids);
        await sql.run(
          `DELETE FROM conversations c WHERE c.id = ANY ($1::text[]) AND c.id <> $2 AND NOT EXISTS (SELECT 1 FROM messages WHERE conversation_id = c.id)
            AND NOT EXISTS (SELECT 1 FROM turns WHERE conversation_id = c.id)`,
          places.map(({ id }) => id),
          turn.place.id,
        );
        const anonymous: Turn = { ...turn, person: null, messages: turn.messages.map((message) => ({ ...message, text: null })) };
        const stored = await replies.answer(
          anonymous,
          { ...reply, read: null, moodState: null, candidates: [], safety: 'none' },
          null,
          sql,
        );
        if (typeof stored === 'string') throw new Error('the turn was taken over while its person was forgotten');
        turn.person = null;
        return stored;
      }),
  };
}
