// The figures that training/metrics.py and training/measures.py compute, computed again on this side of the language border.

/** Mean F1 over labels; a label that neither occurs nor is predicted counts 0. Rows are texts. */
export function macroF1(
  probabilities: readonly Float32Array[],
  truths: readonly ReadonlySet<number>[],
  thresholds: readonly number[],
): number {
  return mean(counts(probabilities, truths, thresholds).map(f1));
}

/** F1 over all decisions together. */
export function microF1(
  probabilities: readonly Float32Array[],
  truths: readonly ReadonlySet<number>[],
  thresholds: readonly number[],
): number {
  const all = counts(probabilities, truths, thresholds);
  const sum = (key: keyof Count) => all.reduce((total, count) => total + count[key], 0);
  return f1({ hits: sum('hits'), predicted: sum('predicted'), true: sum('true') });
}

/** Expected calibration error, the mean over labels: per equal-width bin |mean p − share of ones| by its share of texts. */
export function calibrationError(probabilities: readonly Float32Array[], truths: readonly ReadonlySet<number>[], bins = 15): number {
  const labels = probabilities[0]?.length ?? 0;
  const gaps = Array.from({ length: labels }, () => new Float64Array(bins));
  probabilities.forEach((row, text) => {
    row.forEach((p, label) => {
      const bin = Math.min(bins - 1, Math.trunc(p * bins));
      (gaps[label] as Float64Array)[bin]! += p - (truths[text]?.has(label) ? 1 : 0);
    });
  });
  return mean(gaps.map((ofLabel) => ofLabel.reduce((total, gap) => total + Math.abs(gap), 0) / probabilities.length));
}

/** Share of `outside` under the score that the share `rate` of `inside` falls short of. */
export function recallBelow(inside: readonly number[], outside: readonly number[], rate: number): number {
  const threshold = quantile(inside, rate);
  return outside.filter((score) => score < threshold).length / outside.length;
}

/** Between two values by their distance, as numpy has it. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] as number;
  return below + (at % 1) * ((sorted[Math.ceil(at)] as number) - below);
}

/** How many stand before the one at `index`, 0 for the highest. */
export function rankOf(scores: ArrayLike<number>, index: number): number {
  let before = 0;
  for (let i = 0; i < scores.length; i++) if ((scores[i] as number) > (scores[index] as number)) before++;
  return before;
}

export function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

interface Count {
  hits: number;
  predicted: number;
  true: number;
}

function counts(probabilities: readonly Float32Array[], truths: readonly ReadonlySet<number>[], thresholds: readonly number[]): Count[] {
  const found = thresholds.map((): Count => ({ hits: 0, predicted: 0, true: 0 }));
  probabilities.forEach((row, text) => {
    found.forEach((count, label) => {
      const predicted = (row[label] as number) > (thresholds[label] as number);
      const is = truths[text]?.has(label) === true;
      if (predicted) count.predicted++;
      if (is) count.true++;
      if (predicted && is) count.hits++;
    });
  });
  return found;
}

function f1({ hits, predicted, true: ones }: Count): number {
  return (2 * hits) / Math.max(1, predicted + ones);
}
