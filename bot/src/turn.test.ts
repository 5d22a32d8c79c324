import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { busy } from '../test/fake-platform.ts';
import { openStage, ownServers, quickPace, type Stage, until } from '../test/stage.ts';
import { TroupeError } from './errors.ts';
import type { TurnUpdate } from './platform.ts';

const away = new TroupeError('puppet-away', 'nobody is there', { retryable: true });
const broken = new TroupeError('puppet-broken', 'it will never work', { retryable: false });

describe.each(['the embedded store', 'PostgreSQL and Redis'])('on %s', (where) => {
  let stage: Stage;
  let room = '';
  let count = 0;
  beforeAll(async () => {
    const servers = where === 'the embedded store' ? undefined : await ownServers(inject('postgresUrl'), inject('redisUrl'), 11);
    stage = await openStage({ servers });
  });
  afterAll(() => stage.close());
  beforeEach(() => {
    room = `room-${count++}`;
    const { puppet, loft, page, clock } = stage;
    Object.assign(puppet, { before: async () => {}, means: () => [[null, 0.1]], reads: [], writes: [] });
    for (const platform of [loft, page]) Object.assign(platform, { before: async () => {}, after: async () => {} });
    clock.real = true;
  });

  const seen = (platform = stage.loft) => platform.seen.filter(({ address }) => address.channel === room);
  const texts = () => seen().map(({ text }) => text);
  const answers = (many: number, platform = stage.loft) =>
    until(() => (seen(platform).length >= many ? seen(platform).slice(0, many) : null));
  type Say = Parameters<Stage['loft']['say']>;
  const say = (text: Say[0], over: Say[1] = {}) => stage.loft.say(text, { where: room, who: `ada-${room}`, ...over });
  const sayOnPage = (text: Say[0], over: Say[1] = {}) => stage.page.say(text, { where: room, who: `ada-${room}`, ...over });
  const ask = async (text: Say[0], over: Say[1] = {}) => {
    const before = seen().length;
    await say(text, over);
    return (await answers(before + 1)).at(-1)!;
  };
  const end = async (id: string) =>
    until(() =>
      stage.updates
        .get(id)
        ?.find((update): update is Exclude<TurnUpdate, { type: 'read' | 'delta' }> => !['read', 'delta'].includes(update.type)),
    );
  const states = () =>
    stage
      .rows<{ state: string }>(
        'SELECT t.state FROM turns t JOIN conversations c ON c.id = t.conversation_id WHERE c.channel = $1 ORDER BY t.opened_at',
        room,
      )
      .then((rows) => rows.map(({ state }) => state));
  const settled = () => until(async () => (await stage.rows('SELECT 1 FROM turns WHERE lease_until IS NOT NULL')).length === 0);
  const stored = (many: number) =>
    until(
      async () =>
        (await stage.rows('SELECT 1 FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.channel = $1', room))
          .length === many,
    );
  /** Holds every read or write until the result is called. */
  const hold = (kind: 'read' | 'write') => {
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    stage.puppet.before = async (asked) => {
      if (asked === kind) await gate;
    };
    return go;
  };

  describe('a turn', () => {
    test('is read, written, stored and sent once', async () => {
      const reply = await ask('hello, i am so sad');
      expect(reply).toMatchObject({
        text: 'vivienne hears: hello, i am so sad',
        character: { slug: 'vivienne', name: expect.any(String) },
        expression: 'caring',
        attempt: 1,
        address: { workspace: 'loft', channel: room, place: { room } },
      });
      await settled();
      const [row] = await stage.rows('SELECT * FROM replies WHERE id = $1', reply.replyId);
      expect(row).toMatchObject({
        character: 'vivienne',
        line: 'vivienne-s0001',
        source: { generator: 'lines', kind: 'situation', id: 'hi' },
        intent: { name: null, decidedBy: 'model' },
        mood: { label: 'sadness', turns: 1 },
        versions: { encoder: 'v1', lines: 'v1' },
      });
      expect(await stage.rows('SELECT state, attempts FROM outbox WHERE reply_id = $1', reply.replyId)).toEqual([
        { state: 'sent', attempts: 1 },
      ]);
      expect(await stage.rows('SELECT message_id FROM sent_messages WHERE reply_id = $1', reply.replyId)).toEqual([
        { message_id: reply.id },
      ]);
      expect(await stage.rows('SELECT detected, safety FROM reads WHERE turn_id = $1', row!.turn_id)).toEqual([
        { detected: ['sadness'], safety: 'none' },
      ]);
    });

    test('a second delivery is nothing new', async () => {
      await say('once', { id: 'same' });
      await answers(1);
      await stage.queues.inbox.add({
        type: 'message',
        platform: 'loft',
        event: {
          id: 'same',
          address: { workspace: 'loft', channel: room, place: {} },
          person: { id: 'x', name: 'x' },
          text: 'once',
          sentAtMs: 0,
          direct: true,
          fromBot: false,
        },
      });
      await ask('twice', { id: 'other' });
      expect(texts()).toEqual(['vivienne hears: once', 'vivienne hears: twice']);
    });

    test('what is said while one runs is answered together in the next', async () => {
      const go = hold('read');
      await say('first');
      await until(() => stage.puppet.reads.length === 1);
      for (const text of ['second', 'third', 'fourth']) await say(text);
      await stored(4);
      go();
      await answers(2);
      expect(texts()).toEqual(['vivienne hears: first', 'vivienne hears: second\nthird\nfourth']);
    });

    test('two people in one place are answered apart, the longest waiting first, each with their own past', async () => {
      const go = hold('read');
      await say('ada 1', { who: `ada-${room}` });
      await until(() => stage.puppet.reads.length === 1);
      await say('bob 1', { who: `bob-${room}` });
      await say('ada 2', { who: `ada-${room}` });
      await say('bob 2', { who: `bob-${room}` });
      await stored(4);
      go();
      await answers(3);
      expect(texts()).toEqual(['vivienne hears: ada 1', 'vivienne hears: bob 1\nbob 2', 'vivienne hears: ada 2']);
      expect(stage.puppet.writes.map(({ history }) => history.map(({ text }) => text))).toEqual([
        [],
        [],
        ['ada 1', 'vivienne hears: ada 1'],
      ]);
    });

    test('twenty at once lose nothing and keep their order', async () => {
      await Promise.all(Array.from({ length: 20 }, (_, n) => say(`n${n}`, { sentAtMs: 1000 + n })));
      await until(() => texts().join('\n').match(/n\d+/g)?.length === 20);
      expect(texts().join('\n').match(/n\d+/g)).toEqual(Array.from({ length: 20 }, (_, n) => `n${n}`));
    });

    test('knows the past, the lines already told and the mood', async () => {
      await ask('i am sad');
      await ask('still sad');
      await ask('and now?');
      expect(stage.puppet.writes.at(-1)).toMatchObject({
        character: 'vivienne',
        history: [
          { role: 'user', text: 'i am sad' },
          { role: 'character', text: 'vivienne hears: i am sad' },
          { role: 'user', text: 'still sad' },
          { role: 'character', text: 'vivienne hears: still sad' },
        ],
        used: ['vivienne-s0001', 'vivienne-s0002'],
        mood: { label: 'sadness', turns: 3 },
        facts: null,
        act: null,
        grave: false,
        stream: true,
      });
    });

    test('mass mentions do not leave, whoever wrote them', async () => {
      const reply = await ask('@everyone <!channel> look');
      expect(reply.text).toBe('vivienne hears: everyone channel look');
    });

    test('bots, and messages with nothing in them, get no turn', async () => {
      await say('beep', { fromBot: true });
      await say(' \u200b\n');
      await ask('hello');
      expect(texts()).toEqual(['vivienne hears: hello']);
    });

    test('is for those who may be learned from marked so, and for nobody else', async () => {
      await ask('mine');
      await sayOnPage('the operator’s');
      await answers(1, stage.page);
      expect(await stage.rows("SELECT source, train_ok FROM messages WHERE text IN ('mine', 'the operator’s') ORDER BY source")).toEqual([
        { source: 'loft', train_ok: false },
        { source: 'page', train_ok: true },
      ]);
    });
  });

  describe('words', () => {
    test('help says what works, who is there, and where to turn in a crisis, though inference is away', async () => {
      stage.puppet.before = async () => Promise.reject(away);
      const reply = await ask('Help!');
      expect(reply.text).toMatch(/forget me/);
      expect(reply.text).toMatch(/Barnaby, Delia/);
      expect(reply.text).toMatch(/findahelpline\.com/);
      const [row] = await stage.rows('SELECT source, intent FROM replies WHERE id = $1', reply.replyId);
      expect(row).toEqual({
        source: { generator: 'rules', kind: 'skill', id: 'help' },
        intent: { name: 'help', confidence: 1, decidedBy: 'rule' },
      });
    });

    test('stop silences the place until start, for everybody', async () => {
      expect((await ask('stop')).text).toMatch(/start/);
      await say('anybody there?');
      await say('hello?', { who: `bob-${room}` });
      expect((await ask('START')).text).toMatch(/listening again/);
      await ask('hi again');
      expect(texts().slice(2)).toEqual(['vivienne hears: hi again']);
      expect(await states()).toEqual(['answered', 'stopped', 'stopped', 'answered', 'answered']);
    });

    test('a word in a burst is heard as a word', async () => {
      const go = hold('read');
      await say('one');
      await until(() => stage.puppet.reads.length === 1);
      for (const text of ['two', 'stop', 'three']) await say(text);
      await stored(4);
      go();
      await until(async () => (await states()).length === 4 && !(await states()).includes('open'));
      expect(await states()).toEqual(['answered', 'answered', 'answered', 'stopped']);
    });

    test('be brings another character in, who stays', async () => {
      expect((await ask('be june')).text).toBe('(enters) says june');
      expect((await ask('hi')).character.slug).toBe('june');
      expect((await ask('be quiet please')).character.slug).toBe('june');
    });

    test('talk to a person calls one, says so, and is quiet until start', async () => {
      const reply = await ask('talk to a person');
      expect(reply.text).toMatch(/\(hand-off\).*quiet until.*start/);
      await say('hello?');
      await until(async () => (await states()).includes('handed-off'));
      await ask('start');
      expect((await ask('hi')).text).toBe('vivienne hears: hi');
    });
  });

  describe('a crisis', () => {
    test('is answered plainly and at once, though inference is away, and nothing light is said after', async () => {
      stage.puppet.before = async () => Promise.reject(away);
      const reply = await ask('i want to kill myself');
      expect(reply.text).toMatch(/findahelpline\.com/);
      expect(reply.expression).toBe('caring');
      const [row] = await stage.rows('SELECT source, intent FROM replies WHERE id = $1', reply.replyId);
      expect(row).toEqual({
        source: { generator: 'rules', kind: 'safety', id: 'suicide' },
        intent: { name: 'suicide', confidence: 1, decidedBy: 'rule' },
      });
      stage.puppet.before = async () => {};
      await ask('tell me a joke');
      expect(stage.puppet.writes.at(-1)).toMatchObject({ grave: true });
    });

    test('that only the reading finds is answered as plainly', async () => {
      stage.puppet.alarms = (text) => (/tired of it all/.test(text) ? 'certain' : 'none');
      const reply = await ask('tired of it all, you will not hear from me again');
      expect(reply.text).toMatch(/findahelpline/);
      expect(stage.puppet.writes).toHaveLength(0);
      const [row] = await stage.rows('SELECT intent FROM replies WHERE id = $1', reply.replyId);
      expect(row).toEqual({ intent: { name: 'self-harm', confidence: 0.5, decidedBy: 'model' } });
      await ask('tell me a joke');
      expect(stage.puppet.writes.at(-1)).toMatchObject({ grave: true });
    });

    test('that is not sure leaves the character, and nothing light is said', async () => {
      stage.puppet.alarms = (text) => (/what is the point/.test(text) ? 'likely' : 'none');
      expect((await ask('what is the point')).character.slug).toBe('vivienne');
      expect(stage.puppet.writes.at(-1)).toMatchObject({ grave: true });
      await ask('lunch was nice');
      expect(stage.puppet.writes.at(-1)).toMatchObject({ grave: false });
    });

    test('breaks the silence of stop', async () => {
      await ask('stop');
      expect((await ask('there is no reason to live')).text).toMatch(/findahelpline/);
      await say('hm');
      await until(async () => (await states()).length === 3);
      expect(texts()).toHaveLength(2);
    });
  });

  describe('a skill', () => {
    test('has its facts told word for word', async () => {
      stage.puppet.means = () => [['film-recommendation', 0.9]];
      const reply = await ask('what should i watch');
      const { facts } = stage.puppet.writes[0]!;
      expect(facts).toMatchObject({ skill: 'film-recommendation', act: 'film' });
      expect(reply.text).toContain(facts!.text);
    });

    test('without facts offers a person and invents nothing', async () => {
      stage.puppet.means = () => [['refund', 0.9]];
      const reply = await ask('i want my money back');
      expect(reply.text).toMatch(/\(unknown-fact\).*talk to a person/);
      const [row] = await stage.rows('SELECT intent FROM replies WHERE id = $1', reply.replyId);
      expect(row).toEqual({ intent: { name: 'refund', confidence: 0.9, decidedBy: 'handoff' } });
    });

    test('close to another one is asked about', async () => {
      stage.puppet.means = () => [
        ['refund', 0.6],
        ['order-status', 0.58],
      ];
      const reply = await ask('the thing i bought');
      expect(reply.text).toContain('Is it about “refund” or about “order status”?');
      const [row] = await stage.rows('SELECT intent FROM replies WHERE id = $1', reply.replyId);
      expect(row).toMatchObject({ intent: { name: null, decidedBy: 'clarify' } });
    });

    test('that means a wish for a person hands off', async () => {
      stage.puppet.means = () => [['talk-to-human', 0.9]];
      const reply = await ask('can i speak to a human');
      expect(reply.text).toMatch(/\(hand-off\)/);
      const [row] = await stage.rows(
        'SELECT r.intent, c.handed_off_at IS NOT NULL AS off FROM replies r JOIN conversations c ON c.id = r.conversation_id WHERE r.id = $1',
        reply.replyId,
      );
      expect(row).toEqual({ intent: { name: 'talk-to-human', confidence: 0.9, decidedBy: 'handoff' }, off: true });
    });
  });

  test('another language gets an honest answer and leaves no mood', async () => {
    const reply = await ask('Ich bin so traurig heute.');
    expect(reply.text).toMatch(/\(language\).*nur Englisch/);
    expect(await stage.rows('SELECT 1 FROM moods d JOIN conversations c ON c.id = d.conversation_id WHERE c.channel = $1', room)).toEqual(
      [],
    );
  });

  describe('the first contact', () => {
    test('brings one extra line, once a person, and none on the page', async () => {
      expect((await ask('hi')).notice).toMatch(/I am a bot.*30 days.*forget me/);
      expect((await ask('hi again')).notice).toBeNull();
      expect((await ask('hi from elsewhere', { who: `bob-${room}` })).notice).toMatch(/I am a bot/);
      await sayOnPage('hi');
      expect((await answers(1, stage.page))[0]!.notice).toBeNull();
    });

    test('in two places at once brings one', async () => {
      const go = hold('write');
      const other = `${room}-other`;
      await say('here', { who: 'new' });
      await say('there', { who: 'new', where: other });
      await until(() => stage.puppet.writes.length === 2);
      go();
      const both = await until(() => {
        const those = stage.loft.seen.filter(({ address }) => [room, other].includes(address.channel));
        return those.length === 2 && those;
      });
      expect((both as { notice: string | null }[]).filter(({ notice }) => notice)).toHaveLength(1);
    });
  });

  describe('edits and deletes', () => {
    test('an edit before its turn counts, one after does not', async () => {
      const go = hold('read');
      const first = await say('first');
      await until(() => stage.puppet.reads.length === 1);
      const second = await say('secnd');
      await until(async () => (await stage.rows("SELECT 1 FROM messages WHERE text = 'secnd'")).length === 1);
      await stage.loft.edit(second, 'second', { where: room });
      await stage.loft.edit(first, 'changed too late', { where: room });
      await until(async () => (await stage.rows("SELECT 1 FROM messages WHERE text = 'second'")).length === 1);
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
      await until(() => stage.puppet.reads.length === 1);
      const gone = await say('said too much');
      await say('only this');
      await stored(3);
      stage.puppet.before = async (kind, { text }) => (kind === 'write' && text.includes('only') ? gate : undefined);
      go();
      await until(() => stage.puppet.writes.length === 2);
      await stage.loft.edit(gone, null, { where: room });
      await until(async () => (await stage.rows("SELECT 1 FROM messages WHERE text = 'said too much'")).length === 0);
      goOn();
      await answers(2);
      expect(texts()).toEqual(['vivienne hears: zero', 'vivienne hears: only this']);
    });

    test('a delete of all there is ends the turn in silence', async () => {
      const go = hold('write');
      const id = await say('never mind');
      await until(() => stage.puppet.writes.length === 1);
      await stage.loft.edit(id, null, { where: room });
      await until(async () => (await stage.rows("SELECT 1 FROM messages WHERE text = 'never mind'")).length === 0);
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
      stage.puppet.before = async (kind) => (kind === 'read' && times++ < 2 ? Promise.reject(away) : undefined);
      expect((await ask('patience')).text).toBe('vivienne hears: patience');
      expect(times).toBe(3);
    });

    test('too often, one plain apology is the reply', async () => {
      stage.puppet.before = async (kind) => (kind === 'write' ? Promise.reject(away) : undefined);
      const reply = await ask('anybody?');
      expect(reply.text).toMatch(/not working right now/);
      await settled();
      expect(texts()).toHaveLength(1);
      expect(await stage.rows('SELECT source FROM replies WHERE id = $1', reply.replyId)).toEqual([
        { source: { generator: 'rules', kind: 'universal', id: null } },
      ]);
    });

    test('for good, nobody waits', async () => {
      stage.puppet.before = async () => Promise.reject(broken);
      expect((await ask('hm')).text).toMatch(/not working right now/);
      expect(stage.puppet.reads).toHaveLength(1);
    });

    test('what words do is still done and said', async () => {
      stage.puppet.before = async () => Promise.reject(broken);
      expect((await ask('be theo')).text).toBe('Theo answers here from now on.');
      stage.puppet.before = async () => {};
      expect((await ask('hi')).character.slug).toBe('theo');
    });
  });

  describe('the way out', () => {
    test('a platform that is busy is tried again, and told that it is', async () => {
      let times = 0;
      stage.loft.before = async () => (times++ < 2 ? Promise.reject(busy) : undefined);
      const reply = await ask('knock');
      expect(reply.attempt).toBe(3);
      await settled();
      expect(await stage.rows('SELECT state, attempts FROM outbox WHERE reply_id = $1', reply.replyId)).toEqual([
        { state: 'sent', attempts: 3 },
      ]);
    });

    test('a platform that refuses is not, and the next turn goes on', async () => {
      stage.loft.before = async (out) =>
        /refuse/.test(out.text) ? Promise.reject(new TroupeError('forbidden', 'no rights here')) : undefined;
      await say('refuse this');
      await until(async () => (await states()).includes('answered'));
      await ask('but not this');
      expect(texts()).toEqual(['vivienne hears: but not this']);
      await settled();
      expect(
        await stage.rows(
          'SELECT o.state, o.error FROM outbox o JOIN replies r ON r.id = o.reply_id JOIN conversations c ON c.id = r.conversation_id WHERE c.channel = $1 ORDER BY o.created_at',
          room,
        ),
      ).toEqual([
        { state: 'failed', error: 'forbidden' },
        { state: 'sent', error: null },
      ]);
    });

    test('an unknown outcome is one message all the same', async () => {
      let times = 0;
      stage.loft.after = async () => (times++ === 0 ? Promise.reject(new Error('socket hang up')) : undefined);
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
      const updates = stage.updates.get(id)!;
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
      await until(async () => (await stage.page.context.services.outcome(room, id)) !== null);
      expect(await stage.page.context.services.outcome(room, id)).toEqual(reply);
      expect(await stage.page.context.services.outcome(room, 'unknown')).toBeNull();
    });

    test('all callers of a burst get the same reply', async () => {
      const go = hold('read');
      await sayOnPage('zero');
      await until(() => stage.puppet.reads.length === 1);
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
      const [reply] = await answers(1, stage.page);
      await stage.page.thumb({ target: { replyId: reply!.replyId }, value: 'up', via: 'api' });
      await until(async () => (await stage.rows('SELECT 1 FROM votes WHERE reply_id = $1', reply!.replyId)).length === 1);
      expect(await stage.page.context.services.history(room, 10)).toMatchObject([
        { role: 'user', text: 'hi' },
        {
          role: 'character',
          id: reply!.replyId,
          text: 'vivienne hears: hi',
          vote: 'up',
          answer: { reply: { text: 'vivienne hears: hi' } },
        },
      ]);
      expect(await stage.page.context.services.history(room, 1)).toHaveLength(1);
      expect(await stage.page.context.services.hasReply(reply!.replyId)).toBe(true);
      expect(await stage.page.context.services.hasReply('nothing')).toBe(false);
    });

    test('asks for readings without turns', async () => {
      const [prediction, ...others] = await stage.page.context.services.predict(['so sad', 'yay']);
      expect(prediction).toMatchObject({ detected: ['sadness'], sentiment: { label: 'negative' }, intent: { name: null } });
      expect(prediction).not.toHaveProperty('embedding');
      expect(others[0]).toMatchObject({ detected: ['joy'] });
    });
  });

  describe('thumbs', () => {
    const vote = (replyId: string) =>
      stage.rows<{ value: string }>('SELECT value FROM votes WHERE reply_id = $1', replyId).then((rows) => rows[0]?.value ?? null);
    /** Votes are taken in order: once the last one counts, those before it have had their say. */
    const afterAll = async (reply: { id: string; replyId: string }, value: string | null) => {
      const mark = await ask('mark');
      await settled();
      await stage.loft.thumb({ target: { messageId: mark.id }, value: 'up' });
      await until(async () => (await vote(mark.replyId)) === 'up');
      expect(await vote(reply.replyId)).toBe(value);
    };

    test('the latest counts, and taking it back leaves none', async () => {
      const reply = await ask('how am i doing');
      await settled();
      const target = { messageId: reply.id };
      await stage.loft.thumb({ target, value: 'up', atMs: 1000 });
      await afterAll(reply, 'up');
      await stage.loft.thumb({ target, value: 'down', atMs: 2000 });
      await stage.loft.thumb({ target, value: null, retracts: 'up', atMs: 3000 });
      await afterAll(reply, 'down');
      await stage.loft.thumb({ target, value: null, retracts: 'down', atMs: 4000 });
      await afterAll(reply, null);
    });

    test('an older one that comes late changes nothing', async () => {
      const reply = await ask('and now');
      await settled();
      await stage.loft.thumb({ target: { replyId: reply.replyId }, value: 'down', atMs: 2000 });
      await stage.loft.thumb({ target: { messageId: reply.id }, value: 'up', atMs: 1000 });
      await stage.loft.thumb({ target: { messageId: reply.id }, value: null, atMs: 1500 });
      await afterAll(reply, 'down');
    });

    test('each person has their own, and one on somebody else’s message is nobody’s', async () => {
      const reply = await ask('two opinions');
      await settled();
      await stage.loft.thumb({ target: { messageId: reply.id }, value: 'up', person: { id: 'p', name: 'p' } });
      await stage.loft.thumb({ target: { messageId: reply.id }, value: 'down', person: { id: 'q', name: 'q' } });
      await stage.loft.thumb({ target: { messageId: 'somebody’s' }, value: 'up', atMs: 0 });
      await until(async () => (await stage.rows('SELECT 1 FROM votes WHERE reply_id = $1', reply.replyId)).length === 2);
    });
  });

  test('platforms learn what is theirs: places, messages, and where they left off', async () => {
    const sentAtMs = Date.now() + 10_000;
    const reply = await ask('hello', { id: 'newest', sentAtMs });
    await settled();
    const { inbound } = stage.loft;
    expect([await inbound.takesPart('loft', room), await inbound.takesPart('loft', 'elsewhere')]).toEqual([true, false]);
    expect([await inbound.isOurs('loft', reply.id), await inbound.isOurs('loft', 'x')]).toEqual([true, false]);
    expect(await inbound.lastSeen(sentAtMs - 1)).toEqual([
      { address: { workspace: 'loft', channel: room, place: { room } }, id: 'newest', sentAtMs },
    ]);
  });

  test('forget me removes the person everywhere, says what it was, and keeps not even that', async () => {
    const who = `mia-${room}`;
    const other = await ask('somebody else speaks', { who: 'nobody-special' });
    const reply = await ask('my secret', { who });
    await ask('my other secret', { who, where: room });
    await settled();
    await stage.loft.thumb({ target: { messageId: reply.id }, value: 'up', person: { id: who, name: who } });
    await until(async () => (await stage.rows('SELECT 1 FROM votes WHERE reply_id = $1', reply.replyId)).length === 1);
    const said = await ask('forget me', { who });
    expect(said.text).toMatch(/\(forgotten\).*3 messages of yours, 2 answers to you, 1 thumb, what I knew of your mood and your name/);
    expect(said.notice).toBeNull();
    await settled();
    expect(await stage.rows('SELECT 1 FROM people WHERE external_id = $1', who)).toEqual([]);
    expect(
      await stage.rows('SELECT text FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.channel = $1', room),
    ).toEqual([{ text: 'somebody else speaks' }]);
    expect(
      await stage.rows('SELECT r.id FROM replies r JOIN conversations c ON c.id = r.conversation_id WHERE c.channel = $1', room),
    ).toEqual([{ id: other.replyId }]);
    expect(await stage.rows('SELECT 1 FROM sent_messages WHERE message_id = $1', said.id)).toEqual([]);
    expect((await ask('hello, stranger', { who })).notice).toMatch(/I am a bot/);
  });

  test('forget me in a place of one’s own leaves no trace of the place, and nothing said after it is lost', async () => {
    const go = hold('write');
    const id = await say('forget me', { who: 'zoe' });
    await until(() => stage.puppet.writes.length === 1);
    await say('are you still there?', { who: 'zoe' });
    await until(async () => (await stage.rows("SELECT 1 FROM messages WHERE text = 'are you still there?'")).length === 1);
    go();
    expect(await end(id)).toMatchObject({ type: 'reply' });
    await answers(2);
    expect(texts().at(-1)).toBe('vivienne hears: are you still there?');
    await ask('forget me', { who: 'zoe' });
    await settled();
    expect(await stage.rows('SELECT 1 FROM conversations WHERE channel = $1', room)).toEqual([]);
    expect(await stage.rows("SELECT 1 FROM people WHERE external_id LIKE 'zoe%' OR external_id LIKE 'forgotten%'")).toEqual([]);
  });

  test('a bot that stops gives its turns back, and the next one finishes them', async () => {
    const go = hold('read');
    await say('do not lose me');
    await until(() => stage.puppet.reads.length === 1);
    await stage.restart();
    go();
    await answers(1);
    await settled();
    expect(texts()).toEqual(['vivienne hears: do not lose me']);
  });

  test('waits no longer than it must for inference that says nothing', async () => {
    await stage.restart({ pace: { ...quickPace, readTimeoutMs: 100, tries: 2 } });
    const go = hold('read');
    expect((await ask('hello?')).text).toMatch(/not working right now/);
    go();
    await stage.restart();
  });
});
