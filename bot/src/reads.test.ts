// What leaves the store of what was read: numbers about a text, never the text, and only of texts that are still kept.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStage, type Stage, until } from '../test/stage.ts';
import { exportReads, type ReadRow, type ReadsOptions } from './reads.ts';

let stage: Stage;
const day = 86_400_000;

beforeAll(async () => {
  stage = await openStage();
  stage.clock.real = false;
  stage.clock.nowMs = Date.now();
  await ask('ada', 'my sad secret');
  await ask('bob', 'i am so sad about all of it');
  await ask('page', 'what the operator wrote', stage.page);
});
afterAll(() => stage.close());

async function ask(who: string, text: string, platform = stage.loft): Promise<void> {
  stage.clock.nowMs += 1000;
  const before = platform.seen.length;
  await platform.say(text, { where: `room-${who}`, who });
  await until(() => platform.seen[before]);
}

async function exported(given: Partial<ReadsOptions> = {}): Promise<ReadRow[]> {
  const usual = { encoder: 'v1', derives: true, ownPlatforms: ['page'], retentionDays: 30, sinceMs: 0, nowMs: stage.clock.nowMs };
  const measure = (text: string) => ({ length: text.split(' ').length, unknown: text.includes('secret') ? 1 / 3 : 0 });
  const rows: ReadRow[] = [];
  for await (const row of exportReads(stage.store.sql, { ...usual, measure, ...given })) rows.push(row);
  return rows;
}

test('a row has what was read and how the text was, without a word of it or of who wrote it', async () => {
  const rows = await exported();
  expect(rows.map(({ length }) => length)).toEqual([3, 8, 4]);
  expect(Object.keys(rows[0] as ReadRow).sort()).toEqual(['at', 'emotions', 'intent', 'length', 'unknown']);
  expect(rows[0]).toMatchObject({ emotions: { sadness: 0.9 }, intent: { name: null }, unknown: 1 / 3 });
  expect(Object.keys(rows[0]?.emotions ?? {})).toHaveLength(28);
  expect(rows.map(({ at }) => at)).toEqual([...rows.map(({ at }) => at)].sort());
  expect(JSON.stringify(rows)).not.toMatch(/secret|operator|ada|bob|room/);
});

test('only what the live encoder read counts, and nothing before --since', async () => {
  expect(await exported({ encoder: 'v2' })).toEqual([]);
  expect(await exported({ sinceMs: stage.clock.nowMs })).toHaveLength(1);
  expect(await exported({ sinceMs: stage.clock.nowMs + 1 })).toEqual([]);
});

test('where nothing may be derived, only the operator’s own platforms are looked at', async () => {
  expect((await exported({ derives: false })).map(({ length }) => length)).toEqual([4]);
});

test('what RETENTION_DAYS or forget me took away is no read any more', async () => {
  expect(await exported({ nowMs: stage.clock.nowMs + 31 * day })).toEqual([]);
  await ask('bob', 'forget me');
  expect((await exported()).map(({ length }) => length)).toEqual([3, 4]);
});

test('more than a page of them come once each, in order', async () => {
  // As many turns of the same instant as two pages hold: only the id tells where the first one ended.
  await stage.store.prisma.$executeRawUnsafe(
    `WITH turn AS (SELECT * FROM turns WHERE person_id IS NOT NULL LIMIT 1), many AS (SELECT 'many-' || n AS id FROM generate_series(1, 1100) n), opened AS (
       INSERT INTO turns (id, conversation_id, person_id, state, opened_at) SELECT m.id, t.conversation_id, t.person_id, 'answered', t.opened_at FROM turn t, many m RETURNING id
     ), said AS (
       INSERT INTO messages (id, inbound_key, conversation_id, person_id, turn_id, text, source, address, direct, sent_at, received_at)
       SELECT o.id, o.id, m.conversation_id, m.person_id, o.id, 'hello', m.source, m.address, m.direct, m.sent_at, m.received_at FROM opened o, (SELECT * FROM messages WHERE text IS NOT NULL LIMIT 1) m
       RETURNING turn_id
     )
     INSERT INTO reads (turn_id, emotions, detected, sentiment, intent, safety, versions, created_at)
     SELECT s.turn_id, r.emotions, r.detected, r.sentiment, r.intent, r.safety, r.versions, r.created_at FROM said s, (SELECT * FROM reads LIMIT 1) r`,
  );
  expect((await exported()).filter(({ length }) => length === 1)).toHaveLength(1100);
});
