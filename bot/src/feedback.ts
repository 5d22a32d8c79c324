// Thumbs: the latest of a person on a reply is the one that counts, whatever order they arrive in.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PrismaClient } from '@troupe/prisma';
import { at } from './memory.ts';
import type { Metrics } from './metrics.ts';
import type { VoteEvent } from './platform.ts';
import type { FeedbackJob, Handler } from './queue.ts';

export interface FeedbackOptions {
  prisma: PrismaClient;
  metrics: Pick<Metrics, 'vote'>;
  now: () => number;
  /** How long a thumb waits for its reply's message id to be noted down: people can be faster. */
  patienceMs?: number;
}

const byMessage = 'SELECT reply_id AS id FROM sent_messages WHERE platform = $1 AND workspace = $2 AND message_id = $3';
const byReply = 'SELECT id FROM replies WHERE id = $1';

/** The person is made where they are new; an older thumb changes nothing. */
const set = `WITH someone AS (
  INSERT INTO people (id, platform, workspace, external_id, name, created_at) VALUES ($1, $2, $3, $4, $5, ${at('$6')})
  ON CONFLICT (platform, workspace, external_id) DO UPDATE SET name = excluded.name RETURNING id
)
INSERT INTO votes (reply_id, person_id, value, reason, via, at, created_at)
SELECT $7, someone.id, $8, $9, $10, ${at('$11')}, ${at('$6')} FROM someone
ON CONFLICT (reply_id, person_id) DO UPDATE SET value = excluded.value, reason = coalesce(excluded.reason, votes.reason), via = excluded.via, at = excluded.at
WHERE excluded.at >= votes.at RETURNING value`;

/** Without $5 any thumb goes; with it only that one, so that removing an older one leaves the newer. */
const retract = `DELETE FROM votes v USING people p WHERE v.reply_id = $1 AND p.id = v.person_id AND p.platform = $2 AND p.workspace = $3
  AND p.external_id = $4 AND ($5::text IS NULL OR v.value = $5) AND v.at <= ${at('$6')} RETURNING v.value`;

/** A thumb on something that is no reply of ours is nobody's. */
export function createFeedback({ prisma, metrics, now, patienceMs = 5000 }: FeedbackOptions): Handler<FeedbackJob> {
  return async ({ platform, event }) => {
    const replyId = await find(platform, event);
    if (!replyId) return;
    const { person, workspace, value } = event;
    if (value === null) {
      const gone = await prisma.$queryRawUnsafe<unknown[]>(
        retract,
        replyId,
        platform,
        workspace,
        person.id,
        event.retracts ?? null,
        event.atMs,
      );
      if (gone.length > 0) metrics.vote(platform, 'retracted');
      return;
    }
    const counted = await prisma.$queryRawUnsafe<unknown[]>(
      set,
      randomUUID(),
      platform,
      workspace,
      person.id,
      person.name,
      now(),
      replyId,
      value,
      event.reason ?? null,
      event.via,
      event.atMs,
    );
    if (counted.length > 0) metrics.vote(platform, value);
  };

  async function find(platform: string, { target, workspace, atMs }: VoteEvent): Promise<string | null> {
    for (;;) {
      const rows =
        'replyId' in target
          ? await prisma.$queryRawUnsafe<{ id: string }[]>(byReply, target.replyId)
          : await prisma.$queryRawUnsafe<{ id: string }[]>(byMessage, platform, workspace, target.messageId);
      if (rows[0]) return rows[0].id;
      if (now() - atMs > patienceMs) return null;
      await sleep(500);
    }
  }
}
