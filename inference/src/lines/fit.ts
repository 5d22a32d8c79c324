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

/** A layer of few units beside a linear one; the last weight of each is the bias. What a row lacks is zero. */
export interface Net {
  linear: Float64Array;
  hidden: Float64Array[];
  out: Float64Array;
}

/** Of a row, its places in the net's weights and the values there. */
export interface SparseRow {
  places: Int32Array;
  values: Float32Array;
}

/**
 * The net whose choice among the rows of a list is worth most, lists alike: by the expected worth under the softmax of its scores, and a little by how
 * near that softmax is to one of the worths themselves; a list of `weight` 2 counts as two. By gradient descent over batches of lists (AdamW, https://arxiv.org/abs/1711.05101), from a fixed
 * beginning and in a fixed order.
 */
export function fitChosen(
  lists: readonly { rows: readonly SparseRow[]; worth: readonly number[]; weight?: number }[],
  width: number,
  { hidden: units = 16, epochs = 10, batch = 256, rate = 0.003, decay = 0.1, share = 0.3, sharpness = 4 } = {},
): Net {
  const rows = lists.flatMap((list) => list.rows);
  const scales = scalesOf(rows, width);
  const scaled = lists.map(({ rows, worth, weight = 1 }) => ({
    weight,
    rows: rows.map(({ places, values }) => ({
      places,
      values: values.map((value, i) => value / (scales[places[i] as number] as number)),
    })),
    worth,
    wanted: softmax(worth.map((u) => u * sharpness)),
  }));
  // Weights of one place stand together: the linear one, then each unit's. Behind all of them, what the units are worth.
  const each = 1 + units;
  const random = randomFrom(1);
  const at = new Float64Array(width * each + units).map((_, i) =>
    i >= width * each ? 0.1 * random() : i % each === 0 ? 0 : 0.05 * random(),
  );
  const [mean, square, gradient] = [0, 0, 0].map(() => new Float64Array(at.length)) as [Float64Array, Float64Array, Float64Array];
  const out = at.subarray(width * each);
  const sums = new Float64Array(each);
  const pulls = new Float64Array(each);
  const activate = ({ places, values }: SparseRow) => {
    sums.fill(0);
    for (let k = 0; k < places.length; k++) {
      const [from, value] = [(places[k] as number) * each, values[k] as number];
      for (let j = 0; j < each; j++) sums[j]! += value * (at[from + j] as number);
    }
    let score = sums[0] as number;
    for (let j = 1; j < each; j++) {
      sums[j] = Math.tanh(sums[j] as number);
      score += (sums[j] as number) * (out[j - 1] as number);
    }
    return score;
  };
  const descend = ({ rows, worth, wanted, weight }: (typeof scaled)[number], among: number) => {
    const p = softmax(rows.map(activate));
    const expected = p.reduce((sum, p, i) => sum + p * (worth[i] as number), 0);
    rows.forEach((row, i) => {
      const chosen = p[i] as number;
      const slope = (weight * (share * (chosen - (wanted[i] as number)) - chosen * ((worth[i] as number) - expected))) / among;
      activate(row);
      pulls[0] = slope;
      for (let j = 1; j < each; j++) {
        const unit = sums[j] as number;
        gradient[width * each + j - 1]! += slope * unit;
        pulls[j] = slope * (out[j - 1] as number) * (1 - unit * unit);
      }
      const { places, values } = row;
      for (let k = 0; k < places.length; k++) {
        const [from, value] = [(places[k] as number) * each, values[k] as number];
        for (let j = 0; j < each; j++) gradient[from + j]! += value * (pulls[j] as number);
      }
    });
  };
  const steps = epochs * Math.ceil(scaled.length / batch);
  for (let step = 1, epoch = 0; epoch < epochs; epoch++) {
    const order = shuffled(scaled, random);
    for (let from = 0; from < order.length; from += batch, step++) {
      const part = order.slice(from, from + batch);
      gradient.fill(0);
      for (const list of part) descend(list, part.length);
      const pace = (rate * (1 + Math.cos((Math.PI * step) / steps))) / 2;
      const [warm, warmer] = [1 - 0.9 ** step, 1 - 0.999 ** step];
      for (let i = 0; i < at.length; i++) {
        const slope = gradient[i] as number;
        mean[i] = 0.9 * (mean[i] as number) + 0.1 * slope;
        square[i] = 0.999 * (square[i] as number) + 0.001 * slope * slope;
        at[i]! -= pace * ((mean[i] as number) / warm / (Math.sqrt((square[i] as number) / warmer) + 1e-8) + decay * (at[i] as number));
      }
    }
  }
  const column = (j: number) => Float64Array.from({ length: width }, (_, i) => (at[i * each + j] as number) / (scales[i] as number));
  return { linear: column(0), hidden: Array.from({ length: units }, (_, j) => column(j + 1)), out: Float64Array.from(out) };
}

/** What the net says of a row. */
export function scoreIn({ linear, hidden, out }: Net, { places, values }: SparseRow): number {
  const sum = (weights: Float64Array) => places.reduce((sum, place, k) => sum + (weights[place] as number) * (values[k] as number), 0);
  return hidden.reduce((score, weights, j) => score + (out[j] as number) * Math.tanh(sum(weights)), sum(linear));
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** Deviations, zeros included; what is hardly ever there must not weigh much for the few times it is. */
function scalesOf(rows: readonly SparseRow[], width: number): Float64Array {
  const [sum, squares, seen] = [0, 0, 0].map(() => new Float64Array(width)) as [Float64Array, Float64Array, Float64Array];
  for (const { places, values } of rows)
    places.forEach((place, k) => {
      const value = values[k] as number;
      sum[place]! += value;
      squares[place]! += value * value;
      if (value !== 0) seen[place]!++;
    });
  return sum.map((total, i) => {
    const mean = total / rows.length;
    const deviation = Math.sqrt(Math.max(0, (squares[i] as number) / rows.length - mean * mean));
    return Math.max(0.3 * Math.sqrt((seen[i] as number) / rows.length + 0.001), deviation);
  });
}

/** Normally distributed numbers, the same ones for a seed: sums of twelve uniform ones. */
function randomFrom(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return () => Array.from({ length: 12 }, uniform).reduce((a, b) => a + b, -6);
}

/**
 * The direction in which embeddings lie whose `worth` (0 .. 1) is high: logistic regression whose weights are `scale` times it, held to `start`. With few
 * examples it stays where it was.
 */
export function fitDirection(
  examples: readonly { embedding: Float32Array; worth: number }[],
  start: Float32Array,
  { ridge = 5, scale = 8, steps = 60, rate = 0.01 } = {},
): Float32Array {
  const width = start.length;
  const mean = examples.reduce((sum, { worth }) => sum + worth, 0) / examples.length;
  const near = examples.reduce((sum, { embedding }) => sum + dot(start, embedding), 0) / examples.length;
  // The bias is the last number; where it begins, the mean is right.
  const descent = adam([...start, Math.log((mean + 0.02) / (1.02 - mean)) - scale * near], rate);
  for (let step = 0; step < steps; step++) {
    const gradient = descent.at.map((value, i) => (i < width ? 2 * ridge * (value - (start[i] as number)) : 0));
    for (const { embedding, worth } of examples) {
      const sum = scale * dot(descent.at, embedding) + (descent.at[width] as number);
      const error = 1 / (1 + Math.exp(-sum)) - worth;
      for (let i = 0; i < width; i++) gradient[i]! += error * scale * (embedding[i] as number);
      gradient[width]! += error;
    }
    descent.step(gradient);
  }
  return Float32Array.from(descent.at.slice(0, width));
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
