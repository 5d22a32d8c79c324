import { expect, test } from 'vitest';
import { characters, clean, isBlank } from './text.ts';

test.each([
  ['', true],
  [' \t\n', true],
  ['\u200b\u200d\ufeff', true],
  ['\u00ad\u2060\u3164', true],
  ['\u0000\u0007', true],
  ['\u2800', true],
  ['\u202e', true],
  ['a', false],
  ['🙂', false],
  ['\u202eabc', false],
  ['.', false],
])('says of %j whether it is blank: %s', (text, blank) => {
  expect(isBlank(text)).toBe(blank);
});

test.each([
  ['\u0000\u0007bell', 'bell'],
  ['one\r\ntwo\rthree', 'one\ntwo\nthree'],
  ['tab\tstays\n', 'tab\tstays\n'],
  ['half \ud83d a face', 'half \ufffd a face'],
  ['whole 👩‍👩‍👧 family', 'whole 👩‍👩‍👧 family'],
  ['\u202eabc', '\u202eabc'],
])('cleans %j without touching what a person can see', (text, cleaned) => {
  expect(clean(text)).toBe(cleaned);
});

test('it counts characters, not halves of them', () => {
  expect(characters('🙂🙂')).toBe(2);
});
