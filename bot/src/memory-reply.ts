// The end of a turn: its reply with the reading, the mood, the conversation's state and the outbox row in one statement, or silence.
import { randomUUID } from 'node:crypto';
import type { Candidate, EmotionScore, Mood, Read, Source } from '@troupe/inference/contract';
import type { Database, Sql } from '@troupe/prisma';
import { at, type Turn, type Unsent } from './memory.ts';
import type { MoodState } from './mood.ts';
import type { Address, TurnIntent } from './platform.ts';

/** A reply composed and not yet stored. */
export interface Composed {
  text: string;
  character: { slug: string; version: string };
  expression: string;
  source: Source;
  line: string | null;
  intent: TurnIntent;
  mood: Mood;
  candidates: Candidate[];
  versions: Record<string, string>;
  timing: { queueMs: number; readMs: number; writeMs: number; totalMs: number };
  /** Null: nothing was read. */
  read: Read | null;
  safety: string;
  /** The mood after this turn; null: the turn does not count. */
  moodState: MoodState | null;
  effects: Effects;
}

/** What a turn changes in its conversation. */
export interface Effects {
  character?: string;
  silent?: boolean;
  crisis?: true;
  /** True calls a person, false wakes the character. */
  handedOff?: boolean;
}

/** Why a turn ended without a reply; its row's state. */
export type Silence = 'stopped' | 'handed-off' | 'deleted' | 'limited' | 'channel-not-allowed' | 'failed';

export interface ReplyMemory {
  /**
   * Stores the reply, marked as being sent. `changed`: a message of the turn was deleted meanwhile; nothing is stored.
   * `lost`: the turn is no longer ours; whoever has it goes on.
   */
  answer(turn: Turn, reply: Composed, notice: string | null, sql?: Sql): Promise<Unsent | 'changed' | 'lost'>;
  /** Ends the turn without a reply; its conversation stays ours until `next`. */
  silence(turn: Turn, why: Silence): Promise<void>;
  /** The texts of the turn's messages as they are now, by row id; null when deleted. */
  texts(turn: Turn): Promise<Map<string, string | null>>;
}

const answerSql = `WITH mine AS (
  UPDATE turns SET state = 'answered', closed_at = ${at('$4')} WHERE id = $1 AND state = 'open' AND lease_owner = $2
    AND (SELECT count(*) FROM messages WHERE turn_id = $1 AND text IS NOT NULL) = $3::int
  RETURNING id, conversation_id, person_id
), reply AS (
  INSERT INTO replies (id, turn_id, conversation_id, person_id, character, character_version, text, expression, source, line, intent, mood,
    candidates, versions, timing, created_at)
  SELECT $5, mine.id, mine.conversation_id, mine.person_id, $6, $7, $8, $9, $10::jsonb, $11, $12::jsonb, $13::jsonb, $14::jsonb, $15::jsonb,
    $16::jsonb, ${at('$4')} FROM mine RETURNING id
), reading AS (
  INSERT INTO reads (turn_id, emotions, detected, sentiment, intent, safety, versions, created_at)
  SELECT mine.id, r.emotions, ARRAY(SELECT jsonb_array_elements_text(r.detected)), r.sentiment, r.intent, $18, r.versions, ${at('$4')}
  FROM mine, jsonb_to_record($17::jsonb) AS r (emotions jsonb, detected jsonb, sentiment jsonb, intent jsonb, versions jsonb)
  WHERE $17::jsonb IS NOT NULL
), feeling AS (
  INSERT INTO moods (person_id, conversation_id, character, scores, turns, last_turn_id, updated_at)
  SELECT mine.person_id, mine.conversation_id, $6, $19::jsonb, $20::int, mine.id, ${at('$4')} FROM mine
  WHERE $19::jsonb IS NOT NULL AND mine.person_id IS NOT NULL
  ON CONFLICT (person_id, conversation_id, character) DO UPDATE
    SET scores = excluded.scores, turns = excluded.turns, last_turn_id = excluded.last_turn_id, updated_at = excluded.updated_at
    WHERE moods.last_turn_id IS DISTINCT FROM excluded.last_turn_id
), place AS (
  UPDATE conversations c SET character = coalesce($21, c.character), silent = coalesce($22::boolean, c.silent),
    crisis_at = CASE WHEN $23::boolean THEN ${at('$4')} ELSE c.crisis_at END,
    handed_off_at = CASE WHEN $24::boolean THEN ${at('$4')} WHEN NOT $24::boolean THEN NULL ELSE c.handed_off_at END
  FROM mine WHERE c.id = mine.conversation_id AND ($21::text IS NOT NULL OR $22::boolean IS NOT NULL OR $23::boolean OR $24::boolean IS NOT NULL)
  RETURNING c.id
), noticed AS (
  UPDATE people p SET noticed_at = ${at('$4')} FROM mine
  WHERE p.id = mine.person_id AND p.noticed_at IS NULL AND $25::text IS NOT NULL AND (SELECT count(*) FROM place) >= 0 RETURNING p.id
), sending AS (
  INSERT INTO outbox (id, reply_id, platform, address, notice, state, attempts, created_at)
  SELECT reply.id, reply.id, $26, $27::jsonb, CASE WHEN EXISTS (SELECT 1 FROM noticed) THEN $25 END, 'sending', 1, ${at('$4')} FROM reply
  RETURNING notice
)
SELECT (SELECT count(*)::int FROM mine) AS stored, (SELECT notice FROM sending) AS notice,
  (SELECT count(*)::int FROM turns WHERE id = $1 AND state = 'open' AND lease_owner = $2) AS ours`;

export function createReplyMemory(database: Database, { owner, now }: { owner: string; now: () => number }): ReplyMemory {
  return {
    async answer(turn, reply, notice, sql = database) {
      const id = randomUUID();
      const { effects, read, moodState } = reply;
      const address = addressOf(turn);
      const createdAtMs = now();
      const [row] = await sql.rows<[{ stored: number; notice: string | null; ours: number }]>(
        answerSql,
        turn.id,
        owner,
        turn.messages.filter(({ text }) => text !== null).length,
        createdAtMs,
        id,
        reply.character.slug,
        reply.character.version,
        reply.text,
        reply.expression,
        JSON.stringify(reply.source),
        reply.line,
        JSON.stringify(reply.intent),
        JSON.stringify(reply.mood),
        JSON.stringify(reply.candidates),
        JSON.stringify(reply.versions),
        JSON.stringify(reply.timing),
        read && JSON.stringify(withoutEmbedding(read)),
        reply.safety,
        moodState && JSON.stringify(moodState.scores),
        moodState?.turns ?? 0,
        effects.character ?? null,
        effects.silent ?? null,
        effects.crisis ?? false,
        effects.handedOff ?? null,
        notice,
        turn.place.platform,
        JSON.stringify(address),
      );
      if (!row.stored) return row.ours ? 'changed' : 'lost';
      const { text, expression, character } = reply;
      return { id, replyId: id, address, notice: row.notice, text, character: character.slug, expression, attempts: 1, createdAtMs };
    },

    async silence(turn, why) {
      await database.run(
        `UPDATE turns SET state = $3, closed_at = ${at('$4')} WHERE id = $1 AND state = 'open' AND lease_owner = $2`,
        turn.id,
        owner,
        why,
        now(),
      );
    },

    async texts(turn) {
      const rows = await database.rows<{ id: string; text: string | null }[]>('SELECT id, text FROM messages WHERE turn_id = $1', turn.id);
      return new Map(rows.map(({ id, text }) => [id, text]));
    },
  };
}

/** Answers go where the last message came from. */
export function addressOf(turn: Turn): Address {
  return (
    turn.messages.at(-1)?.address ?? turn.unsent?.address ?? { workspace: turn.place.workspace, channel: turn.place.channel, place: {} }
  );
}

function withoutEmbedding({ emotions, detected, sentiment, intent, versions }: Read) {
  return { emotions: emotions satisfies EmotionScore[], detected, sentiment, intent, versions };
}
