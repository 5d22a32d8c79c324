// RETENTION_DAYS: what people wrote and what was answered loses its text when it is older; votes, labels and versions stay.
import type { PrismaClient } from '@troupe/prisma';
import type { Logger } from 'pino';
import { at } from './memory.ts';

const batch = 2000;

const forget = [
  `UPDATE messages SET text = NULL WHERE id IN (SELECT id FROM messages WHERE text IS NOT NULL AND turn_id IS NOT NULL AND received_at < ${at('$1')} LIMIT ${batch})`,
  `UPDATE replies SET text = NULL, candidates = '[]' WHERE id IN (
    SELECT r.id FROM replies r LEFT JOIN outbox o ON o.reply_id = r.id AND o.state IN ('pending', 'sending')
    WHERE (r.text IS NOT NULL OR r.candidates <> '[]') AND r.created_at < ${at('$1')} AND o.id IS NULL LIMIT ${batch})`,
  `UPDATE votes SET reason = NULL WHERE reason IS NOT NULL AND at < ${at('$1')}`,
];

export interface RetentionOptions {
  prisma: PrismaClient;
  days: number;
  now: () => number;
  log: Logger;
}

/** Resolves with how many rows lost their text. Batches, so that no turn waits long for it. */
export async function applyRetention({ prisma, days, now, log }: RetentionOptions): Promise<number> {
  const beforeMs = now() - days * 86_400_000;
  let total = 0;
  for (const statement of forget) {
    for (;;) {
      const count = await prisma.$executeRawUnsafe(statement, beforeMs);
      total += count;
      if (count < batch) break;
    }
  }
  if (total > 0) log.info({ rows: total, days }, 'texts older than RETENTION_DAYS removed');
  return total;
}
