import { expect, it } from 'vitest';
import { calibrationError, macroF1, microF1, quantile, rankOf, recallBelow } from './measures.ts';

const rows = (...numbers: number[][]) => numbers.map((row) => Float32Array.from(row));
const sets = (...labels: number[][]) => labels.map((row) => new Set(row));

it('takes the mean F1 of the labels, one that never occurs counting nought', () => {
  const p = rows([0.9, 0.1, 0], [0.8, 0.7, 0], [0.1, 0.9, 0]);
  const y = sets([0], [1], [1]);
  expect(macroF1(p, y, [0.5, 0.5, 0.5])).toBeCloseTo((2 / 3 + 1 + 0) / 3);
  expect(microF1(p, y, [0.5, 0.5, 0.5])).toBeCloseTo(6 / 7);
});

it('takes each label at its own threshold', () => {
  expect(macroF1(rows([0.3, 0.3]), sets([0]), [0.2, 0.4])).toBeCloseTo(0.5);
});

it('finds the calibration error of a constant in its distance to the rate', () => {
  const y = sets([0], [], [], []);
  expect(calibrationError(rows([0.25], [0.25], [0.25], [0.25]), y)).toBeCloseTo(0);
  expect(calibrationError(rows([0.75], [0.75], [0.75], [0.75]), y)).toBeCloseTo(0.5);
});

it('puts a probability of one into the last bin', () => {
  expect(calibrationError(rows([1]), sets([0]))).toBe(0);
});

it('interpolates quantiles as numpy does', () => {
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
  expect(quantile([4, 1, 3, 2], 0)).toBe(1);
  expect(quantile([4, 1, 3, 2], 1)).toBe(4);
});

it('counts what falls short of what so many of the others fall short of', () => {
  const inside = Array.from({ length: 100 }, (_, i) => i / 100);
  expect(recallBelow(inside, [0, 0.01, 0.5], 0.05)).toBeCloseTo(2 / 3);
});

it('gives the highest score rank nought', () => {
  expect([0, 1, 2].map((i) => rankOf([0.2, 0.9, 0.5], i))).toEqual([2, 0, 1]);
});
