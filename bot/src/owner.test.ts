import { expect, test } from 'vitest';
import { thisProcess } from './owner.ts';

test('knows which other owners are gone', () => {
  const { name, isDead } = thisProcess('motel', 40, (pid) => pid === 41);
  expect(name).toMatch(/^motel\/40\/.{36}$/);
  expect([isDead('motel/41/x'), isDead('motel/42/x'), isDead('motel/40/x'), isDead('elsewhere/42/x')]).toEqual([false, true, true, false]);
});

test('sees its own process running', () => {
  const here = thisProcess('here', 1);
  expect(here.isDead(`here/${process.pid}/x`)).toBe(false);
});
