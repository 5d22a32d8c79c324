// Small fits, all deterministic: which weights make the right situation the likeliest, how likely the likeliest is right, what a message feels like.
import { spoken } from './felt.ts';

export interface Choice {
  /** Features of every alternative. */
  alternatives: Float32Array[];
  /** Indices of those that are right; at least one. */
  right: number[];
}

/** Weights that maximise the likelihood of a right alternative under a softmax; `ridge` pulls towards `start`. Deterministic. */
export function fitChoice(
  choices: readonly Choice[],
  start: readonly number[],
  { ridge = 0.002, steps = 400, rate = 0.15 } = {},
): number[] {
  const descent = adam([...start], rate);
  for (let step = 0; step < steps; step++) {
    const gradient = descent.at.map((w, i) => ridge * (w - (start[i] as number)));
    for (const { alternatives, right } of choices) {
      const scores = alternatives.map((features) => dot(descent.at, features));
      const p = softmax(scores);
      const mass = right.reduce((sum, i) => sum + (p[i] as number), 0) || 1e-12;
      alternatives.forEach((features, a) => {
        const pull = (p[a] as number) - (right.includes(a) ? (p[a] as number) / mass : 0);
        if (Math.abs(pull) < 1e-6) return;
        for (let i = 0; i < gradient.length; i++) gradient[i]! += (pull * (features[i] as number)) / choices.length;
      });
    }
    descent.step(gradient);
  }
  return descent.at;
}

/** Logistic regression; the last number is the bias. */
export function fitOdds(
  rows: readonly { features: readonly number[]; right: boolean; weight?: number }[],
  { ridge = 0.001, steps = 3000, rate = 0.05 } = {},
): number[] {
  const width = (rows[0]?.features.length ?? 0) + 1;
  const descent = adam(new Array<number>(width).fill(0), rate);
  for (let step = 0; step < steps; step++) {
    const gradient = descent.at.map((w, i) => (i < width - 1 ? ridge * w : 0));
    for (const { features, right, weight = 1 } of rows) {
      const error = weight * (odds(descent.at, features) - (right ? 1 : 0));
      for (let i = 0; i < width - 1; i++) gradient[i]! += (error * (features[i] as number)) / rows.length;
      gradient[width - 1]! += error / rows.length;
    }
    descent.step(gradient);
  }
  return descent.at;
}

const least = 0.3;

/** The same over features of any scale: the ridge holds all of them alike. */
export function fitScaledOdds(
  rows: readonly { features: readonly number[]; right: boolean; weight?: number }[],
  { ridge = 0.002, steps = 300, rate = 0.1 } = {},
): number[] {
  const width = rows[0]?.features.length ?? 0;
  const means = Array.from({ length: width }, (_, i) => rows.reduce((sum, { features }) => sum + (features[i] as number), 0) / rows.length);
  const scales = means.map((mean, i) => {
    const spread = rows.reduce((sum, { features }) => sum + ((features[i] as number) - mean) ** 2, 0) / rows.length;
    // What is hardly ever there must not weigh much for the few times it is.
    return Math.max(least, Math.sqrt(spread));
  });
  const scaled = rows.map((row) => ({
    ...row,
    features: row.features.map((value, i) => (value - (means[i] as number)) / (scales[i] as number)),
  }));
  const found = fitOdds(scaled, { ridge, steps, rate });
  const weights = found.slice(0, width).map((w, i) => w / (scales[i] as number));
  return [...weights, (found[width] as number) - weights.reduce((sum, w, i) => sum + w * (means[i] as number), 0)];
}

/** The probability that `fitOdds` gives. */
export function odds(weights: readonly number[], features: readonly number[]): number {
  let sum = weights[features.length] as number;
  for (let i = 0; i < features.length; i++) sum += (features[i] as number) * (weights[i] as number);
  return 1 / (1 + Math.exp(-sum));
}

/**
 * Softmax regression by gradient descent over batches in a fixed order. Rows of weights, one a class: the features' first, then those of the
 * `words`, each of which is `spoken` where it occurs.
 */
export function fitClasses(
  rows: readonly { features: Float32Array; words: readonly number[]; label: number; weight?: number }[],
  classes: number,
  { epochs = 14, rate = 0.004, decay = 0.002, batch = 64, words = 0 } = {},
): Float32Array[] {
  const dense = rows[0]?.features.length ?? 0;
  const width = dense + words;
  const weights = Array.from({ length: classes }, () => new Float32Array(width));
  const mean = weights.map(() => new Float32Array(width));
  const square = weights.map(() => new Float32Array(width));
  const gradients = weights.map(() => new Float32Array(width));
  const order = rows.map((_, i) => (i * 7919) % rows.length);
  const steps = epochs * Math.ceil(rows.length / batch);
  let t = 0;
  for (let epoch = 0; epoch < epochs; epoch++)
    for (let from = 0; from < rows.length; from += batch) {
      t++;
      for (const gradient of gradients) gradient.fill(0);
      const part = order.slice(from, from + batch).map((i) => rows[i] as (typeof rows)[number]);
      for (const { features, words: said, label, weight = 1 } of part) {
        const p = softmax(weights.map((row) => dot(row, features) + said.reduce((sum, i) => sum + spoken * (row[dense + i] as number), 0)));
        for (let c = 0; c < classes; c++) {
          const pull = (weight * ((p[c] as number) - (c === label ? 1 : 0))) / part.length;
          if (Math.abs(pull) < 1e-5) continue;
          const row = gradients[c] as Float32Array;
          for (let i = 0; i < dense; i++) row[i]! += pull * (features[i] as number);
          for (const i of said) row[dense + i]! += pull * spoken;
        }
      }
      const pace = (rate * (1 - t / (steps + 1))) / (1 - 0.9 ** t);
      for (let c = 0; c < classes; c++) {
        const [w, g, m, v] = [weights[c], gradients[c], mean[c], square[c]] as [Float32Array, Float32Array, Float32Array, Float32Array];
        for (let i = 0; i < width; i++) {
          const slope = (g[i] as number) + decay * (w[i] as number);
          m[i] = 0.9 * (m[i] as number) + 0.1 * slope;
          v[i] = 0.999 * (v[i] as number) + 0.001 * slope * slope;
          w[i]! -= (pace * (m[i] as number)) / (Math.sqrt((v[i] as number) / (1 - 0.999 ** t)) + 1e-8);
        }
      }
    }
  return weights;
}

function softmax(scores: readonly number[]): number[] {
  const highest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function dot(weights: readonly number[] | Float32Array, features: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < features.length; i++) sum += (weights[i] as number) * (features[i] as number);
  return sum;
}

function adam(at: number[], rate: number) {
  const mean = new Array<number>(at.length).fill(0);
  const square = new Array<number>(at.length).fill(0);
  let t = 0;
  return {
    at,
    step(gradient: readonly number[]) {
      t++;
      gradient.forEach((g, i) => {
        mean[i] = 0.9 * (mean[i] as number) + 0.1 * g;
        square[i] = 0.999 * (square[i] as number) + 0.001 * g * g;
        at[i]! -= (rate * (mean[i] as number)) / (1 - 0.9 ** t) / (Math.sqrt((square[i] as number) / (1 - 0.999 ** t)) + 1e-8);
      });
    },
  };
}
