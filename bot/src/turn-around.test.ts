// What happens around a turn: first contact, edits, absence of inference, the way out, whoever watches, thumbs.
import { describe, expect, test } from 'vitest';
import { busy } from '../test/fake-platform.ts';
import { openRoom, wheres } from '../test/room.ts';
import { quickPace, until } from '../test/stage.ts';
import { TroupeError } from './errors.ts';

const away = new TroupeError('puppet-away', 'nobody is there', { retryable: true });
const broken = new TroupeError('puppet-broken', 'it will never work', { retryable: false });

describe.each(wheres)('on %s', (where) => {
  const on = openRoom(where);
  const { texts, answers, say, sayOnPage, ask, end, states, settled, stored, hold } = on;

  describe('the first contact', () => {
    test('brings one extra line, once a person, and none on the page', async () => {
      expect((await ask('hi')).notice).toMatch(/I am a bot.*30 days.*forget me/);
      expect((await ask('hi again')).notice).toBeNull();
      expect((await ask('hi from elsewhere', { who: `bob-${on.room}` })).notice).toMatch(/I am a bot/);
      await sayOnPage('hi');
      expect((await answers(1, on.stage.page))[0]!.notice).toBeNull();
    });

    test('in two places at once brings one', async () => {
      const go = hold('write');
      const other = `${on.room}-other`;
      await say('here', { who: 'new' });
      await say('there', { who: 'new', where: other });
      await until(() => on.stage.puppet.writes.length === 2);
      go();
      const both = await until(() => {
        const those = on.stage.loft.seen.filter(({ address }) => [on.room, other].includes(address.channel));
        return those.length === 2 && those;
      });
      expect((both as { notice: string | null }[]).filter(({ notice }) => notice)).toHaveLength(1);
    });
  });

  describe('edits and deletes', () => {
    test('an edit before its turn counts, one after does not', async () => {
      const go = hold('read');
      const first = await say('first');
      await until(() => on.stage.puppet.reads.length === 1);
      const second = await say('secnd');
      await until(async () => (await on.stage.rows("SELECT 1 FROM messages WHERE text = 'secnd'")).length === 1);
      await on.stage.loft.edit(second, 'second', { where: on.room });
      await on.stage.loft.edit(first, 'changed too late', { where: on.room });
      await until(async () => (await on.stage.rows("SELECT 1 FROM messages WHERE text = 'second'")).length === 1);
      go();
      await answers(2);
      expect(texts()).toEqual(['vivienne hears: first', 'vivienne hears: second']);
    });

    test('a delete before the answer leaves the rest of the burst', async () => {
      let goOn = () => {};
      const gate = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const go = hold('read');
      await say('zero');
      await until(() => on.stage.puppet.reads.length === 1);
      const gone = await say('said too much');
      await say('only this');
      await stored(3);
      on.stage.puppet.before = async (kind, { text }) => (kind === 'write' && text.includes('only') ? gate : undefined);
      go();
      await until(() => on.stage.puppet.writes.length === 2);
      await on.stage.loft.edit(gone, null, { where: on.room });
      await until(async () => (await on.stage.rows("SELECT 1 FROM messages WHERE text = 'said too much'")).length === 0);
      goOn();
      await answers(2);
      expect(texts()).toEqual(['vivienne hears: zero', 'vivienne hears: only this']);
    });

    test('a delete of all there is ends the turn in silence', async () => {
      const go = hold('write');
      const id = await say('never mind');
      await until(() => on.stage.puppet.writes.length === 1);
      await on.stage.loft.edit(id, null, { where: on.room });
      await until(async () => (await on.stage.rows("SELECT 1 FROM messages WHERE text = 'never mind'")).length === 0);
      go();
      expect(await end(id)).toEqual({ type: 'silent', reason: 'deleted' });
      expect(texts()).toEqual([]);
      expect(await states()).toEqual(['deleted']);
      expect((await ask('something else')).text).toBe('vivienne hears: something else');
    });
  });

  describe('when inference is away', () => {
    test('the turn stays and is tried again', async () => {
      let times = 0;
      on.stage.puppet.before = async (kind) => (kind === 'read' && times++ < 2 ? Promise.reject(away) : undefined);
      expect((await ask('patience')).text).toBe('vivienne hears: patience');
      expect(times).toBe(3);
    });

    test('too often, one plain apology is the reply', async () => {
      on.stage.puppet.before = async (kind) => (kind === 'write' ? Promise.reject(away) : undefined);
      const reply = await ask('anybody?');
      expect(reply.text).toMatch(/not working right now/);
      await settled();
      expect(texts()).toHaveLength(1);
      expect(await on.stage.rows('SELECT source FROM replies WHERE id = $1', reply.replyId)).toEqual([
        { source: { generator: 'rules', kind: 'universal', id: null } },
      ]);
    });

    test('for good, nobody waits', async () => {
      on.stage.puppet.before = async () => Promise.reject(broken);
      expect((await ask('hm')).text).toMatch(/not working right now/);
      expect(on.stage.puppet.reads).toHaveLength(1);
    });

    test('what words do is still done and said', async () => {
      on.stage.puppet.before = async () => Promise.reject(broken);
      expect((await ask('be theo')).text).toBe('Theo answers here from now on.');
      on.stage.puppet.before = async () => {};
      expect((await ask('hi')).character.slug).toBe('theo');
    });
  });

  describe('the way out', () => {
    test('a platform that is busy is tried again, and told that it is', async () => {
      let times = 0;
      on.stage.loft.before = async () => (times++ < 2 ? Promise.reject(busy) : undefined);
      const reply = await ask('knock');
      expect(reply.attempt).toBe(3);
      await settled();
      expect(await on.stage.rows('SELECT state, attempts FROM outbox WHERE reply_id = $1', reply.replyId)).toEqual([
        { state: 'sent', attempts: 3 },
      ]);
    });

    test('a platform that refuses is not, and the next turn goes on', async () => {
      on.stage.loft.before = async (out) =>
        /refuse/.test(out.text) ? Promise.reject(new TroupeError('forbidden', 'no rights here')) : undefined;
      await say('refuse this');
      await until(async () => (await states()).includes('answered'));
      await ask('but not this');
      expect(texts()).toEqual(['vivienne hears: but not this']);
      await settled();
      expect(
        await on.stage.rows(
          'SELECT o.state, o.error FROM outbox o JOIN replies r ON r.id = o.reply_id JOIN conversations c ON c.id = r.conversation_id WHERE c.channel = $1 ORDER BY o.created_at',
          on.room,
        ),
      ).toEqual([
        { state: 'failed', error: 'forbidden' },
        { state: 'sent', error: null },
      ]);
    });

    test('an unknown outcome is one message all the same', async () => {
      let times = 0;
      on.stage.loft.after = async () => (times++ === 0 ? Promise.reject(new Error('socket hang up')) : undefined);
      await ask('once');
      await settled();
      expect(texts()).toEqual(['vivienne hears: once']);
      expect(times).toBe(2);
    });
  });

  describe('whoever watches', () => {
    test('sees the reading, the pieces and the reply, and the store says the same', async () => {
      const id = await sayOnPage('i am sad today');
      const reply = await end(id);
      const updates = on.stage.updates.get(id)!;
      expect(updates.map(({ type }) => type).filter((type, n, all) => type !== all[n - 1])).toEqual(['read', 'delta', 'reply']);
      expect(updates[0]).toMatchObject({
        type: 'read',
        emotion: { label: 'sadness', score: 0.9 },
        detected: ['sadness'],
        intent: { decidedBy: 'model' },
      });
      const pieces = updates.flatMap((update) => (update.type === 'delta' ? [update.text] : []));
      expect(reply).toMatchObject({
        type: 'reply',
        answer: { reply: { text: pieces.join(''), emotion: 'caring', character: 'vivienne' }, mood: { label: 'sadness' } },
      });
      await until(async () => (await on.stage.page.context.services.outcome(on.room, id)) !== null);
      expect(await on.stage.page.context.services.outcome(on.room, id)).toEqual(reply);
      expect(await on.stage.page.context.services.outcome(on.room, 'unknown')).toBeNull();
    });

    test('all callers of a burst get the same reply', async () => {
      const go = hold('read');
      await sayOnPage('zero');
      await until(() => on.stage.puppet.reads.length === 1);
      const ids = [await sayOnPage('one'), await sayOnPage('two')];
      await stored(3);
      go();
      const [one, two] = await Promise.all(ids.map(end));
      expect(one).toEqual(two);
    });

    test('a character asked for with the message answers it, and only it', async () => {
      const named = await sayOnPage('hi', { character: 'walt' });
      expect(await end(named)).toMatchObject({ answer: { reply: { character: 'walt' } } });
      expect(await end(await sayOnPage('hi again'))).toMatchObject({ answer: { reply: { character: 'vivienne' } } });
    });

    test('reads the past with its votes', async () => {
      await end(await sayOnPage('hi'));
      const [reply] = await answers(1, on.stage.page);
      await on.stage.page.thumb({ target: { replyId: reply!.replyId }, value: 'up', via: 'api' });
      await until(async () => (await on.stage.rows('SELECT 1 FROM votes WHERE reply_id = $1', reply!.replyId)).length === 1);
      expect(await on.stage.page.context.services.history(on.room, 10)).toMatchObject([
        { role: 'user', text: 'hi' },
        {
          role: 'character',
          id: reply!.replyId,
          text: 'vivienne hears: hi',
          vote: 'up',
          answer: { reply: { text: 'vivienne hears: hi' } },
        },
      ]);
      expect(await on.stage.page.context.services.history(on.room, 1)).toHaveLength(1);
      expect(await on.stage.page.context.services.hasReply(reply!.replyId)).toBe(true);
      expect(await on.stage.page.context.services.hasReply('nothing')).toBe(false);
    });

    test('asks for readings without turns', async () => {
      const [prediction, ...others] = await on.stage.page.context.services.predict(['so sad', 'yay']);
      expect(prediction).toMatchObject({ detected: ['sadness'], sentiment: { label: 'negative' }, intent: { name: null } });
      expect(prediction).not.toHaveProperty('embedding');
      expect(others[0]).toMatchObject({ detected: ['joy'] });
    });

    test('asks for many readings in few jobs, also of a worker that reads one text a job', async () => {
      const { puppet, page } = on.stage;
      const texts = Array.from({ length: 70 }, (_, n) => `${['so sad', 'yay', 'a table'][n % 3]} ${n}`);
      const felt = async () => (await page.context.services.predict(texts)).map(({ detected }) => detected[0]);
      const expected = texts.map((_, n) => ['sadness', 'joy', 'neutral'][n % 3]);
      const before = puppet.reads.length;
      expect(await felt()).toEqual(expected);
      expect(
        puppet.reads
          .slice(before)
          .map(({ beside }) => 1 + (beside?.length ?? 0))
          .sort(),
      ).toEqual([32, 32, 6]);
      puppet.old = true;
      expect(await felt()).toEqual(expected);
      puppet.old = false;
      expect(await page.context.services.predict([])).toEqual([]);
    });
  });

  describe('thumbs', () => {
    const vote = (replyId: string) =>
      on.stage.rows<{ value: string }>('SELECT value FROM votes WHERE reply_id = $1', replyId).then((rows) => rows[0]?.value ?? null);
    /** Votes are taken in order: once the last one counts, those before it have had their say. */
    const afterAll = async (reply: { id: string; replyId: string }, value: string | null) => {
      const mark = await ask('mark');
      await settled();
      await on.stage.loft.thumb({ target: { messageId: mark.id }, value: 'up' });
      await until(async () => (await vote(mark.replyId)) === 'up');
      expect(await vote(reply.replyId)).toBe(value);
    };

    test('the latest counts, and taking it back leaves none', async () => {
      const reply = await ask('how am i doing');
      await settled();
      const target = { messageId: reply.id };
      await on.stage.loft.thumb({ target, value: 'up', atMs: 1000 });
      await afterAll(reply, 'up');
      await on.stage.loft.thumb({ target, value: 'down', atMs: 2000 });
      await on.stage.loft.thumb({ target, value: null, retracts: 'up', atMs: 3000 });
      await afterAll(reply, 'down');
      await on.stage.loft.thumb({ target, value: null, retracts: 'down', atMs: 4000 });
      await afterAll(reply, null);
    });

    test('an older one that comes late changes nothing', async () => {
      const reply = await ask('and now');
      await settled();
      await on.stage.loft.thumb({ target: { replyId: reply.replyId }, value: 'down', atMs: 2000 });
      await on.stage.loft.thumb({ target: { messageId: reply.id }, value: 'up', atMs: 1000 });
      await on.stage.loft.thumb({ target: { messageId: reply.id }, value: null, atMs: 1500 });
      await afterAll(reply, 'down');
    });

    test('each person has their own, and one on somebody else’s message is nobody’s', async () => {
      const reply = await ask('two opinions');
      await settled();
      await on.stage.loft.thumb({ target: { messageId: reply.id }, value: 'up', person: { id: 'p', name: 'p' } });
      await on.stage.loft.thumb({ target: { messageId: reply.id }, value: 'down', person: { id: 'q', name: 'q' } });
      await on.stage.loft.thumb({ target: { messageId: 'somebody’s' }, value: 'up', atMs: 0 });
      await until(async () => (await on.stage.rows('SELECT 1 FROM votes WHERE reply_id = $1', reply.replyId)).length === 2);
    });
  });

  test('platforms learn what is theirs: places, messages, and where they left off', async () => {
    const sentAtMs = Date.now() + 10_000;
    const reply = await ask('hello', { id: 'newest', sentAtMs });
    await settled();
    const { inbound } = on.stage.loft;
    expect([await inbound.takesPart('loft', on.room), await inbound.takesPart('loft', 'elsewhere')]).toEqual([true, false]);
    expect([await inbound.isOurs('loft', reply.id), await inbound.isOurs('loft', 'x')]).toEqual([true, false]);
    expect(await inbound.lastSeen(sentAtMs - 1)).toEqual([
      { address: { workspace: 'loft', channel: on.room, place: { room: on.room } }, id: 'newest', sentAtMs },
    ]);
  });

  test('forget me removes the person everywhere, says what it was, and keeps not even that', async () => {
    const who = `mia-${on.room}`;
    const other = await ask('somebody else speaks', { who: 'nobody-special' });
    const reply = await ask('my secret', { who });
    await ask('my other secret', { who, where: on.room });
    await settled();
    await on.stage.loft.thumb({ target: { messageId: reply.id }, value: 'up', person: { id: who, name: who } });
    await until(async () => (await on.stage.rows('SELECT 1 FROM votes WHERE reply_id = $1', reply.replyId)).length === 1);
    const said = await ask('forget me', { who });
    expect(said.text).toMatch(/\(forgotten\).*3 messages of yours, 2 answers to you, 1 thumb, what I knew of your mood and your name/);
    expect(said.notice).toBeNull();
    await settled();
    expect(await on.stage.rows('SELECT 1 FROM people WHERE external_id = $1', who)).toEqual([]);
    expect(
      await on.stage.rows('SELECT text FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.channel = $1', on.room),
    ).toEqual([{ text: 'somebody else speaks' }]);
    expect(
      await on.stage.rows('SELECT r.id FROM replies r JOIN conversations c ON c.id = r.conversation_id WHERE c.channel = $1', on.room),
    ).toEqual([{ id: other.replyId }]);
    expect(await on.stage.rows('SELECT 1 FROM sent_messages WHERE message_id = $1', said.id)).toEqual([]);
    expect((await ask('hello, stranger', { who })).notice).toMatch(/I am a bot/);
  });

  test('forget me in a place of one’s own leaves no trace of the place, and nothing said after it is lost', async () => {
    const go = hold('write');
    const id = await say('forget me', { who: 'zoe' });
    await until(() => on.stage.puppet.writes.length === 1);
    await say('are you still there?', { who: 'zoe' });
    await until(async () => (await on.stage.rows("SELECT 1 FROM messages WHERE text = 'are you still there?'")).length === 1);
    go();
    expect(await end(id)).toMatchObject({ type: 'reply' });
    await answers(2);
    expect(texts().at(-1)).toBe('vivienne hears: are you still there?');
    await ask('forget me', { who: 'zoe' });
    await settled();
    expect(await on.stage.rows('SELECT 1 FROM conversations WHERE channel = $1', on.room)).toEqual([]);
    expect(await on.stage.rows("SELECT 1 FROM people WHERE external_id LIKE 'zoe%' OR external_id LIKE 'forgotten%'")).toEqual([]);
  });

  test('a bot that stops gives its turns back, and the next one finishes them', async () => {
    const go = hold('read');
    await say('do not lose me');
    await until(() => on.stage.puppet.reads.length === 1);
    await on.stage.restart();
    go();
    await answers(1);
    await settled();
    expect(texts()).toEqual(['vivienne hears: do not lose me']);
  });

  test('waits no longer than it must for inference that says nothing', async () => {
    await on.stage.restart({ pace: { ...quickPace, readTimeoutMs: 100, tries: 2 } });
    const go = hold('read');
    expect((await ask('hello?')).text).toMatch(/not working right now/);
    go();
    await on.stage.restart();
  });
});
