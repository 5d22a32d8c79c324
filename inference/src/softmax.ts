// Softmax regression with an L2 penalty, fitted by L-BFGS: small, convex, deterministic.

export interface FitOptions {
  /** Row after row, `dimensions` numbers each. */
  rows: Float32Array;
  dimensions: number;
  /** Class of each row, 0 .. classes − 1. */
  labels: ArrayLike<number>;
  classes: number;
  /** How much the data counts against the penalty (C of the usual libraries). */
  strength: number;
  maxIterations: number;
  /** A fit to start from. */
  from?: Softmax;
}

export interface Softmax {
  classes: number;
  dimensions: number;
  /** Class after class, `dimensions` weights and a bias each. */
  weights: Float64Array;
}

/** Yields to the event loop between iterations, so that a process that answers goes on answering. */
export async function fitSoftmax(options: FitOptions): Promise<Softmax> {
  const { dimensions, classes, maxIterations, from } = options;
  const size = classes * (dimensions + 1);
  let weights: Float64Array = from ? Float64Array.from(from.weights) : new Float64Array(size);
  let { loss, gradient } = evaluate(options, weights);
  const past: { step: Float64Array; change: Float64Array; scale: number }[] = [];

  for (let iteration = 0; iteration < maxIterations && largest(gradient) > tolerance; iteration++) {
    await new Promise((resolve) => setImmediate(resolve));
    const direction = descent(gradient, past);
    const slope = product(gradient, direction);
    let length = past.length === 0 ? 1 / Math.max(1, Math.sqrt(product(gradient, gradient))) : 1;
    let next = moved(weights, direction, length);
    let there = evaluate(options, next);
    while (there.loss > loss + 1e-4 * length * slope && length > 1e-10) {
      length /= 2;
      next = moved(weights, direction, length);
      there = evaluate(options, next);
    }
    if (there.loss >= loss) break;
    const step = difference(next, weights);
    const change = difference(there.gradient, gradient);
    const curvature = product(step, change);
    if (curvature > 1e-12) past.push({ step, change, scale: 1 / curvature });
    if (past.length > memory) past.shift();
    weights = next;
    ({ loss, gradient } = there);
  }
  return { classes, dimensions, weights };
}

/** Probability of every class. */
export function predictSoftmax(model: Softmax, row: Float32Array): Float64Array {
  const probabilities = new Float64Array(model.classes);
  predictInto(probabilities, model, row, 0);
  return probabilities;
}

const tolerance = 1e-3;
/** Steps L-BFGS remembers. */
const memory = 10;

function predictInto(probabilities: Float64Array, { classes, dimensions, weights }: Softmax, rows: Float32Array, start: number): void {
  let top = Number.NEGATIVE_INFINITY;
  for (let c = 0, at = 0; c < classes; c++, at += dimensions + 1) {
    // Four sums side by side: one would wait for each addition.
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let i = 0;
    for (; i + 3 < dimensions; i += 4) {
      s0 += (weights[at + i] as number) * (rows[start + i] as number);
      s1 += (weights[at + i + 1] as number) * (rows[start + i + 1] as number);
      s2 += (weights[at + i + 2] as number) * (rows[start + i + 2] as number);
      s3 += (weights[at + i + 3] as number) * (rows[start + i + 3] as number);
    }
    for (; i < dimensions; i++) s0 += (weights[at + i] as number) * (rows[start + i] as number);
    const score = s0 + s1 + s2 + s3 + (weights[at + dimensions] as number);
    probabilities[c] = score;
    if (score > top) top = score;
  }
  let sum = 0;
  for (let c = 0; c < classes; c++) {
    const e = Math.exp((probabilities[c] as number) - top);
    probabilities[c] = e;
    sum += e;
  }
  for (let c = 0; c < classes; c++) probabilities[c] = (probabilities[c] as number) / sum;
}

/** strength × Σ cross-entropy + ½ ‖weights‖² (biases free), and its gradient. */
function evaluate(
  { rows, dimensions, labels, classes, strength }: FitOptions,
  weights: Float64Array,
): { loss: number; gradient: Float64Array } {
  const gradient = new Float64Array(weights.length);
  const model = { classes, dimensions, weights };
  const probabilities = new Float64Array(classes);
  let loss = 0;
  for (let r = 0; r < labels.length; r++) {
    const start = r * dimensions;
    predictInto(probabilities, model, rows, start);
    const label = labels[r] as number;
    loss -= strength * Math.log(Math.max(1e-300, probabilities[label] as number));
    for (let c = 0, at = 0; c < classes; c++, at += dimensions + 1) {
      const miss = (probabilities[c] as number) - (c === label ? 1 : 0);
      // Most classes are soon ruled out for most rows; what they add is noise that costs half the time.
      if (Math.abs(miss) < 1e-4) continue;
      const error = strength * miss;
      for (let i = 0; i < dimensions; i++) gradient[at + i] = (gradient[at + i] as number) + error * (rows[start + i] as number);
      gradient[at + dimensions] = (gradient[at + dimensions] as number) + error;
    }
  }
  for (let at = 0; at < weights.length; at++) {
    if (at % (dimensions + 1) === dimensions) continue;
    const weight = weights[at] as number;
    loss += 0.5 * weight * weight;
    gradient[at] = (gradient[at] as number) + weight;
  }
  return { loss, gradient };
}

/** The two-loop recursion: −H·gradient. */
function descent(gradient: Float64Array, past: { step: Float64Array; change: Float64Array; scale: number }[]): Float64Array {
  const direction = Float64Array.from(gradient);
  const factors: number[] = [];
  for (const { step, change, scale } of [...past].reverse()) {
    const factor = scale * product(step, direction);
    factors.push(factor);
    add(direction, change, -factor);
  }
  const last = past.at(-1);
  if (last) {
    const scale = 1 / (last.scale * product(last.change, last.change));
    for (let i = 0; i < direction.length; i++) direction[i] = (direction[i] as number) * scale;
  }
  for (const { step, change, scale } of past) {
    const factor = factors.pop() as number;
    add(direction, step, factor - scale * product(change, direction));
  }
  return direction.map((n) => -n);
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function add(to: Float64Array, what: Float64Array, times: number): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] as number) + times * (what[i] as number);
}

function moved(from: Float64Array, direction: Float64Array, length: number): Float64Array {
  return from.map((n, i) => n + length * (direction[i] as number));
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((n, i) => n - (b[i] as number));
}

function largest(numbers: Float64Array): number {
  return numbers.reduce((most, n) => Math.max(most, Math.abs(n)), 0);
}
