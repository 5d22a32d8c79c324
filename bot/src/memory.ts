// What a turn needs to know, loaded in one query: the place, the person, what was said, how they have been, what they have already heard.
import type { Utterance } from '@troupe/inference/contract';
import type { Sql } from '@troupe/prisma';
import type { MoodState } from './mood.ts';
import type { Address } from './platform.ts';

export interface TurnMessage {
  /** The row's id. */
  id: string;
  /** The platform's id. */
  messageId: string;
  /** Null once deleted. */
  text: string | null;
  address: Address;
  direct: boolean;
  /** Asked for with the message. */
  character: string | null;
  receivedAtMs: number;
}

export interface Place {
  id: string;
  platform: string;
  workspace: string;
  channel: string;
  character: string | null;
  silent: boolean;
  crisisAtMs: number | null;
  handedOffAtMs: number | null;
}

export interface Unsent {
  id: string;
  replyId: string;
  address: Address;
  notice: string | null;
  text: string;
  character: string;
  expression: string;
  attempts: number;
  createdAtMs: number;
}

/** A turn this process holds the lease of. */
export interface Turn {
  id: string;
  openedAtMs: number;
  place: Place;
  person: { id: string; externalId: string; name: string; noticed: boolean } | null;
  /** Oldest first, at least one. */
  messages: TurnMessage[];
  /** This person's turns within the limit's window, and how many of those said that it was too much. */
  lately: { turns: number; notices: number };
  /** What this person and the characters said here before, oldest first. */
  history: Utterance[];
  /** Ids of the lines this person was told here. */
  used: string[];
  /** By character. */
  moods: Record<string, MoodState>;
  /** Set when the reply is stored and only its way out is left. */
  unsent: Unsent | null;
}

export const utcNow = `(clock_timestamp() AT TIME ZONE 'utc')`;

/** Epoch milliseconds as a parameter, to a column's timestamp. */
export function at(parameter: string): string {
  return `(to_timestamp(${parameter}::float8 / 1000) AT TIME ZONE 'utc')`;
}

export function ms(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000)::float8`;
}

const messageJson = `json_build_object('id', m.id, 'messageId', m.inbound_key::json ->> 3, 'text', m.text, 'address', m.address, 'direct', m.direct,
  'character', m.character, 'receivedAtMs', ${ms('m.received_at')})`;

/** $1 conversation, $2 person or null, $3 the turn, $4 since when turns count towards the limit. */
const context = `SELECT json_build_object(
  'place', (SELECT json_build_object('id', c.id, 'platform', c.platform, 'workspace', c.workspace, 'channel', c.channel, 'character', c.character,
      'silent', c.silent, 'crisisAtMs', ${ms('c.crisis_at')}, 'handedOffAtMs', ${ms('c.handed_off_at')})
    FROM conversations c WHERE c.id = $1),
  'person', (SELECT json_build_object('id', p.id, 'externalId', p.external_id, 'name', p.name, 'noticed', p.noticed_at IS NOT NULL)
    FROM people p WHERE p.id = $2),
  'lately', (SELECT json_build_object('turns', count(*) FILTER (WHERE r.intent ->> 'name' IS DISTINCT FROM 'rate-limit'),
      'notices', count(*) FILTER (WHERE r.intent ->> 'name' = 'rate-limit'))
    FROM turns t LEFT JOIN replies r ON r.turn_id = t.id
    WHERE t.person_id = $2 AND t.opened_at > ${at('$4')} AND t.state IN ('open', 'answered') AND t.id <> $3),
  'exchanges', (SELECT json_agg(json_build_array(said, answered, reply) ORDER BY opened_at) FROM (
    SELECT t.opened_at, r.text AS answered, r.id AS reply,
      (SELECT string_agg(m.text, E'\\n' ORDER BY m.sent_at, m.received_at, m.id) FROM messages m WHERE m.turn_id = t.id) AS said
    FROM turns t JOIN replies r ON r.turn_id = t.id
    WHERE t.conversation_id = $1 AND t.person_id = $2 AND t.id <> $3 AND r.text IS NOT NULL
      AND (r.source ->> 'generator' <> 'rules' OR r.source ->> 'kind' = 'safety')
    ORDER BY t.opened_at DESC LIMIT 6) h),
  'used', (SELECT json_agg(line ORDER BY created_at) FROM (
    SELECT r.line, r.created_at FROM replies r
    WHERE r.conversation_id = $1 AND r.person_id = $2 AND r.line IS NOT NULL ORDER BY r.created_at DESC LIMIT 1000) u),
  'moods', (SELECT json_object_agg(d.character, json_build_object('scores', d.scores, 'turns', d.turns, 'updatedAtMs', ${ms('d.updated_at')}))
    FROM moods d WHERE d.person_id = $2 AND d.conversation_id = $1)
) AS context`;

/** Opens turn $3 of messages $5 under owner $6 for $7 ms, at $8, and loads it; the messages are known already. */
export const openTurn = `WITH opened AS (
  INSERT INTO turns (id, conversation_id, person_id, state, lease_owner, lease_until, opened_at)
  VALUES ($3, $1, $2, 'open', $6, ${utcNow} + $7::float8 * interval '1 millisecond', ${at('$8')})
), joined AS (UPDATE messages SET turn_id = $3 WHERE id = ANY ($5::text[]))
${context}`;

/**
 * The usual case in one statement: message $5 is all that waits and nobody holds the conversation, so turn $3 opens with it as `openTurn` opens
 * one. `held`: somebody does, and looks for what waits when their turn ends. Neither: it takes a longer look. Whoever stores a message renews the
 * conversation's row, so a row that is another one than when this statement began says that the look may have been too early.
 */
export const openAlone = `WITH place AS MATERIALIZED (SELECT id, xmin AS latest FROM conversations WHERE id = $1 FOR NO KEY UPDATE
), holder AS MATERIALIZED (SELECT lease_until >= ${utcNow} AS alive FROM turns WHERE conversation_id = $1 AND lease_until IS NOT NULL
), joined AS (
  UPDATE messages m SET turn_id = $3 FROM place, conversations c WHERE m.id = $5 AND m.person_id = $2 AND m.turn_id IS NULL AND c.id = place.id AND c.xmin = place.latest
    AND NOT EXISTS (SELECT 1 FROM holder) AND NOT EXISTS (SELECT 1 FROM messages o WHERE o.conversation_id = $1 AND o.turn_id IS NULL AND o.id <> $5)
  RETURNING m.text
), opened AS (
  INSERT INTO turns (id, conversation_id, person_id, state, lease_owner, lease_until, opened_at)
  SELECT $3, $1, $2, 'open', $6, ${utcNow} + $7::float8 * interval '1 millisecond', ${at('$8')} FROM joined
)
SELECT EXISTS (SELECT 1 FROM joined) AS opened, EXISTS (SELECT 1 FROM holder WHERE alive) AS held, (SELECT text FROM joined) AS text,
  CASE WHEN EXISTS (SELECT 1 FROM joined) THEN (${context}) END AS context`;

/** What is said and not yet anybody's turn ($1 the conversation), and who holds the conversation. */
export const pendingAndHolder = `SELECT
  (SELECT json_agg(json_build_object('personId', m.person_id, 'message', ${messageJson}) ORDER BY m.sent_at, m.received_at, m.id)
    FROM messages m WHERE m.conversation_id = $1 AND m.turn_id IS NULL) AS pending,
  (SELECT json_build_object('id', t.id, 'stale', t.lease_until < ${utcNow}) FROM turns t
    WHERE t.conversation_id = $1 AND t.lease_until IS NOT NULL ORDER BY t.lease_until DESC LIMIT 1) AS holder`;

/** Takes turn $1 over for owner $2 for $3 ms. */
export const takeOver = `UPDATE turns SET lease_owner = $2, lease_until = ${utcNow} + $3::float8 * interval '1 millisecond'
  WHERE id = $1 AND lease_until < ${utcNow} RETURNING conversation_id, person_id, ${ms('opened_at')} AS opened_at_ms`;

/** What is known of turn $1 itself. */
const turnItself = `SELECT
  (SELECT json_agg(${messageJson} ORDER BY m.sent_at, m.received_at, m.id) FROM messages m WHERE m.turn_id = $1) AS messages,
  (SELECT json_build_object('id', o.id, 'replyId', r.id, 'address', o.address, 'notice', o.notice, 'text', r.text, 'character', r.character,
      'expression', r.expression, 'attempts', o.attempts, 'createdAtMs', ${ms('o.created_at')})
    FROM replies r JOIN outbox o ON o.reply_id = r.id WHERE r.turn_id = $1 AND o.state IN ('pending', 'sending')) AS unsent`;

export interface Context {
  place: Place;
  person: Turn['person'];
  lately: Turn['lately'];
  exchanges: [said: string | null, answered: string, reply: string][] | null;
  used: string[] | null;
  moods: Turn['moods'] | null;
}

export function toTurn(id: string, openedAtMs: number, context: Context, messages: TurnMessage[], unsent: Unsent | null = null): Turn {
  const { place, person, lately, exchanges, used, moods } = context;
  const history = (exchanges ?? []).flatMap(([said, answered, reply]): Utterance[] => [
    ...(said ? [{ role: 'user' as const, text: said, reply }] : []),
    { role: 'character', text: answered, reply },
  ]);
  return { id, openedAtMs, place, person, messages, lately, history, used: used ?? [], moods: moods ?? {}, unsent };
}

/** A turn that somebody began. */
export async function loadTurn(
  sql: Sql,
  turn: { id: string; conversationId: string; personId: string | null; openedAtMs: number },
  countedSinceMs: number,
): Promise<Turn> {
  const [itself] = await sql.rows<[{ messages: TurnMessage[] | null; unsent: Unsent | null }]>(turnItself, turn.id);
  const [row] = await sql.rows<[{ context: Context }]>(context, turn.conversationId, turn.personId, turn.id, countedSinceMs);
  return toTurn(turn.id, turn.openedAtMs, row.context, itself.messages ?? [], itself.unsent);
}
