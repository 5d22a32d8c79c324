import { expect, test } from 'vitest';
import { helpText, wordOf } from './words.ts';

const characters = [
  { slug: 'june', name: 'June Okonkwo', nickname: 'June' },
  { slug: 'walt', name: 'Walt Brenner', nickname: 'Old Walt' },
  { slug: 'night-clerk', name: 'The Night Clerk', nickname: 'Clerk' },
];

test.each([
  ['help', { word: 'help' }],
  ['Help!', { word: 'help' }],
  [' /help ', { word: 'help' }],
  ['`help`', { word: 'help' }],
  ['HELP??', { word: 'help' }],
  ['stop', { word: 'stop' }],
  ['Stop.', { word: 'stop' }],
  ['start', { word: 'start' }],
  ['forget me', { word: 'forget me' }],
  ['“Forget  me.”', { word: 'forget me' }],
  ['talk to a person', { word: 'talk to a person' }],
  ['Talk to a person, ', { word: 'talk to a person' }],
  ['be june', { word: 'be', character: 'june' }],
  ['Be June Okonkwo!', { word: 'be', character: 'june' }],
  ['be old walt', { word: 'be', character: 'walt' }],
  ['be walt', { word: 'be', character: 'walt' }],
  ['be night-clerk', { word: 'be', character: 'night-clerk' }],
  ['be <june>', { word: 'be', character: 'june' }],
])('hears %j', (text, word) => {
  expect(wordOf(text, characters)).toEqual(word);
});

test.each([
  'help me',
  'can you help',
  'please stop',
  'stop it',
  'start over',
  'forget it',
  'forget me not',
  "don't forget me",
  'be quiet',
  'be careful',
  'be nobody',
  'be',
  'be the',
  'let it be june',
  'i want to talk to a person about my day',
  'helpp',
  '',
  '🙂',
  'stop\nhello',
])('takes for talk: %j', (text) => {
  expect(wordOf(text, characters)).toBeNull();
});

test('help names the words, the characters and where to turn in a crisis', () => {
  const text = helpText(characters, 'june', 'Call 112 in an emergency.');
  for (const word of [
    'help',
    'be <character>',
    'stop',
    'start',
    'forget me',
    'talk to a person',
    'June (answering now), Old Walt and Clerk',
    'Call 112',
  ])
    expect(text).toContain(word);
});
