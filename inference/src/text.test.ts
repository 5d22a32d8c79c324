import { expect, test } from 'vitest';
import { emojiToWords } from './text.ts';

const words = emojiToWords({
  '👍': 'thumbs up',
  '👨': 'man',
  '👩': 'woman',
  '👨‍👩‍👧': 'family man woman girl',
  '🇫🇷': 'flag France',
  '1⃣': 'keycap 1',
  '❤': 'red heart',
  '❤‍🔥': 'heart on fire',
});

test('turns an emoji into its name', () => {
  expect(words('ok 👍')).toBe('ok thumbs up');
});

test('sets a name apart from the words beside it', () => {
  expect(words('yes👍👍no')).toBe('yes thumbs up thumbs up no');
});

test('ignores skin tones and variation selectors', () => {
  expect(words('👍🏽 ❤️')).toBe('thumbs up red heart');
});

test('takes the longest sequence that matches', () => {
  expect(words('👨‍👩‍👧')).toBe('family man woman girl');
  expect(words('❤️‍🔥')).toBe('heart on fire');
});

test('knows flags and keycaps, and leaves digits alone', () => {
  expect(words('🇫🇷 1️⃣ 1 11')).toBe('flag France keycap 1 1 11');
});

test('collapses white space as Python does', () => {
  expect(words('  a\n\t b\u3000\u0085c\u001fd ')).toBe('a b c d');
});

test('keeps text without emoji, half a surrogate pair included', () => {
  expect(words('plain café')).toBe('plain café');
  expect(words('a\ud83db')).toBe('a\ud83db');
});

test('leaves an emoji it has no name for', () => {
  expect(words('🫥 hm')).toBe('🫥 hm');
});
