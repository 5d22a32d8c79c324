import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openStage, type Stage, until } from '../test/stage.ts';
import { applyRetention } from './retention.ts';

let stage: Stage;
let room = '';
let count = 0;
const minute = 60_000;
const day = 24 * 60 * minute;

beforeAll(async () => {
  stage = await openStage({
    env: { LIMIT_PER_PERSON: '2/min', ALLOWED_CHANNELS: 'lobby,C7', TRAIN_ON: 'text', CRISIS_TEXT: 'Ring the bell at the desk.' },
  });
});
afterAll(() => stage.close());
beforeEach(() => {
  room = `room-${count++}`;
  stage.clock.real = false;
  stage.clock.nowMs = Date.now() + count * day;
});

const seen = (where = room) => stage.loft.seen.filter(({ address }) => address.channel === where);
const say = (text: string, over: Parameters<Stage['loft']['say']>[1] = {}) =>
  stage.loft.say(text, { where: room, who: `ada-${room}`, ...over });
const ask = async (text: string, over: Parameters<Stage['loft']['say']>[1] = {}) => {
  const before = seen(over?.where).length;
  await say(text, over);
  return until(() => seen(over?.where)[before]);
};
const end = (id: string) => until(() => stage.updates.get(id)?.find(({ type }) => type !== 'read' && type !== 'delta'));
const states = async (where = room) =>
  (
    await stage.rows<{ state: string }>(
      'SELECT t.state FROM turns t JOIN conversations c ON c.id = t.conversation_id WHERE c.channel = $1 ORDER BY t.opened_at',
      where,
    )
  ).map(({ state }) => state);

describe('LIMIT_PER_PERSON', () => {
  test('over it one notice in voice, then silence, until time has passed', async () => {
    for (const text of ['one', 'two']) {
      await ask(text);
      stage.clock.nowMs += 1000;
    }
    expect((await ask('three')).text).toBe('(rate-limit) says vivienne');
    stage.clock.nowMs += 1000;
    expect(await end(await say('four'))).toMatchObject({ type: 'limited' });
    stage.clock.nowMs += 1000;
    await end(await say('five', { where: `${room}-b` }));
    expect([seen().length, seen(`${room}-b`).length]).toEqual([3, 0]);
    expect(await states(`${room}-b`)).toEqual(['limited']);
    stage.clock.nowMs += minute;
    expect((await ask('six')).text).toBe('vivienne hears: six');
  });

  test('never keeps anybody from stop, forget me or help in a crisis', async () => {
    for (const text of ['one', 'two', 'three']) await ask(text);
    expect((await ask('i want to die')).text).toMatch(/Ring the bell at the desk/);
    expect((await ask('stop')).text).toMatch(/quiet/);
    expect((await ask('forget me')).text).toMatch(/forgotten/);
  });

  test('on the page is told at once, with when to come back', async () => {
    const said = { where: room, who: `ada-${room}` };
    for (const text of ['one', 'two']) await end(await stage.page.say(text, said));
    const id = await stage.page.say('three', said);
    expect(await end(id)).toEqual({ type: 'limited', retryAfterS: 60 });
    expect(await stage.page.context.services.outcome(room, id)).toEqual({ type: 'limited', retryAfterS: 60 });
  });
});

describe('ALLOWED_CHANNELS', () => {
  test('keeps it to those, their threads, and private talk', async () => {
    const id = await say('hello', { where: 'attic', direct: false });
    expect(await end(id)).toEqual({ type: 'silent', reason: 'channel-not-allowed' });
    await ask('hello', { where: 'lobby', direct: false });
    await ask('hello', { where: 'C7/1.5', direct: false, who: 'bob' });
    await ask('hello', { where: 'attic-dm', direct: true, who: 'cleo' });
    expect(seen('attic')).toEqual([]);
    expect(await stage.rows("SELECT 1 FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.channel = 'attic'")).toEqual(
      [],
    );
  });
});

test('TRAIN_ON=text still needs the person’s own consent', async () => {
  await ask('before');
  stage.clock.nowMs += minute;
  await stage.store.prisma.person.updateMany({ where: { externalId: `ada-${room}` }, data: { trainOptIn: true } });
  await ask('after');
  expect(await stage.rows("SELECT text, train_ok FROM messages WHERE text IN ('before', 'after') ORDER BY text")).toEqual([
    { text: 'after', train_ok: true },
    { text: 'before', train_ok: false },
  ]);
});

test('a program that repeats itself in a channel is left alone', async () => {
  const said = { where: 'lobby', direct: false, who: 'parrot' };
  const before = seen('lobby').length;
  for (let n = 0; n < 8; n++) {
    stage.clock.nowMs += minute;
    await end(await say('I did not understand that.', said));
  }
  expect(seen('lobby').length - before).toBe(5);
});

describe('the mood', () => {
  test('counts each turn once and fades', async () => {
    await ask('so sad');
    stage.clock.nowMs += minute;
    await ask('hm');
    expect(stage.puppet.writes.at(-1)?.mood).toMatchObject({ label: 'sadness', turns: 2 });
    stage.clock.nowMs += day;
    await ask('hm again');
    expect(stage.puppet.writes.at(-1)?.mood).toMatchObject({ label: 'neutral', turns: 3 });
  });
});

test('a crisis is remembered for a week', async () => {
  await ask('i want to die');
  stage.clock.nowMs += day;
  await ask('tell me a joke');
  expect(stage.puppet.writes.at(-1)?.grave).toBe(true);
  stage.clock.nowMs += 7 * day;
  await ask('tell me a joke');
  expect(stage.puppet.writes.at(-1)?.grave).toBe(false);
});

test('RETENTION_DAYS takes the text and leaves the votes', async () => {
  const old = await ask('my old secret');
  await stage.loft.thumb({ target: { replyId: old.replyId }, value: 'up', reason: 'it helped with my secret' });
  await until(async () => (await stage.rows('SELECT 1 FROM votes WHERE reply_id = $1', old.replyId)).length === 1);
  stage.clock.nowMs += 31 * day;
  const fresh = await ask('my new secret');
  await applyRetention({ prisma: stage.store.prisma, days: 30, now: () => stage.clock.nowMs, log: stage.loft.context.log });
  expect(
    await stage.rows(
      'SELECT text FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.channel = $1 ORDER BY sent_at',
      room,
    ),
  ).toEqual([{ text: null }, { text: 'my new secret' }]);
  expect(await stage.rows('SELECT text, candidates FROM replies WHERE id = $1', old.replyId)).toEqual([{ text: null, candidates: [] }]);
  expect(await stage.rows('SELECT value, reason FROM votes WHERE reply_id = $1', old.replyId)).toEqual([{ value: 'up', reason: null }]);
  expect(await stage.rows('SELECT text FROM replies WHERE id = $1', fresh.replyId)).toEqual([{ text: 'vivienne hears: my new secret' }]);
  expect(stage.puppet.writes.at(-1)?.used).toEqual(['vivienne-s0001']);
});

test('the metrics tell of all this', async () => {
  const { text } = await stage.bot.services.metrics();
  for (const line of [
    /troupe_turns_total\{platform="loft",outcome="limited"\} [1-9]/,
    /outcome="channel-not-allowed"\} 1/,
    /outcome="crisis"\} 2/,
    /troupe_emotions_total\{label="sadness"\} [1-9]/,
    /troupe_votes_total\{platform="loft",value="up"\} 1/,
  ])
    expect(text).toMatch(line);
});
