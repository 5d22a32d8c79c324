import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EMOTIONS } from './contract.ts';
import { corpusTexts, dialogueTexts, loadCorpus, situationTexts } from './corpus.ts';
import { actNames } from './lines/acts.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'troupe-corpus-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const hello = { id: 'hi', emotion: 'neutral', description: 'says hello', examples: ['hi', 'hello'] };
const card = (data: object = {}) => JSON.stringify({ spec: 'chara_card_v3', data: { name: 'Ada Quill', nickname: 'Ada', ...data } });

async function put(files: Record<string, string | object[]>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(dir, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, typeof content === 'string' ? content : content.map((row) => JSON.stringify(row)).join('\n'));
  }
}

describe('the corpus of the repository', () => {
  it('has six characters with three replies to every situation', async () => {
    const { situations, characters } = await loadCorpus('characters');
    expect([...characters.keys()]).toEqual(['barnaby', 'delia', 'june', 'theo', 'vivienne', 'walt']);
    for (const { replies } of characters.values()) expect(situations.filter(({ id }) => replies.get(id)?.length !== 3)).toEqual([]);
  });

  it('gives the situations before the dialogues when it is asked for its texts', async () => {
    const corpus = await loadCorpus('characters');
    const texts = await corpusTexts('characters');
    const first = new Set(situationTexts(corpus)).size;
    expect(new Set(texts.slice(0, first))).toEqual(new Set(situationTexts(corpus)));
    expect(new Set(texts)).toEqual(new Set([...situationTexts(corpus), ...dialogueTexts(corpus)]));
  });
});

describe('a folder of one’s own', () => {
  it('keeps what people say where it brings no situations', async () => {
    await put({ 'ada/card.json': card() });
    const { situations } = await loadCorpus(dir);
    expect(situations.map(({ id }) => id)).toContain('grandparent-died');
  });

  it('replaces what people say where it brings situations, and adds wordings to them', async () => {
    await put({ 'situations.jsonl': [hello], 'wordings.jsonl': [{ situation: 'hi', text: 'hey you' }], 'ada/card.json': card() });
    expect((await loadCorpus(dir)).situations).toEqual([{ ...hello, examples: ['hi', 'hello', 'hey you'] }]);
  });

  it('refuses what is said after a topic that there is not', async () => {
    await put({ 'situations.jsonl': [{ ...hello, after: ['weather'] }], 'ada/card.json': card() });
    await expect(loadCorpus(dir)).rejects.toThrow(/situations\.jsonl:1.*after/s);
  });

  it('refuses situations none of which a talk can begin with', async () => {
    await put({ 'situations.jsonl': [{ ...hello, after: ['loss'] }], 'ada/card.json': card() });
    await expect(loadCorpus(dir)).rejects.toThrow(/a talk needs some that it can begin with/);
  });

  it('makes a character of a card alone: its greetings, its example dialogue, and plain words for everything else', async () => {
    const example =
      '<START>\n{{user}}: do you bake?\n{{char}}: {{char}} bakes every Sunday.\n<START>\n{{user}}: and\n{{user}}: cake?\n{{char}}: Lemon.';
    await put({
      'ada/card.json': card({ first_mes: 'Come in.', alternate_greetings: ['Oh, {{user}}!', 'You again.'], mes_example: example }),
    });
    const ada = (await loadCorpus(dir)).characters.get('ada');
    expect(ada?.acts.get('greeting')?.map(({ text }) => text)).toEqual(['Come in.', 'You again.']);
    expect(ada?.dialogues.map(({ turns }) => [turns[0]?.user, turns[0]?.answer])).toEqual([
      ['do you bake?', 'Ada bakes every Sunday.'],
      ['cake?', 'Lemon.'],
    ]);
    expect(EMOTIONS.filter((emotion) => !ada?.feelings.get(emotion)?.length)).toEqual([]);
    expect(actNames.filter((act) => !ada?.acts.get(act)?.length)).toEqual([]);
    expect(ada?.acts.get('who')?.[0]?.text).toBe('I am Ada.');
  });

  it('accepts acts by their short names', async () => {
    await put({ 'ada/card.json': card(), 'ada/universal.jsonl': [{ id: 'a1', act: 'hand-off', text: 'I call somebody.' }] });
    expect((await loadCorpus(dir)).characters.get('ada')?.acts.get('hand-off')).toMatchObject([{ id: 'a1', text: 'I call somebody.' }]);
  });

  it('adds plain words to a feeling that fewer than three own lines answer', async () => {
    const joys = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `j${i}`, emotion: 'joy', text: `Joy ${i}.` }));
    await put({ 'ada/card.json': card(), 'ada/universal.jsonl': joys(2), 'bob/card.json': card(), 'bob/universal.jsonl': joys(3) });
    const { characters } = await loadCorpus(dir);
    const ids = (slug: string) =>
      characters
        .get(slug)
        ?.feelings.get('joy')
        ?.map(({ id }) => id) ?? [];
    expect(ids('ada')).toEqual(['j0', 'j1', 'plain-joy-1']);
    expect(ids('bob')).toEqual(['j0', 'j1', 'j2']);
  });

  it('ignores folders that hold no character', async () => {
    await put({ 'ada/card.json': card(), 'portraits/readme.txt': 'pictures' });
    expect([...(await loadCorpus(dir)).characters.keys()]).toEqual(['ada']);
  });
});

describe('what is broken is refused with its place and the fix', () => {
  const cases: [what: string, files: Record<string, string | object[]>, message: RegExp][] = [
    ['no character at all', { 'situations.jsonl': [hello] }, /holds no character; put a folder with a card\.json/],
    ['a card that is none', { 'ada/card.json': '{"data":{}}' }, /ada\/card\.json is no Character Card/],
    [
      'lines without a card',
      { 'ada/universal.jsonl': [{ id: 'a', emotion: 'joy', text: 'Ha.' }] },
      /ada\/card\.json: the folder has lines but no card/,
    ],
    [
      'a line that is no JSON',
      { 'ada/card.json': card(), 'ada/exchanges.jsonl': '\n{"id": 1,\n' },
      /exchanges\.jsonl:2: not one JSON object on one line/,
    ],
    [
      'an emotion nobody has heard of',
      { 'ada/card.json': card(), 'ada/universal.jsonl': [{ id: 'a', emotion: 'hangry', text: 'Eat.' }] },
      /universal\.jsonl:1: emotion: must be one of "admiration", /,
    ],
    [
      'an act that fits a kind of message',
      { 'ada/card.json': card(), 'ada/universal.jsonl': [{ id: 'a', act: 'thanks', fits: 'told', text: 'My pleasure.' }] },
      /universal\.jsonl.*"fits", which only a line with an emotion may have/s,
    ],
    [
      'an act nobody performs',
      { 'ada/card.json': card(), 'ada/universal.jsonl': [{ id: 'a', act: 'sings', text: 'La.' }] },
      /:1: act "sings" is not known; it must be one of greeting, /,
    ],
    [
      'an empty text',
      { 'ada/card.json': card(), 'ada/universal.jsonl': [{ id: 'a', emotion: 'joy', text: ' ' }] },
      /:1: text: must not be empty/,
    ],
    [
      'a reply to no situation',
      { 'situations.jsonl': [hello], 'ada/card.json': card(), 'ada/situations.jsonl': [{ id: 'a', situation: 'hy', text: 'Hello.' }] },
      /ada\/situations\.jsonl:1: there is no situation "hy"/,
    ],
    [
      'another character’s line',
      { 'ada/card.json': card(), 'ada/universal.jsonl': [{ id: 'a', character: 'june', emotion: 'joy', text: 'Ha.' }] },
      /the line is june's, but this is ada's folder/,
    ],
    [
      'two lines of one id',
      {
        'ada/card.json': card(),
        'ada/universal.jsonl': [
          { id: 'a', emotion: 'joy', text: 'Ha.' },
          { id: 'a', emotion: 'joy', text: 'Ho.' },
        ],
      },
      /universal\.jsonl:2: line "a" is already at .*:1; give each its own/,
    ],
    [
      'turns out of order',
      {
        'ada/card.json': card(),
        'ada/exchanges.jsonl': [
          {
            id: 'x',
            turns: [
              { role: 'character', text: 'Hm.' },
              { role: 'user', text: 'what' },
            ],
          },
        ],
      },
      /turns 1 and 2 must be the user's, then the character's/,
    ],
  ];
  it.each(cases)('%s', async (_, files, message) => {
    await put(files);
    await expect(loadCorpus(dir)).rejects.toThrow(message);
  });
});
