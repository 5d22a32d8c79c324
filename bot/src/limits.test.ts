import { expect, test } from 'vitest';
import { parseLimit, underLimit } from './limits.ts';

test.each([
  ['30/min', { turns: 30, windowMs: 60_000 }],
  [' 5 / s ', { turns: 5, windowMs: 1000 }],
  ['200/hour', { turns: 200, windowMs: 3_600_000 }],
  ['1000/day', { turns: 1000, windowMs: 86_400_000 }],
  ['off', null],
  ['OFF', null],
  ['30', undefined],
  ['0/min', undefined],
  ['many/min', undefined],
  ['30/fortnight', undefined],
])('reads %j', (text, limit) => {
  expect(parseLimit(text)).toEqual(limit);
});

test('answers up to the limit, says it once, then is silent', () => {
  const limit = { turns: 2, windowMs: 60_000 };
  expect(underLimit(limit, { turns: 1, notices: 0 })).toBe('answer');
  expect(underLimit(limit, { turns: 2, notices: 0 })).toBe('notice');
  expect(underLimit(limit, { turns: 2, notices: 1 })).toBe('silence');
  expect(underLimit(limit, { turns: 1, notices: 1 })).toBe('answer');
  expect(underLimit(null, { turns: 9999, notices: 0 })).toBe('answer');
});
