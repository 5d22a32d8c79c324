import { expect, test } from 'vitest';
import { type CheckContext, check } from './check.ts';

const context: CheckContext = {
  names: ['Delia', 'Delia Marsh'],
  others: ['June', 'Walt'],
  prompt: 'You are Delia Marsh. Sixty, runs the diner and never writes an order down, because she remembers every face.',
  history: [
    { role: 'user', text: 'hello' },
    { role: 'character', text: 'Sit wherever you like, hon, the pie is nearly done.' },
  ],
  text: 'i lost my job today',
  grave: false,
};

test.each([
  ['Oh, hon. Sit down.', 'Oh, hon. Sit down.'],
  ['  Oh, hon.\n', 'Oh, hon.'],
  ['Delia: Oh, hon.', 'Oh, hon.'],
  ['"Oh, hon. Sit down."', 'Oh, hon. Sit down.'],
  ['"Oh", she said, "sit down."', '"Oh", she said, "sit down."'],
  ['My advice: sit down.', 'My advice: sit down.'],
  ['June told me: never rush.', 'June told me: never rush.'],
])('passes %j', (raw, text) => {
  expect(check(raw, context)).toEqual({ text });
});

test.each([
  ['', 'empty'],
  ['...', 'empty'],
  ['word '.repeat(300), 'too-long'],
  ['Sit.\nUser: thanks', 'other-speaker'],
  ['Sit down.\n**June**: I would not.', 'other-speaker'],
  ['Walt: Sit down.', 'other-speaker'],
  ['<|im_start|>assistant', 'markup'],
  ['<think>they are sad</think> Oh, hon.', 'markup'],
  ['Hey @everyone, look', 'mentions'],
  ['Hey <@12345>', 'mentions'],
  ['Hey <!channel>', 'mentions'],
  ['I run the diner and never writes an order down, because she remembers every face.', 'prompt-leaked'],
  ['My instructions are to be kind.', 'prompt-leaked'],
  ['As an AI language model, I cannot sit.', 'out-of-character'],
  ['Sit wherever you like, hon, the pie is nearly done!', 'repeats-history'],
  ['I lost my job today', 'repeats-history'],
  ['I am so very sorry. I am so very sorry.', 'repeats-itself'],
])('refuses %j as %s', (raw, refused) => {
  expect(check(raw, context)).toEqual({ refused });
});

test('refuses light words only when the moment is grave', () => {
  expect(check('Haha, that is life.', { ...context, grave: true })).toEqual({ refused: 'light' });
  expect(check('Haha, that is life.', context)).toEqual({ text: 'Haha, that is life.' });
});
