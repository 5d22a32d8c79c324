import { expect, test } from 'vitest';
import { cleanIncoming, cleanOutgoing } from './clean.ts';

test.each([
  ['hello', 'hello'],
  ['  hello \r\n\r\n\r\n\r\n there ', 'hello\n\nthere'],
  ['\u202eabc', 'abc'],
  ['\u0000\u0007bell', 'bell'],
  ['he\u200bllo\ufeff', 'hello'],
  [' \u200b\n', ''],
  ['\u2067\u2069\u00ad', ''],
  ['family 👨‍👩‍👧 and a thumb 👍🏽', 'family 👨‍👩‍👧 and a thumb 👍🏽'],
  ['a\u200db', 'ab'],
  ['broken \ud83d half', 'broken half'],
  ['@everyone <@1> <!channel>', 'everyone @someone channel'],
  ['@\u200beveryone look', 'everyone look'],
  ['@@everyone', 'everyone'],
  ['<!<!channel>>', 'channel'],
  ['<!subteam^S123|@ops> hi', 'ops hi'],
  ['mail me@here.com', 'mail me@here.com'],
  ['```js\nwhile(true){}\n```', '```js\nwhile(true){}\n```'],
  ['i ❤️ you', 'i ❤️ you'],
])('reads %j as %j', (text, cleaned) => {
  expect(cleanIncoming(text)).toBe(cleaned);
});

test('uses the first 4,000 of 40,000 characters and cuts no emoji in two', () => {
  expect(cleanIncoming('x'.repeat(40_000))).toHaveLength(4000);
  const cut = cleanIncoming(`x${'🙂'.repeat(3000)}`);
  expect(cut.length).toBe(3999);
  expect(cut.endsWith('🙂')).toBe(true);
});

test('folds 200 mentions into one', () => {
  expect(cleanIncoming(`${'<@123456789> '.repeat(200)}hi`)).toBe('@someone hi');
});

test.each([
  ['Tell @everyone and @here, <!channel>, <!everyone> and <!here|here>!', 'Tell everyone and here, channel, everyone and here!'],
  ['<@99> said so, <@&12> too', '@someone said so, @someone too'],
  ['  spaces stay, \n\n\n\nso do lines ', '  spaces stay, \n\n\n\nso do lines '],
])('lets no mention leave: %j', (text, cleaned) => {
  expect(cleanOutgoing(text)).toBe(cleaned);
});

test('pieces cleaned alone add up to the whole', () => {
  const pieces = ['Well, @everyone. ', 'Look at <!channel> there.\n', ' Bye.'];
  expect(pieces.map(cleanOutgoing).join('')).toBe(cleanOutgoing(pieces.join('')));
});
