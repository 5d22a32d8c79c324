import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStage, type Stage, until } from '../test/stage.ts';
import { exportVotes, type VoteRow, type VotesOptions } from './votes.ts';

let stage: Stage;
const day = 86_400_000;
/** By name of who wrote and voted. */
const replies = new Map<string, string>();

/** The puppet says people's words back, as a language model may; what is a line has words of its own. */
const corpus: VotesOptions['corpus'] = {
  line: (id) => (id === 'vivienne-s0001' ? 'Sit down, darling.' : undefined),
  prompt: ({ id }) => (id === 'hi' ? 'hey there' : undefined),
};

beforeAll(async () => {
  stage = await openStage({ env: { TRAIN_ON: 'text' } });
  stage.clock.real = false;
  stage.clock.nowMs = Date.now();
  await votes('ada', 'my first sad secret is a long one');
  await votes('bob', 'something else that nobody shall learn');
  await stage.store.prisma.person.updateMany({ where: { externalId: 'bob' }, data: { trainOptIn: true } });
  stage.clock.nowMs += 60_000;
  await votes('bob', 'something that everybody may learn from', 'down');
  await votes('page', 'what the operator wrote on the page', 'down', stage.page);
});
afterAll(() => stage.close());

async function votes(who: string, text: string, value: 'up' | 'down' | null = 'up', platform = stage.loft): Promise<string> {
  stage.clock.nowMs += 1000;
  const before = platform.seen.length;
  await platform.say(text, { where: `room-${who}`, who });
  const { replyId } = await until(() => platform.seen[before]);
  stage.clock.nowMs += 1000;
  await platform.thumb({ target: { replyId }, value, person: { id: who, name: who } });
  await until(async () => (await stage.rows('SELECT 1 FROM votes WHERE reply_id = $1', replyId)).length === 1);
  replies.set(text, replyId);
  return replyId;
}

async function exported(given: Partial<VotesOptions> = {}): Promise<VoteRow[]> {
  const rows: VoteRow[] = [];
  const usual = { trainOn: 'derived', ownPlatforms: new Set(['page']), retentionDays: 30, perPerson: 100, sinceMs: 0 } as const;
  for await (const row of exportVotes(stage.store.sql, { ...usual, nowMs: stage.clock.nowMs, corpus, ...given })) rows.push(row);
  return rows;
}

test('by default no row holds a word that a person wrote on a platform that needs permission', async () => {
  const rows = await exported();
  expect(rows).toHaveLength(4);
  const text = JSON.stringify(rows.filter(({ platform }) => platform !== 'page'));
  for (const word of ['secret', 'nobody', 'everybody', 'learn', 'ada', 'bob']) expect(text).not.toContain(word);
  expect(rows[0]).toMatchObject({
    voter: 1,
    value: 'up',
    platform: 'loft',
    character: 'vivienne',
    message: 'hey there',
    messageBy: 'corpus',
    situation: 'hi',
    emotions: { sadness: 0.9 },
    mood: { label: 'sadness' },
    history: [],
    shown: { text: 'Sit down, darling.', line: 'vivienne-s0001', expression: 'caring', source: { kind: 'situation', id: 'hi' } },
    candidates: [{ text: 'Sit down, darling.', line: 'vivienne-s0001', score: 1 }],
    versions: { lines: 'v1' },
  });
  expect(rows.map(({ voter }) => voter)).toEqual([1, 2, 2, 3]);
});

test('TRAIN_ON=votes leaves the thumb and the bot’s own words', async () => {
  const rows = (await exported({ trainOn: 'votes' })).filter(({ platform }) => platform === 'loft');
  for (const row of rows) {
    expect(row).toMatchObject({ message: null, messageBy: null, situation: null, emotions: null, mood: null, history: [] });
    expect(row.shown.source).toEqual({ generator: 'lines', kind: 'situation', id: null });
    expect(row.candidates.every(({ source }) => source.id === null)).toBe(true);
  }
  expect(JSON.stringify(rows)).not.toMatch(/hey there|secret/);
});

test('TRAIN_ON=text adds what those wrote who agreed to it, and their talk once all of it is', async () => {
  const rows = await exported({ trainOn: 'text' });
  expect(rows.map(({ message, messageBy }) => [message, messageBy])).toEqual([
    ['hey there', 'corpus'],
    ['hey there', 'corpus'],
    ['something that everybody may learn from', 'person'],
    ['what the operator wrote on the page', 'person'],
  ]);
  expect(rows[2]?.history).toEqual([]);
  await votes('bob', 'and once more');
  await votes('page', 'again on the page', 'up', stage.page);
  const later = await exported({ trainOn: 'text' });
  expect(later.at(-2)?.history).toEqual([]);
  expect(later.at(-1)?.history.map(({ role, text }) => [role, text])).toEqual([
    ['user', 'what the operator wrote on the page'],
    ['character', 'vivienne hears: what the operator wrote on the page'],
  ]);
});

test('the page’s own texts may be learnt from at any setting', async () => {
  expect((await exported({ trainOn: 'votes' })).find(({ platform }) => platform === 'page')).toMatchObject({
    message: 'what the operator wrote on the page',
    situation: 'hi',
  });
});

test('a person’s words that a reply says back are theirs still', async () => {
  const saidBack = { line: () => undefined, prompt: () => undefined };
  const [ada] = await exported({ corpus: saidBack });
  expect(ada).toMatchObject({ shown: { text: null, line: 'vivienne-s0001' }, candidates: [] });
  const row = (await exported({ corpus: saidBack, trainOn: 'text' })).find(({ messageBy }) => messageBy === 'person');
  expect(row?.shown.text).toBe('vivienne hears: something that everybody may learn from');
});

test('nobody has more rows than the cap, and the newest count; --since leaves out the rest', async () => {
  const rows = await exported({ perPerson: 1, trainOn: 'text' });
  expect(rows.map(({ message }) => message)).toEqual(['hey there', 'and once more', 'again on the page']);
  expect(await exported({ sinceMs: stage.clock.nowMs + 1 })).toEqual([]);
});

test('the same vote has the same id in every export, and no id leads back to a row', async () => {
  const [first, again] = [await exported(), await exported({ sinceMs: stage.clock.nowMs - 70_000 })];
  expect(first.map(({ id }) => id)).toEqual(expect.arrayContaining(again.map(({ id }) => id)));
  const text = JSON.stringify(first);
  for (const id of replies.values()) expect(text).not.toContain(id);
});

describe('what goes', () => {
  test('texts older than RETENTION_DAYS, whether they were removed or not', async () => {
    const [old] = await exported({ trainOn: 'text', nowMs: stage.clock.nowMs + 31 * day });
    expect(old).toMatchObject({
      messageBy: 'corpus',
      shown: { text: null, line: 'vivienne-s0001' },
      candidates: [],
      emotions: { sadness: 0.9 },
    });
  });

  test('a vote taken back, and everything of somebody who said forget me', async () => {
    const replyId = replies.get('again on the page') as string;
    await stage.page.thumb({ target: { replyId }, value: null, person: { id: 'page', name: 'page' } });
    await until(async () => (await stage.rows('SELECT 1 FROM votes WHERE reply_id = $1', replyId)).length === 0);
    const before = stage.loft.seen.length;
    await stage.loft.say('forget me', { where: 'room-bob', who: 'bob' });
    await until(() => stage.loft.seen[before]);
    expect((await exported({ trainOn: 'text' })).map(({ message }) => message)).toEqual([
      'hey there',
      'what the operator wrote on the page',
    ]);
  });

  test('votes on plain words and skills, which are nobody’s manner', async () => {
    stage.puppet.means = () => [['refund', 0.9]];
    const count = (await exported()).length;
    await votes('cleo', 'help');
    await votes('cleo', 'i want to die');
    expect(await exported()).toHaveLength(count);
  });
});
