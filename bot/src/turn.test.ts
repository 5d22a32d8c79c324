// A turn from the first word to the reply: the way, the words that work everywhere, crises, skills.
import { describe, expect, test } from 'vitest';
import { openRoom, wheres } from '../test/room.ts';
import { until } from '../test/stage.ts';
import { TroupeError } from './errors.ts';

const away = new TroupeError('puppet-away', 'nobody is there', { retryable: true });

describe.each(wheres)('on %s', (where) => {
  const on = openRoom(where);
  const { texts, answers, say, sayOnPage, ask, states, settled, stored, hold } = on;

  describe('a turn', () => {
    test('is read, written, stored and sent once', async () => {
      const reply = await ask('hello, i am so sad');
      expect(reply).toMatchObject({
        text: 'vivienne hears: hello, i am so sad',
        character: { slug: 'vivienne', name: expect.any(String) },
        expression: 'caring',
        attempt: 1,
        address: { workspace: 'loft', channel: on.room, place: { room: on.room } },
      });
      await settled();
      const [row] = await on.stage.rows('SELECT * FROM replies WHERE id = $1', reply.replyId);
      expect(row).toMatchObject({
        character: 'vivienne',
        line: 'vivienne-s0001',
        source: { generator: 'lines', kind: 'situation', id: 'hi' },
        intent: { name: null, decidedBy: 'model' },
        mood: { label: 'sadness', turns: 1 },
        versions: { encoder: 'v1', lines: 'v1' },
      });
      expect(await on.stage.rows('SELECT state, attempts FROM outbox WHERE reply_id = $1', reply.replyId)).toEqual([
        { state: 'sent', attempts: 1 },
      ]);
      expect(await on.stage.rows('SELECT message_id FROM sent_messages WHERE reply_id = $1', reply.replyId)).toEqual([
        { message_id: reply.id },
      ]);
      expect(await on.stage.rows('SELECT detected, safety FROM reads WHERE turn_id = $1', row!.turn_id)).toEqual([
        { detected: ['sadness'], safety: 'none' },
      ]);
    });

    test('a second delivery is nothing new', async () => {
      await say('once', { id: 'same' });
      await answers(1);
      await on.stage.queues.inbox.add({
        type: 'message',
        platform: 'loft',
        event: {
          id: 'same',
          address: { workspace: 'loft', channel: on.room, place: {} },
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
      await until(() => on.stage.puppet.reads.length === 1);
      for (const text of ['second', 'third', 'fourth']) await say(text);
      await stored(4);
      go();
      await answers(2);
      expect(texts()).toEqual(['vivienne hears: first', 'vivienne hears: second\nthird\nfourth']);
    });

    test('two people in one place are answered apart, the longest waiting first, each with their own past', async () => {
      const go = hold('read');
      await say('ada 1', { who: `ada-${on.room}` });
      await until(() => on.stage.puppet.reads.length === 1);
      await say('bob 1', { who: `bob-${on.room}` });
      await say('ada 2', { who: `ada-${on.room}` });
      await say('bob 2', { who: `bob-${on.room}` });
      await stored(4);
      go();
      await answers(3);
      expect(texts()).toEqual(['vivienne hears: ada 1', 'vivienne hears: bob 1\nbob 2', 'vivienne hears: ada 2']);
      expect(on.stage.puppet.writes.map(({ history }) => history.map(({ text }) => text))).toEqual([
        [],
        [],
        ['ada 1', 'vivienne hears: ada 1'],
      ]);
    });

    test('twenty at once lose nothing and keep their order', async () => {
      const go = hold('read');
      await say('n0', { sentAtMs: 1000 });
      await until(() => on.stage.puppet.reads.length === 1);
      // Which of them is stored first is chance: they are answered as they were sent.
      await Promise.all(Array.from({ length: 19 }, (_, n) => say(`n${n + 1}`, { sentAtMs: 1001 + n })));
      await stored(20);
      go();
      await until(() => texts().join('\n').match(/n\d+/g)?.length === 20);
      expect(texts().join('\n').match(/n\d+/g)).toEqual(Array.from({ length: 20 }, (_, n) => `n${n}`));
    });

    test('knows the past, the lines already told and the mood', async () => {
      const { replyId: first } = await ask('i am sad');
      const { replyId: second } = await ask('still sad');
      await ask('and now?');
      expect(on.stage.puppet.writes.at(-1)).toMatchObject({
        character: 'vivienne',
        history: [
          { role: 'user', text: 'i am sad', reply: first },
          { role: 'character', text: 'vivienne hears: i am sad', reply: first },
          { role: 'user', text: 'still sad', reply: second },
          { role: 'character', text: 'vivienne hears: still sad', reply: second },
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
      await answers(1, on.stage.page);
      expect(await on.stage.rows("SELECT source, train_ok FROM messages WHERE text IN ('mine', 'the operator’s') ORDER BY source")).toEqual(
        [
          { source: 'loft', train_ok: false },
          { source: 'page', train_ok: true },
        ],
      );
    });
  });

  describe('words', () => {
    test('help says what works, who is there, and where to turn in a crisis, though inference is away', async () => {
      on.stage.puppet.before = async () => Promise.reject(away);
      const reply = await ask('Help!');
      expect(reply.text).toMatch(/forget me/);
      expect(reply.text).toMatch(/Barnaby, Delia/);
      expect(reply.text).toMatch(/findahelpline\.com/);
      const [row] = await on.stage.rows('SELECT source, intent FROM replies WHERE id = $1', reply.replyId);
      expect(row).toEqual({
        source: { generator: 'rules', kind: 'skill', id: 'help' },
        intent: { name: 'help', confidence: 1, decidedBy: 'rule' },
      });
    });

    test('stop silences the place until start, for everybody', async () => {
      expect((await ask('stop')).text).toMatch(/start/);
      await say('anybody there?');
      await say('hello?', { who: `bob-${on.room}` });
      expect((await ask('START')).text).toMatch(/listening again/);
      await ask('hi again');
      expect(texts().slice(2)).toEqual(['vivienne hears: hi again']);
      expect(await states()).toEqual(['answered', 'stopped', 'stopped', 'answered', 'answered']);
    });

    test('a word in a burst is heard as a word', async () => {
      const go = hold('read');
      await say('one');
      await until(() => on.stage.puppet.reads.length === 1);
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
      on.stage.puppet.before = async () => Promise.reject(away);
      const reply = await ask('i want to kill myself');
      expect(reply.text).toMatch(/findahelpline\.com/);
      expect(reply.expression).toBe('caring');
      const [row] = await on.stage.rows('SELECT source, intent FROM replies WHERE id = $1', reply.replyId);
      expect(row).toEqual({
        source: { generator: 'rules', kind: 'safety', id: 'suicide' },
        intent: { name: 'suicide', confidence: 1, decidedBy: 'rule' },
      });
      on.stage.puppet.before = async () => {};
      await ask('tell me a joke');
      expect(on.stage.puppet.writes.at(-1)).toMatchObject({ grave: true });
    });

    test('that only the reading finds is answered as plainly', async () => {
      on.stage.puppet.alarms = (text) => (/tired of it all/.test(text) ? 'certain' : 'none');
      const reply = await ask('tired of it all, you will not hear from me again');
      expect(reply.text).toMatch(/findahelpline/);
      expect(on.stage.puppet.writes).toHaveLength(0);
      const [row] = await on.stage.rows('SELECT intent FROM replies WHERE id = $1', reply.replyId);
      expect(row).toEqual({ intent: { name: 'self-harm', confidence: 0.5, decidedBy: 'model' } });
      await ask('tell me a joke');
      expect(on.stage.puppet.writes.at(-1)).toMatchObject({ grave: true });
    });

    test('that is not sure leaves the character, and nothing light is said', async () => {
      on.stage.puppet.alarms = (text) => (/what is the point/.test(text) ? 'likely' : 'none');
      expect((await ask('what is the point')).character.slug).toBe('vivienne');
      expect(on.stage.puppet.writes.at(-1)).toMatchObject({ grave: true });
      await ask('lunch was nice');
      expect(on.stage.puppet.writes.at(-1)).toMatchObject({ grave: false });
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
      on.stage.puppet.means = () => [['film-recommendation', 0.9]];
      const reply = await ask('what should i watch');
      const { facts } = on.stage.puppet.writes[0]!;
      expect(facts).toMatchObject({ skill: 'film-recommendation', act: 'film' });
      expect(reply.text).toContain(facts!.text);
    });

    test('without facts offers a person and invents nothing', async () => {
      on.stage.puppet.means = () => [['refund', 0.9]];
      const reply = await ask('i want my money back');
      expect(reply.text).toMatch(/\(unknown-fact\).*talk to a person/);
      const [row] = await on.stage.rows('SELECT intent FROM replies WHERE id = $1', reply.replyId);
      expect(row).toEqual({ intent: { name: 'refund', confidence: 0.9, decidedBy: 'handoff' } });
    });

    test('close to another one is asked about', async () => {
      on.stage.puppet.means = () => [
        ['refund', 0.6],
        ['order-status', 0.58],
      ];
      const reply = await ask('the thing i bought');
      expect(reply.text).toContain('Is it about “refund” or about “order status”?');
      const [row] = await on.stage.rows('SELECT intent FROM replies WHERE id = $1', reply.replyId);
      expect(row).toMatchObject({ intent: { name: null, decidedBy: 'clarify' } });
    });

    test('that means a wish for a person hands off', async () => {
      on.stage.puppet.means = () => [['talk-to-human', 0.9]];
      const reply = await ask('can i speak to a human');
      expect(reply.text).toMatch(/\(hand-off\)/);
      const [row] = await on.stage.rows(
        'SELECT r.intent, c.handed_off_at IS NOT NULL AS off FROM replies r JOIN conversations c ON c.id = r.conversation_id WHERE r.id = $1',
        reply.replyId,
      );
      expect(row).toEqual({ intent: { name: 'talk-to-human', confidence: 0.9, decidedBy: 'handoff' }, off: true });
    });
  });

  test('another language gets an honest answer and leaves no mood', async () => {
    const reply = await ask('Ich bin so traurig heute.');
    expect(reply.text).toMatch(/\(language\).*nur Englisch/);
    expect(
      await on.stage.rows('SELECT 1 FROM moods d JOIN conversations c ON c.id = d.conversation_id WHERE c.channel = $1', on.room),
    ).toEqual([]);
  });
});
