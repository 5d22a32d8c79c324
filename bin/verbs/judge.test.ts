import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WriteJob } from '../../inference/src/contract.ts';
import { encodeEmbedding } from '../../inference/src/encoder.ts';
import { fakeJob, fakeRead, unit } from '../../inference/src/fakes.ts';
import { nearest } from './judge-nearest.ts';
import { type Key, readKey, writePairs } from './judge-pairs.ts';
import { perform } from './judge-sides.ts';
import { type Asked, readConversations, readMessages, type Talk, type Transcript, talk } from './judge-talks.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-judge-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const cards = new Map(['june', 'walt'].map((slug) => [slug, { nickname: slug.toUpperCase(), description: `who ${slug} is` }]));
const at = new Date('2026-01-02T03:04:05Z');

describe('a talk', () => {
  test('is given turn by turn with its own replies, lines and mood, as the bot does', async () => {
    const jobs: WriteJob[] = [];
    const sad = { ...fakeRead(), emotions: fakeRead().emotions.map((e) => ({ ...e, score: e.label === 'sadness' ? 0.9 : 0.01 })) };
    const reader = { read: async () => sad };
    const asked: Asked = { id: 'c01', kind: 'conversation', turns: ['my dog died', 'biscuit'] };
    const found = await talk(asked, 'june', reader, async (job) => {
      jobs.push(job);
      const source = { generator: 'lines', kind: 'universal' as const, id: null };
      return { text: `answer ${jobs.length} @everyone`, line: `june-s${jobs.length}`, source, versions: {} };
    });
    expect(jobs.map(({ text, history, used }) => ({ text, history, used }))).toEqual([
      { text: 'my dog died', history: [], used: [] },
      {
        text: 'biscuit',
        history: [
          { role: 'user', text: 'my dog died' },
          { role: 'character', text: found.turns[0]?.reply },
        ],
        used: ['june-s1'],
      },
    ]);
    expect(jobs.map(({ mood }) => [mood.label, mood.turns])).toEqual([
      ['sadness', 1],
      ['sadness', 2],
    ]);
    expect(found.turns[0]?.reply).not.toMatch(/@everyone/);
  });

  test('stays grave after a message of danger', async () => {
    const grave: boolean[] = [];
    const source = { generator: 'lines', kind: 'universal' as const, id: null };
    await talk(
      { id: 'c01', kind: 'conversation', turns: ['hello', 'i want to kill myself', 'never mind'] },
      'june',
      { read: async () => fakeRead() },
      async (job) => {
        grave.push(job.grave);
        return { text: 'I am here.', line: null, source, versions: {} };
      },
    );
    expect(grave).toEqual([false, true, true]);
  });
});

test('the baseline takes the first unused reply of the situation with the nearest wording', async () => {
  const line = (id: string) => ({ id, text: `says ${id}`, expression: 'neutral' as const });
  const situations = [
    { id: 'hi', emotion: 'neutral' as const, description: '', examples: ['hello', 'hey'] },
    { id: 'bye', emotion: 'neutral' as const, description: '', examples: ['see you'] },
  ];
  const replies = new Map([
    ['hi', [line('h1')]],
    ['bye', [line('b1'), line('b2')]],
  ]);
  const june = {
    slug: 'june',
    name: 'June',
    nickname: 'June',
    replies,
    dialogues: [],
    feelings: new Map(),
    acts: new Map(),
    topics: new Map(),
  };
  const known = new Map([
    ['hello', unit(1)],
    ['hey', unit(2)],
    ['see you', unit(3)],
  ]);
  const answer = nearest({ situations, characters: new Map([['june', june]]) }, { get: (text) => known.get(text) });
  const read = { ...fakeRead(), embedding: encodeEmbedding(unit(3)) };
  const said = async (used: string[]) => (await answer(fakeJob({ character: 'june', read, used }))).line;
  expect(await said([])).toBe('b1');
  expect(await said(['b1'])).toBe('b2');
  expect(await said(['b1', 'b2'])).toBe('h1');
  await expect(said(['b1', 'b2', 'h1'])).rejects.toMatchObject({ code: 'nothing_to_say' });
});

describe('what is put before both sides', () => {
  test('is read with ids, and a wrong line is named', async () => {
    const file = join(folder, 'x');
    writeFileSync(file, 'hi\n\n  bye \n');
    expect(await readMessages(file)).toEqual([
      { id: 'm001', kind: 'message', turns: ['hi'] },
      { id: 'm002', kind: 'message', turns: ['bye'] },
    ]);
    writeFileSync(file, '{"id":"c1","turns":["hi","no"]}\n{"id":"c1","turns":["hi"]}\n');
    await expect(readConversations(file)).rejects.toThrow(/line 2: the id c1 stands there twice/);
    writeFileSync(file, '{"id":"c1","turns":[]}\n');
    await expect(readConversations(file)).rejects.toMatchObject({
      code: 'judge_invalid',
      message: expect.stringMatching(/line 1: expected/),
    });
    await expect(readMessages(join(folder, 'none'))).rejects.toThrow(/cannot be read/);
  });

  test('is the shipped sixty messages and twenty conversations of four turns', async () => {
    const shipped = (name: string) => new URL(`../../inference/src/lines/judge/${name}`, import.meta.url).pathname;
    const messages = await readMessages(shipped('messages.txt'));
    const conversations = await readConversations(shipped('conversations.jsonl'));
    expect(new Set(messages.map(({ turns }) => turns[0])).size).toBe(60);
    expect(conversations.map(({ turns }) => turns.length)).toEqual(Array(20).fill(4));
  });
});

describe('the pairs', () => {
  test('name no side, are drawn by the seed, and are read back by the key alone', async () => {
    const key = await written({ seed: 'x' });
    const shown = readFileSync(join(folder, 'out/pairs.md'), 'utf8');
    expect(shown).not.toMatch(/lines|nearest/);
    expect(shown).toContain('## 1 · ');
    expect(key.pairs.map(({ first }) => first)).toEqual(expect.arrayContaining(['a', 'b']));
    expect(await readKey(join(folder, 'out'))).toEqual(key);
    expect(readdirSync(join(folder, 'out')).sort()).toEqual(['pairs.md', 'sealed', 'verdicts.csv']);
    const textOf = (side: string, { character, id }: Key['pairs'][number]) => `${side.length} words from ${character} to ${id}`;
    for (const pair of key.pairs) {
      const [one = ''] = shown.split(`## ${pair.pair} · `)[1]?.split('\n## ') ?? [];
      const [first, second] = pair.first === 'a' ? ['lines', 'nearest'] : ['nearest', 'lines'];
      expect(one).toContain(`- 1: ${textOf(first, pair)}\n- 2: ${textOf(second, pair)}`);
    }
    const again = await written({ seed: 'x', out: 'again' });
    expect(again.pairs).toEqual(key.pairs);
    expect((await written({ seed: 'y', out: 'other' })).pairs).not.toEqual(key.pairs);
  });

  test('refuse a folder that holds some already, and touch nothing in it', async () => {
    await written();
    const before = readFileSync(join(folder, 'out/pairs.md'), 'utf8');
    await expect(written({ seed: 'other' })).rejects.toThrow(/expected a new folder/);
    expect(readFileSync(join(folder, 'out/pairs.md'), 'utf8')).toBe(before);
  });

  test.each(['pairs.md', 'sealed/key.json', 'sealed/a.json', 'sealed/b.json'])('are not read once %s was changed', async (name) => {
    await written();
    const file = join(folder, 'out', name);
    writeFileSync(file, readFileSync(file, 'utf8').replace('june', 'JUNE').replace('says', 'said'));
    await expect(readKey(join(folder, 'out'))).rejects.toThrow(`${name} was changed after the pairs were written`);
    rmSync(file);
    await expect(readKey(join(folder, 'out'))).rejects.toThrow(`${name} cannot be read`);
  });
});

describe('a recorded side', () => {
  const asked: Asked[] = [{ id: 'other', kind: 'message', turns: ['says m001'] }];
  const side = (of: readonly Asked[], characters: string[]) =>
    perform(`file:${join(folder, 'a.json')}`, of, characters, { env: {}, log: pino({ level: 'silent' }) });

  test('answers what it was asked, under the name it had', async () => {
    writeFileSync(join(folder, 'a.json'), JSON.stringify(transcript('lines', ['m001', 'm002'])));
    const found = await side(asked, ['walt']);
    expect(found).toMatchObject({
      side: 'lines',
      talks: [{ id: 'other', character: 'walt', turns: [{ reply: '5 words from walt to m001' }] }],
    });
  });

  test('is refused where it lacks something or is no transcript', async () => {
    writeFileSync(join(folder, 'a.json'), JSON.stringify(transcript('lines', ['m002'])));
    await expect(side(asked, ['walt'])).rejects.toThrow(/has nothing of walt to "says m001"/);
    writeFileSync(join(folder, 'a.json'), '{"schema": 2}');
    await expect(side(asked, ['walt'])).rejects.toThrow(/expected a transcript/);
  });
});

function written({ seed = '1', out = 'out' } = {}): Promise<Key> {
  const ids = ['m001', 'm002', 'm003', 'm004', 'm005', 'm006'];
  const options = { folder: join(folder, out), seed, readers: 1, cards, at };
  return writePairs(transcript('lines', ids), transcript('nearest', ids), options);
}

function transcript(side: string, ids: readonly string[]): Transcript {
  const source = { generator: side, kind: 'universal' as const, id: null };
  const talks: Talk[] = ['june', 'walt'].flatMap((character) =>
    ids.map((id) => {
      const turn = { user: `says ${id}`, reply: `${side.length} words from ${character} to ${id}`, line: null, source };
      return { id, kind: 'message' as const, character, turns: [turn] };
    }),
  );
  return { schema: 1, side, versions: { encoder: 'v1' }, talks };
}

test('speaks through the worker’s own code', async () => {
  // June alone, without what her dialogues and the skills would have to be encoded for.
  const [charactersDir, skillsDir] = [join(folder, 'characters'), join(folder, 'skills')];
  const shipped = fileURLToPath(new URL('../../characters', import.meta.url));
  cpSync(join(shipped, 'situations.jsonl'), join(charactersDir, 'situations.jsonl'));
  for (const name of ['card.json', 'situations.jsonl', 'universal.jsonl'])
    cpSync(join(shipped, 'june', name), join(charactersDir, 'june', name));
  for (const name of ['refund', 'delivery']) {
    mkdirSync(join(skillsDir, name), { recursive: true });
    writeFileSync(join(skillsDir, name, 'examples.json'), JSON.stringify(Array.from({ length: 5 }, (_, n) => `i ask for a ${name} ${n}`)));
  }
  const env = { ...process.env, DATA_DIR: folder, CHARACTERS_DIR: charactersDir, SKILLS_DIR: skillsDir };
  const asked: Asked[] = [
    { id: 'm1', kind: 'message', turns: ['tell me a joke'] },
    { id: 'c1', kind: 'conversation', turns: ['tell me a joke', 'another'] },
  ];
  const side = (name: string) => perform(name, asked, ['june'], { env, log: pino({ level: 'silent' }) });
  const lines = await side('lines');
  const plain = await side('nearest');
  expect(lines.versions).toMatchObject({ encoder: expect.any(String), generator: 'lines' });
  const ids = (found: Transcript) => found.talks.map(({ turns }) => turns.map(({ source }) => source.id));
  expect(ids(lines)).toEqual([['tell-joke'], ['tell-joke', 'another-joke']]);
  expect(ids(plain)[0]).toEqual(['tell-joke']);
  expect(new Set(lines.talks[1]?.turns.map(({ line }) => line)).size).toBe(2);
  await expect(side('gpt')).rejects.toMatchObject({ code: 'settings_invalid' });
}, 120_000);
