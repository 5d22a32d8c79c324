import { expect, test } from 'vitest';
import { fitSoftmax, predictSoftmax } from './softmax.ts';

const rows = new Float32Array([1, 0, 0.9, 0.1, 0, 1, 0.1, 0.9, -1, -1, -0.9, -0.8]);
const labels = [0, 0, 1, 1, 2, 2];
const options = { rows, dimensions: 2, labels, classes: 3, strength: 30, maxIterations: 200 };

test('learns classes that can be told apart', async () => {
  const model = await fitSoftmax(options);
  expect(labels.map((_, r) => best(predictSoftmax(model, rows.subarray(r * 2, r * 2 + 2))))).toEqual(labels);
});

test('gives probabilities', async () => {
  const probabilities = predictSoftmax(await fitSoftmax(options), new Float32Array([0.5, 0.5]));
  expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1);
  expect(Math.abs((probabilities[0] as number) - (probabilities[1] as number))).toBeLessThan(0.1);
});

test('finds the minimum: the gradient of the penalised loss is zero there', async () => {
  // One feature, two classes, weights w and −w: w = C · Σ (1 − p) · |x| for data ±1, with p = σ(2w).
  const model = await fitSoftmax({
    rows: new Float32Array([1, -1]),
    dimensions: 1,
    labels: [0, 1],
    classes: 2,
    strength: 1,
    maxIterations: 100,
  });
  const w = model.weights[0] as number;
  expect(w).toBeCloseTo(2 * (1 - 1 / (1 + Math.exp(-2 * w))), 3);
});

test('is the same every time', async () => {
  const [a, b] = await Promise.all([fitSoftmax(options), fitSoftmax(options)]);
  expect(a.weights).toEqual(b.weights);
});

test('starts from an earlier fit', async () => {
  const model = await fitSoftmax(options);
  const again = await fitSoftmax({ ...options, from: model, maxIterations: 1 });
  expect(again.weights[0]).toBeCloseTo(model.weights[0] as number, 2);
});

test('takes a single class for certain', async () => {
  const model = await fitSoftmax({ ...options, labels: [0, 0, 0, 0, 0, 0], classes: 1 });
  expect([...predictSoftmax(model, new Float32Array([3, 3]))]).toEqual([1]);
});

function best(probabilities: Float64Array): number {
  return probabilities.indexOf(Math.max(...probabilities));
}
