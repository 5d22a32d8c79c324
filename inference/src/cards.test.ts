import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCards } from './cards.ts';
import { readSettings } from './settings.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-cards-'));
  mkdirSync(join(folder, 'ada'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('reads a card with its macros filled', async () => {
  card({ data: { name: 'Ada Byron', nickname: 'Ada', description: '{{char}} counts.', mes_example: '{{user}}: hi\n{{Char}}: hello' } });
  expect((await readCards(folder)).get('ada')).toEqual({
    slug: 'ada',
    name: 'Ada Byron',
    nickname: 'Ada',
    description: 'Ada counts.',
    personality: '',
    scenario: '',
    systemPrompt: '',
    postHistory: '',
    examples: 'User: hi\nAda: hello',
  });
});

test('takes the name where there is no nickname, and no folder without a card for a character', async () => {
  card({ data: { name: 'Ada' } });
  mkdirSync(join(folder, 'notes'));
  const cards = await readCards(folder);
  expect([...cards.keys()]).toEqual(['ada']);
  expect(cards.get('ada')?.nickname).toBe('Ada');
});

test('reads every character of the repository', async () => {
  const cards = await readCards(readSettings({}).charactersDir);
  expect([...cards.keys()].sort()).toEqual(['barnaby', 'delia', 'june', 'theo', 'vivienne', 'walt']);
});

test('names a card that is none, and the setting that names no folder', async () => {
  card({ data: { nickname: 'Ada' } });
  await expect(readCards(folder)).rejects.toMatchObject({ code: 'card_invalid', message: expect.stringContaining('ada/card.json') });
  await expect(readCards('/nowhere')).rejects.toThrow('CHARACTERS_DIR');
});

function card(content: object): void {
  writeFileSync(join(folder, 'ada/card.json'), JSON.stringify(content));
}
