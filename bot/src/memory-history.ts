// What is asked of the past: how a message's turn ended, what was said, whose messages are ours, where platforms left off.
import type { Database } from '@troupe/prisma';
import { toAnswer } from './answer.ts';
import { at, ms } from './memory.ts';
import { inboundKey } from './memory-inbox.ts';
import type { Address, Answer, HistoryEntry, TurnUpdate } from './platform.ts';

export interface History {
  /** The end of the turn of this message; null while there is none. */
  outcome(platform: string, channel: string, messageId: string): Promise<TurnUpdate | null>;
  /** Oldest first, the last `limit` entries. */
  entries(platform: string, channel: string, limit: number): Promise<HistoryEntry[]>;
  hasReply(replyId: string): Promise<boolean>;
  takesPart(platform: string, workspace: string, channel: string): Promise<boolean>;
  isOurs(platform: string, workspace: string, messageId: string): Promise<boolean>;
  lastSeen(platform: string, sinceMs: number): Promise<{ address: Address; id: string; sentAtMs: number }[]>;
}

const replyJson = `json_build_object('id', r.id, 'text', coalesce(r.text, ''), 'character', r.character, 'expression', r.expression, 'source', r.source,
  'intent', r.intent, 'mood', r.mood, 'candidates', r.candidates, 'versions', r.versions, 'timing', r.timing,
  'read', CASE WHEN d.turn_id IS NOT NULL THEN json_build_object('emotions', d.emotions, 'detected', d.detected, 'sentiment', d.sentiment) END)`;

const outcomeSql = `SELECT t.state, CASE WHEN r.id IS NOT NULL THEN ${replyJson} END AS told
  FROM messages m JOIN turns t ON t.id = m.turn_id LEFT JOIN replies r ON r.turn_id = t.id LEFT JOIN reads d ON d.turn_id = t.id
  WHERE m.inbound_key = $1`;

const entriesSql = `SELECT * FROM (
  SELECT 'user' AS role, m.inbound_key::json ->> 3 AS id, m.text, ${ms('m.received_at')} AS at_ms, 0 AS later, NULL AS vote, NULL AS told
  FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.platform = $1 AND c.workspace = $1 AND c.channel = $2
  UNION ALL
  SELECT 'character', r.id, r.text, ${ms('r.created_at')}, 1, (SELECT v.value FROM votes v WHERE v.reply_id = r.id ORDER BY v.at DESC LIMIT 1), ${replyJson}
  FROM replies r JOIN conversations c ON c.id = r.conversation_id LEFT JOIN reads d ON d.turn_id = r.turn_id
  WHERE c.platform = $1 AND c.workspace = $1 AND c.channel = $2
) e ORDER BY at_ms DESC, later DESC LIMIT $3::int`;

/** A platform that asks for outcomes and entries has one workspace, named like itself. */
export function createHistory(database: Database, limitWindowMs: number): History {
  const some = async (sql: string, ...values: unknown[]) => (await database.rows<unknown[]>(sql, ...values)).length > 0;
  return {
    async outcome(platform, channel, messageId) {
      const key = inboundKey(platform, { workspace: platform, channel, place: {} }, messageId);
      const [row] = await database.rows<{ state: string; told: Parameters<typeof toAnswer>[0] | null }[]>(outcomeSql, key);
      if (!row || row.state === 'open') return null;
      if (row.told) return { type: 'reply', answer: toAnswer(row.told) };
      return silenceUpdate(row.state, limitWindowMs);
    },

    async entries(platform, channel, limit) {
      const rows = await database.rows<Row[]>(entriesSql, platform, channel, limit);
      return rows.reverse().map(({ role, id, text, at_ms, vote, told }): HistoryEntry => {
        if (role === 'user' || !told) return { role: 'user', id, text, atMs: at_ms };
        return { role: 'character', id, text, atMs: at_ms, vote, answer: toAnswer(told) satisfies Answer };
      });
    },

    hasReply: (replyId) => some('SELECT 1 FROM replies WHERE id = $1', replyId),

    takesPart: (platform, workspace, channel) =>
      some(
        'SELECT 1 FROM conversations c WHERE c.platform = $1 AND c.workspace = $2 AND c.channel = $3 AND EXISTS (SELECT 1 FROM replies r WHERE r.conversation_id = c.id)',
        platform,
        workspace,
        channel,
      ),

    isOurs: (platform, workspace, messageId) =>
      some('SELECT 1 FROM sent_messages WHERE platform = $1 AND workspace = $2 AND message_id = $3', platform, workspace, messageId),

    async lastSeen(platform, sinceMs) {
      const rows = await database.rows<{ address: Address; id: string; at_ms: number }[]>(
        `SELECT DISTINCT ON (m.conversation_id) m.address, m.inbound_key::json ->> 3 AS id, ${ms('m.sent_at')} AS at_ms
          FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.platform = $1 AND m.sent_at >= ${at('$2')}
          ORDER BY m.conversation_id, m.sent_at DESC, m.received_at DESC`,
        platform,
        sinceMs,
      );
      return rows.map(({ address, id, at_ms }) => ({ address, id, sentAtMs: at_ms }));
    },
  };
}

/** How a turn without a reply ended, by its row's state. */
export function silenceUpdate(state: string, limitWindowMs: number): TurnUpdate {
  switch (state) {
    case 'limited':
      return { type: 'limited', retryAfterS: Math.max(1, Math.ceil(limitWindowMs / 1000)) };
    case 'stopped':
    case 'handed-off':
    case 'deleted':
    case 'channel-not-allowed':
      return { type: 'silent', reason: state };
    default:
      return { type: 'failed', code: 'turn-failed', message: 'The turn ended without an answer.' };
  }
}

interface Row {
  role: 'user' | 'character';
  id: string;
  text: string | null;
  at_ms: number;
  vote: 'up' | 'down' | null;
  told: Parameters<typeof toAnswer>[0] | null;
}
