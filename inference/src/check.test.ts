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
  ["I'm June's friend, hon.", "I'm June's friend, hon."],
  ['*sighs* Oh, hon. *Leans over the counter.* Sit down.', 'Oh, hon. Sit down.'],
  ['*She wipes the counter* Oh, hon. Sit down. *pours coffee*', 'Oh, hon. Sit down.'],
  ['(laughs softly) Oh, hon.', 'Oh, hon.'],
  ['Oh, **hon**. You _are_ *something*.', 'Oh, hon. You are something.'],
  ['*Paper Moon* is on tonight. (I have seen it twice.)', 'Paper Moon is on tonight. (I have seen it twice.)'],
  ['Two things: sit, and eat. 3 - 2 is 1, and snake_case is fine.', 'Two things: sit, and eat. 3 - 2 is 1, and snake_case is fine.'],
  ['Sure - why not.', 'Sure - why not.'],
  [
    'Toast. Even edges. Pale gold, nothing louder, with a café au lait.',
    'Toast. Even edges. Pale gold, nothing louder, with a café au lait.',
  ],
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
  ["Oh, hon. I'm June, and I would not.", 'other-speaker'],
  ['My name is Walt. Sit down.', 'other-speaker'],
  ['The last message sounds like sadness.', 'prompt-leaked'],
  ['# Advice\nSit down.', 'markup'],
  ['Try this:\n- sit\n- eat', 'markup'],
  ['1. Sit down.\n2. Eat.', 'markup'],
  ['```\nsit()\n```', 'markup'],
  ['Read [this](https://example.org).', 'markup'],
  ['*She sits down. Then she waits.', 'markup'],
  ['| sit | eat |', 'markup'],
  ['Das tut mir so leid, setz dich doch erst einmal zu mir.', 'other-language'],
  ['Lo siento mucho, aquí tienes una silla.', 'other-language'],
  ['Мне очень жаль.', 'other-language'],
  ['すみません。', 'other-language'],
])('refuses %j as %s', (raw, refused) => {
  expect(check(raw, context)).toEqual({ refused });
});

test('refuses light words only when the moment is grave', () => {
  expect(check('Haha, that is life.', { ...context, grave: true })).toEqual({ refused: 'light' });
  expect(check('Haha, that is life.', context)).toEqual({ text: 'Haha, that is life.' });
});

test('takes the message’s own language for no other one', () => {
  const text = 'Ich habe heute leider meine Arbeit verloren';
  expect(check('Das tut mir leid, setz dich doch zu mir.', { ...context, text })).toHaveProperty('text');
});

test('keeps what was said as it was while a reply grows sentence by sentence', () => {
  const sentences = ['*sighs* ', 'Oh, **hon**. ', '(smiles) ', 'Sit down. ', '*pours coffee* ', 'Eat.'];
  const said = sentences
    .map((_, i) => check(sentences.slice(0, i + 1).join(''), context))
    .flatMap((one) => ('text' in one ? [one.text] : []));
  expect(said).toEqual(['Oh, hon.', 'Oh, hon.', 'Oh, hon. Sit down.', 'Oh, hon. Sit down.', 'Oh, hon. Sit down. Eat.']);
});
