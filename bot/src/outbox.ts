// Replies out: each is marked as being sent before it is, and as sent with the platform's ids after; what dies in between is looked up and sent again.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Sql } from '@troupe/prisma';
import type { Logger } from 'pino';
import { TroupeError } from './errors.ts';
import { at, type Turn, type Unsent } from './memory.ts';
import type { Platform } from './platform.ts';

export interface OutboxOptions {
  database: Database;
  owner: string;
  now: () => number;
  /** Running platforms by name. */
  platform(name: string): Pick<Platform, 'send'> | undefined;
  characterName(slug: string): string;
  /** Begins the conversation's next turn, if there is one to begin. */
  resume(conversationId: string): Promise<Turn | null>;
  checkpoint(name: 'sending-marked' | 'sent' | 'sent-marked'): Promise<void>;
  /** Pauses between attempts grow from the first to the second. */
  backoffMs?: [first: number, longest: number];
  /** A reply older than this is given up: it would puzzle more than please. */
  giveUpAfterMs?: number;
}

export interface Outbox {
  /**
   * Sends the turn's reply until it is out or given up, ends the turn and begins the next. `lost`: the turn was taken over.
   * Rejects with the signal's reason, leaving the rest to whoever takes the turn up.
   */
  deliver(turn: Turn, reply: Unsent, log: Logger, signal: AbortSignal): Promise<{ state: 'sent' | 'failed' | 'lost'; next: Turn | null }>;
  /** Ends a turn that has nothing to send and begins the next. */
  close(turn: Turn): Promise<Turn | null>;
}

const markAgain = `UPDATE outbox o SET attempts = attempts + 1, state = 'sending', error = $4 FROM turns t, replies r
  WHERE o.id = $1 AND o.state IN ('pending', 'sending') AND r.id = o.reply_id AND t.id = r.turn_id AND t.id = $2 AND t.lease_owner = $3 RETURNING o.attempts`;

/**
 * Ends the turn under its conversation's lock, and looks whether anything waits. Whoever stores a message renews the conversation's row, so
 * a row that is another one than when this statement began says that the look may have been too early.
 */
const closeSql = `WITH place AS (SELECT id, xmin AS latest FROM conversations WHERE id = $1 FOR NO KEY UPDATE
), ended AS (UPDATE turns SET lease_owner = NULL, lease_until = NULL WHERE id = $2 AND lease_owner = $3 AND EXISTS (SELECT 1 FROM place) RETURNING id
), out AS (UPDATE outbox SET state = $5, sent_at = CASE WHEN $5 = 'sent' THEN ${at('$6')} END, error = $7 WHERE id = $4 RETURNING reply_id, platform
), ids AS (INSERT INTO sent_messages (platform, workspace, message_id, reply_id, sent_at)
  SELECT out.platform, $8, m.id, out.reply_id, ${at('$6')} FROM out, unnest($9::text[]) AS m (id) ON CONFLICT DO NOTHING)
SELECT (SELECT count(*)::int FROM ended) AS ended, EXISTS (SELECT 1 FROM messages WHERE conversation_id = $1 AND turn_id IS NULL) AS waits,
  EXISTS (SELECT 1 FROM place p JOIN conversations c ON c.id = p.id WHERE c.xmin <> p.latest) AS unsure`;

/** The turn of a person who asked to be forgotten leaves nothing behind, nor does a conversation only they were in. */
const purge = [
  'DELETE FROM messages WHERE turn_id = $2 AND conversation_id = $1',
  'DELETE FROM turns WHERE id = $2 AND conversation_id = $1',
  `DELETE FROM conversations c WHERE c.id = $1 AND $2 <> '' AND NOT EXISTS (SELECT 1 FROM messages WHERE conversation_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM turns WHERE conversation_id = c.id)`,
];

interface Out {
  id: string;
  state: 'sent' | 'failed';
  error: string | null;
  workspace: string;
  ids: string[];
}

export function createOutbox(options: OutboxOptions): Outbox {
  const { database, owner, now, checkpoint, backoffMs = [1000, 60_000], giveUpAfterMs = 6 * 3_600_000 } = options;

  async function end(turn: Turn, out: Out | null): Promise<Turn | null> {
    const { place, id } = turn;
    const values = [
      place.id,
      id,
      owner,
      out?.id ?? null,
      out?.state ?? 'sent',
      now(),
      out?.error ?? null,
      out?.workspace ?? '',
      out?.ids ?? [],
    ];
    const close = (sql: Sql) => sql.rows<[{ waits: boolean; unsure: boolean }]>(closeSql, ...values);
    if (turn.person === null) {
      await database.transaction(async (sql) => {
        await close(sql);
        for (const statement of purge) await sql.run(statement, place.id, id);
      });
      return options.resume(place.id);
    }
    const [{ waits, unsure }] = await close(database);
    return waits || unsure ? options.resume(place.id) : null;
  }

  return {
    close: (turn) => end(turn, null),

    async deliver(turn, reply, log, signal) {
      let attempt = reply.attempts;
      let error: string | null = null;
      // Attempt 1 was marked in the reply's own statement; a turn taken up again marks the next.
      let marked = turn.unsent === null;
      for (let pauseMs = backoffMs[0]; ; pauseMs = Math.min(pauseMs * 2, backoffMs[1])) {
        if (!marked) {
          const [row] = await database.rows<{ attempts: number }[]>(markAgain, reply.id, turn.id, owner, error);
          if (!row) return { state: 'lost', next: null };
          attempt = row.attempts;
        }
        marked = false;
        await checkpoint('sending-marked');
        const { address } = reply;
        const sent = await send(turn, reply, attempt).catch((cause: unknown) => cause as Error);
        if ('ids' in sent) {
          await checkpoint('sent');
          const next = await persistently(
            () => end(turn, { id: reply.id, state: 'sent', error: null, workspace: address.workspace, ids: sent.ids }),
            log,
            signal,
          );
          await checkpoint('sent-marked');
          return { state: 'sent', next };
        }
        error = sent instanceof TroupeError ? sent.code : sent.name;
        const final = (sent instanceof TroupeError && !sent.retryable) || now() - reply.createdAtMs > giveUpAfterMs;
        log.warn({ err: sent, attempt, outboxId: reply.id }, final ? 'reply not sent and given up' : 'reply not sent; tried again soon');
        if (final) {
          const why = error;
          const next = await persistently(
            () => end(turn, { id: reply.id, state: 'failed', error: why, workspace: address.workspace, ids: [] }),
            log,
            signal,
          );
          return { state: 'failed', next };
        }
        await sleep(pauseMs, undefined, { signal });
      }
    },
  };

  async function send(turn: Turn, reply: Unsent, attempt: number): Promise<{ ids: string[] }> {
    const platform = options.platform(turn.place.platform);
    if (!platform) throw new TroupeError('platform-off', `${turn.place.platform} is not connected`, { retryable: true });
    return platform.send({
      outboxId: reply.id,
      replyId: reply.replyId,
      address: reply.address,
      text: reply.text,
      character: { slug: reply.character, name: options.characterName(reply.character) },
      expression: reply.expression,
      attempt,
      notice: reply.notice,
    });
  }

  /** What was sent must be noted down: a database that is away for a moment is waited for, while the lease lasts the reply is nobody else's. */
  async function persistently<T>(work: () => Promise<T>, log: Logger, signal: AbortSignal): Promise<T> {
    for (let pauseMs = 200; ; pauseMs = Math.min(pauseMs * 2, 5000)) {
      try {
        return await work();
      } catch (err) {
        log.warn({ err }, 'store does not take the end of a turn; tried again soon');
        await sleep(pauseMs, undefined, { signal });
      }
    }
  }
}
