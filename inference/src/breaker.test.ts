import { expect, test } from 'vitest';
import { createBreaker } from './breaker.ts';

function at(ms: number) {
  let time = ms;
  return {
    now: () => time,
    pass(more: number) {
      time += more;
    },
  };
}

test('allows everything until failures come in a row', () => {
  const breaker = createBreaker({ failures: 2, now: at(0).now });
  breaker.failed();
  breaker.succeeded();
  breaker.failed();
  expect([breaker.allows(), breaker.open]).toEqual([true, false]);
});

test('refuses for a while, then lets one through', () => {
  const clock = at(0);
  const breaker = createBreaker({ failures: 2, pauseMs: 100, now: clock.now });
  breaker.failed();
  breaker.failed();
  expect([breaker.allows(), breaker.open]).toEqual([false, true]);
  clock.pass(100);
  expect([breaker.allows(), breaker.allows()]).toEqual([true, false]);
});

test('closes when the tried request succeeds, stays open when it fails', () => {
  const clock = at(0);
  const breaker = createBreaker({ failures: 1, pauseMs: 100, now: clock.now });
  breaker.failed();
  clock.pass(100);
  expect(breaker.allows()).toBe(true);
  breaker.failed();
  expect(breaker.allows()).toBe(false);
  clock.pass(100);
  expect(breaker.allows()).toBe(true);
  breaker.succeeded();
  expect([breaker.allows(), breaker.allows(), breaker.open]).toEqual([true, true, false]);
});
