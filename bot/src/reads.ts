// Reads as rows to watch for drift: what was read and what kind of text it was, without the text.
import type { EmotionScore, Intent } from '@troupe/inference/contract';
import type { Database } from '@troupe/prisma';
import { at, ms } from './memory.ts';

/** A line of reads.jsonl. */
export interface ReadRow extends Measures {
  at: string;
  /** All 28, by label. */
  emotions: Record<string, number>;
  intent: { name: string | null; confidence: number };
}

export interface Measures {
  /** Words. */
  length: number;
  /** Share of its words that the encoder knows in pieces only. */
  unknown: number;
}

export interface ReadsOptions {
  /** Reads by another version are left out: two models differ, whatever people write. */
  encoder: string;
  /** Whether reads from platforms that need permission for it may be looked at: TRAIN_ON is not `votes`. */
  derives: boolean;
  /** Platforms whose texts are the operator's own. */
  ownPlatforms: readonly string[];
  retentionDays: number;
  sinceMs: number;
  nowMs: number;
  measure(text: string): Measures;
}

const page = 500;

/** $1 since, $2 before what is too old to have a text, $3 the encoder, $4 all platforms or those of $5, $6-$7 where the last page ended. */
const reads = `SELECT d.turn_id AS "turnId", ${ms('d.created_at')} AS "atMs", d.emotions, d.intent, s.text
FROM reads d JOIN turns t ON t.id = d.turn_id JOIN conversations c ON c.id = t.conversation_id
  CROSS JOIN LATERAL (SELECT string_agg(m.text, E'\\n' ORDER BY m.sent_at, m.received_at, m.id) AS text FROM messages m
    WHERE m.turn_id = d.turn_id HAVING bool_and(m.text IS NOT NULL AND m.received_at >= ${at('$2')})) s
WHERE d.created_at >= ${at('$1')} AND d.versions ->> 'encoder' = $3 AND ($4::boolean OR c.platform = ANY ($5::text[]))
  AND (d.created_at, d.turn_id) > (${at('$6')}, $7)
ORDER BY d.created_at, d.turn_id LIMIT ${page}`;

/** Oldest first. A read whose text is gone (RETENTION_DAYS, deleted, forgotten) is none: how long it was, nobody knows any more. */
export async function* exportReads(database: Database, options: ReadsOptions): AsyncGenerator<ReadRow> {
  const { encoder, derives, ownPlatforms, sinceMs, measure } = options;
  const textSinceMs = options.nowMs - options.retentionDays * 86_400_000;
  let last: [number, string] = [0, ''];
  for (;;) {
    const found = await database.rows<Found[]>(reads, sinceMs, textSinceMs, encoder, derives, ownPlatforms, ...last);
    for (const { atMs, emotions, intent, text } of found)
      yield {
        at: new Date(atMs).toISOString(),
        emotions: Object.fromEntries(emotions.map(({ label, score }) => [label, Math.round(score * 1e4) / 1e4])),
        intent: { name: intent.name, confidence: Math.round(intent.confidence * 1e4) / 1e4 },
        ...measure(text.slice(0, 4000)),
      };
    const end = found.at(-1);
    if (!end || found.length < page) return;
    last = [end.atMs, end.turnId];
  }
}

interface Found {
  turnId: string;
  atMs: number;
  emotions: EmotionScore[];
  intent: Intent;
  text: string;
}
