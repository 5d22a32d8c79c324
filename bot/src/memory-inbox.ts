// Messages in, then turns begun under the conversation's row lock: whoever holds it sees every message stored before.
import { randomUUID } from 'node:crypto';
import type { Database, Sql } from '@troupe/prisma';
import {
  at,
  type Context,
  loadTurn,
  openAlone,
  openTurn,
  pendingAndHolder,
  type Turn,
  type TurnMessage,
  takeOver,
  toTurn,
  utcNow,
} from './memory.ts';
import type { Address } from './platform.ts';

export interface Incoming {
  platform: string;
  messageId: string;
  address: Address;
  person: { id: string; name: string };
  /** Cleaned. */
  text: string;
  direct: boolean;
  character: string | null;
  sentAtMs: number;
  receivedAtMs: number;
  /** What the operator allows to learn from this platform's texts: nothing, with the person's consent, or all. */
  training: 'never' | 'opted-in' | 'always';
}

export interface InboxMemory {
  /**
   * Stores the message unless it is known, and begins the next turn unless one is under way. Null: nothing to run here.
   * `moreComing`, asked once the message is stored: another one of the place is about to be, and will begin the turn with this one.
   */
  receive(message: Incoming, moreComing?: () => boolean): Promise<Turn | null>;
  /** A new text counts while no turn has begun with it; null deletes it at any time. */
  edit(platform: string, messageId: string, address: Address, text: string | null): Promise<void>;
  /** Takes up a conversation whose owner is gone, or begins its next turn. */
  resume(conversationId: string): Promise<Turn | null>;
  /** Prolongs the leases; resolves with the turns still ours. */
  renew(turnIds: string[]): Promise<Set<string>>;
  /** Lets others, or us again, take the turn up after this long. */
  release(turnIds: string[], afterMs: number): Promise<void>;
  /** Ends the leases of owners who cannot be alive. */
  releaseOwners(isDead: (owner: string) => boolean): Promise<void>;
  /** Conversations that nobody takes care of, at most `limit`. */
  neglected(limit: number): Promise<string[]>;
}

export interface InboxMemoryOptions {
  owner: string;
  leaseMs: number;
  now: () => number;
  /** How far back turns count towards a person's limit. */
  limitWindowMs: number;
  /** A message that is a turn of its own. */
  standsAlone: (text: string) => boolean;
}

/** The same message delivered twice has the same key. */
export function inboundKey(platform: string, { workspace, channel }: Address, messageId: string): string {
  return JSON.stringify([platform, workspace, channel, messageId]);
}

/** Locks the conversation ($2-$4), stores the person ($6-$7) and the message. The conversation comes first: everybody locks in this order. */
const store = `WITH place AS (
  INSERT INTO conversations (id, platform, workspace, channel, created_at) VALUES ($1, $2, $3, $4, ${at('$8')})
  ON CONFLICT (platform, workspace, channel) DO UPDATE SET created_at = conversations.created_at RETURNING id
), someone AS (
  INSERT INTO people (id, platform, workspace, external_id, name, created_at) SELECT $5, $2, $3, $6, $7, ${at('$8')} FROM place
  ON CONFLICT (platform, workspace, external_id) DO UPDATE SET name = excluded.name RETURNING id, train_opt_in
), said AS (
  INSERT INTO messages (id, inbound_key, conversation_id, person_id, text, source, train_ok, character, address, direct, sent_at, received_at)
  SELECT $9, $10, place.id, someone.id, $11, $2, ($12 = 'always' OR ($12 = 'opted-in' AND someone.train_opt_in)), $13, $14::jsonb, $15::boolean,
    ${at('$16')}, ${at('$8')} FROM place, someone
  ON CONFLICT (inbound_key) DO NOTHING
)
SELECT place.id AS "placeId", someone.id AS "personId" FROM place, someone`;

const lockPlace = 'SELECT id FROM conversations WHERE id = $1 FOR NO KEY UPDATE';

/** Two transactions that wait for each other, or one that saw an older row: nothing was done, so it may be done again. */
const again = new Set(['40P01', '40001']);

export function createInboxMemory(database: Database, options: InboxMemoryOptions): InboxMemory {
  const { owner, leaseMs, now, limitWindowMs } = options;
  const countedSince = () => now() - limitWindowMs;
  const exclusively = <T>(work: (sql: Sql) => Promise<T>) => repeatable(() => database.transaction(work));

  /** Within a transaction that holds the conversation's lock. */
  async function next(sql: Sql, conversationId: string): Promise<Turn | null> {
    const [{ pending, holder }] = await sql.rows<[State]>(pendingAndHolder, conversationId);
    if (holder && !holder.stale) return null;
    if (holder) {
      const [taken] = await sql.rows<Taken[]>(takeOver, holder.id, owner, leaseMs);
      const { conversation_id, person_id, opened_at_ms } = taken ?? {};
      if (!conversation_id) return null;
      const turn = { id: holder.id, conversationId: conversation_id, personId: person_id ?? null, openedAtMs: opened_at_ms ?? now() };
      return loadTurn(sql, turn, countedSince());
    }
    const burst = firstBurst(pending ?? [], options.standsAlone);
    if (!burst) return null;
    const [id, openedAtMs] = [randomUUID(), now()];
    const ids = burst.messages.map((message) => message.id);
    const [row] = await sql.rows<[{ context: Context }]>(
      openTurn,
      conversationId,
      burst.personId,
      id,
      countedSince(),
      ids,
      owner,
      leaseMs,
      openedAtMs,
    );
    return toTurn(id, openedAtMs, row.context, burst.messages);
  }

  const resume = (conversationId: string) =>
    exclusively(async (sql) => {
      await sql.rows(lockPlace, conversationId);
      return next(sql, conversationId);
    });

  return {
    async receive(message, moreComing = () => false) {
      const { platform, address, person, messageId, direct, character, receivedAtMs } = message;
      const id = nextId(now());
      const [{ placeId, personId }] = await repeatable(() =>
        database.rows<[{ placeId: string; personId: string }]>(
          store,
          randomUUID(),
          platform,
          address.workspace,
          address.channel,
          randomUUID(),
          person.id,
          person.name,
          receivedAtMs,
          id,
          inboundKey(platform, address, messageId),
          message.text,
          message.training,
          character,
          JSON.stringify(address),
          direct,
          message.sentAtMs,
        ),
      );
      if (moreComing()) return null;
      const [turnId, openedAtMs] = [randomUUID(), now()];
      const values = [placeId, personId, turnId, countedSince(), id, owner, leaseMs, openedAtMs];
      const [alone] = await repeatable(() => database.rows<[Alone]>(openAlone, ...values));
      if (alone.opened)
        return toTurn(turnId, openedAtMs, alone.context, [{ id, messageId, text: alone.text, address, direct, character, receivedAtMs }]);
      return alone.held ? null : resume(placeId);
    },

    async edit(platform, messageId, address, text) {
      const key = inboundKey(platform, address, messageId);
      await exclusively(async (sql) => {
        const [message] = await sql.rows<{ conversation_id: string }[]>('SELECT conversation_id FROM messages WHERE inbound_key = $1', key);
        if (!message) return;
        await sql.rows(lockPlace, message.conversation_id);
        await sql.run('UPDATE messages SET text = $2 WHERE inbound_key = $1 AND (turn_id IS NULL OR $2::text IS NULL)', key, text);
      });
    },

    resume,

    async renew(turnIds) {
      const rows = await database.rows<{ id: string }[]>(
        `UPDATE turns SET lease_until = ${utcNow} + $3::float8 * interval '1 millisecond' WHERE id = ANY ($1::text[]) AND lease_owner = $2 RETURNING id`,
        turnIds,
        owner,
        leaseMs,
      );
      return new Set(rows.map(({ id }) => id));
    },

    async release(turnIds, afterMs) {
      await database.run(
        `UPDATE turns SET lease_owner = NULL, lease_until = ${utcNow} + $3::float8 * interval '1 millisecond'
          WHERE id = ANY ($1::text[]) AND lease_owner = $2 AND lease_until IS NOT NULL`,
        turnIds,
        owner,
        afterMs,
      );
    },

    async releaseOwners(isDead) {
      const owners = await database.rows<{ owner: string }[]>(
        'SELECT DISTINCT lease_owner AS owner FROM turns WHERE lease_until IS NOT NULL AND lease_owner IS NOT NULL',
      );
      const dead = owners.map((row) => row.owner).filter((one) => one !== owner && isDead(one));
      if (dead.length > 0)
        await database.run(
          `UPDATE turns SET lease_owner = NULL, lease_until = ${utcNow} - interval '1 second' WHERE lease_until IS NOT NULL AND lease_owner = ANY ($1::text[])`,
          dead,
        );
    },

    async neglected(limit) {
      const rows = await database.rows<{ id: string }[]>(
        `SELECT conversation_id AS id FROM turns WHERE lease_until < ${utcNow}
        UNION SELECT m.conversation_id FROM messages m WHERE m.turn_id IS NULL
          AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.conversation_id = m.conversation_id AND t.lease_until >= ${utcNow})
        LIMIT $1::int`,
        limit,
      );
      return rows.map(({ id }) => id);
    },
  };
}

interface Pending {
  personId: string | null;
  message: TurnMessage;
}
interface State {
  pending: Pending[] | null;
  holder: { id: string; stale: boolean } | null;
}
interface Alone {
  opened: boolean;
  held: boolean;
  text: string | null;
  context: Context;
}
interface Taken {
  conversation_id: string;
  person_id: string | null;
  opened_at_ms: number;
}

let lastCount = 0;

/** Sorts by when it was made: what was said within the same millisecond keeps the order it was stored in. */
function nextId(nowMs: number): string {
  lastCount = (lastCount + 1) % 1_000_000;
  return `${String(nowMs).padStart(14, '0')}-${String(lastCount).padStart(6, '0')}-${randomUUID()}`;
}

const longestBurst = 4000;

/** All that the longest-waiting person has said, up to a word that stands alone, another wished character, or more than can be read. */
export function firstBurst(
  pending: Pending[],
  standsAlone: (text: string) => boolean,
): { personId: string | null; messages: TurnMessage[] } | null {
  const first = pending[0];
  if (!first) return null;
  const theirs = pending.filter(({ personId }) => personId === first.personId).map(({ message }) => message);
  if (standsAlone(first.message.text ?? '')) return { personId: first.personId, messages: [first.message] };
  let length = 0;
  const messages: TurnMessage[] = [];
  for (const message of theirs) {
    length += (message.text?.length ?? 0) + 1;
    const fits = message.character === first.message.character && !standsAlone(message.text ?? '') && length <= longestBurst;
    if (messages.length > 0 && !fits) break;
    messages.push(message);
  }
  return { personId: first.personId, messages };
}

async function repeatable<T>(work: () => Promise<T>): Promise<T> {
  for (let left = 3; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (left === 0 || !again.has((error as { code?: string }).code ?? '')) throw error;
    }
  }
}
