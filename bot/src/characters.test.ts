import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { discoverCharacters } from './characters.ts';

function folder(cards: Record<string, unknown>): string {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-characters-'));
  for (const [slug, card] of Object.entries(cards)) {
    mkdirSync(join(dir, slug));
    if (card !== undefined) writeFileSync(join(dir, slug, 'card.json'), typeof card === 'string' ? card : JSON.stringify(card));
  }
  writeFileSync(join(dir, 'situations.jsonl'), '');
  return dir;
}

function card(name: string, nickname?: string) {
  return {
    spec: 'chara_card_v3',
    spec_version: '3.0',
    data: { name, nickname, description: `${name} of the Marigold`, character_version: '1.2' },
  };
}

test('the repository’s six are all here', () => {
  const { all, fallback } = discoverCharacters('characters', 'vivienne');
  expect(all.map(({ slug }) => slug)).toEqual(['barnaby', 'delia', 'june', 'theo', 'vivienne', 'walt']);
  expect(fallback.slug).toBe('vivienne');
});

test('a folder is a character, by its card', () => {
  const { all, of } = discoverCharacters(folder({ ada: card('Ada Stone', 'Ada'), bo: card('Bo') }), 'bo');
  expect(all).toEqual([
    { slug: 'ada', name: 'Ada Stone', nickname: 'Ada', description: 'Ada Stone of the Marigold', version: '1.2' },
    { slug: 'bo', name: 'Bo', nickname: 'Bo', description: 'Bo of the Marigold', version: '1.2' },
  ]);
  expect([of('ada').slug, of('gone').slug, of(null).slug]).toEqual(['ada', 'bo', 'bo']);
});

test.each([
  [{ ada: undefined }, 'ada', /ada\/card\.json is missing; put a Character Card V3 there/],
  [{ ada: 'not json' }, 'ada', /ada\/card\.json is no Character Card V3/],
  [{ ada: { spec: 'chara_card_v2', data: { name: 'Ada' } } }, 'ada', /spec must be "chara_card_v3"/],
  [{ ada: { spec: 'chara_card_v3', data: {} } }, 'ada', /data\.name must be a name/],
  [{ ada: card('Ada') }, 'bob', /CHARACTER=bob: not in .*; allowed: ada/],
] as [Record<string, unknown>, string, RegExp][])('stops at %j, saying what to do', (cards, fallback, sentence) => {
  expect(() => discoverCharacters(folder(cards), fallback)).toThrow(sentence);
});

test('a missing CHARACTERS_DIR is named', () => {
  expect(() => discoverCharacters('/nowhere/characters', 'x')).toThrow(/CHARACTERS_DIR=\/nowhere\/characters cannot be read/);
});
