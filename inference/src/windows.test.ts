import { expect, test } from 'vitest';
import { windowsOf } from './windows.ts';

test('leaves a short message alone', () => {
  expect(windowsOf('one. two.\nthree')).toEqual(['one. two.\nthree']);
});

test('packs whole sentences', () => {
  const sentence = `${'word '.repeat(19)}end.`;
  expect(windowsOf(Array(4).fill(sentence).join(' '))).toEqual([`${sentence} ${sentence}`, `${sentence} ${sentence}`]);
});

test('breaks at the lines of a burst', () => {
  const line = 'a'.repeat(150);
  expect(windowsOf(`${line}\n${line}`)).toEqual([line, line]);
});

test('cuts what has no end at its spaces, and what has no spaces anywhere', () => {
  expect(windowsOf('word '.repeat(80).trim()).every((window) => window.length <= 240 && !window.startsWith(' '))).toBe(true);
  expect(windowsOf('x'.repeat(500)).join('')).toBe('x'.repeat(500));
});

test('keeps the beginning and the end of a very long message', () => {
  const text = Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(200)}.`).join(' ');
  expect(windowsOf(text).map((window) => Number.parseInt(window, 10))).toEqual([0, 1, 36, 37, 38, 39]);
  expect(windowsOf('y'.repeat(4000))).toHaveLength(6);
});
