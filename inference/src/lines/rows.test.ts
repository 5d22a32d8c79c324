import { expect, test } from 'vitest';
import { dots } from './dots.ts';
import { rowsOf } from './rows.ts';

const numbers = (count: number, seed: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(seed + i * 1.7));

test.each([4, 8, 12, 384])('gives the products that the plain sum gives, for rows of %i', (width) => {
  const [first, second] = [numbers(3 * width, 1), numbers(200 * width, 2)];
  const rows = rowsOf([first, second], width);
  for (const embedding of [numbers(width, 3), numbers(width, 4)]) {
    const plain = [...dots(embedding, first, 0, 3), ...dots(embedding, second, 0, 200)];
    for (const [from, to] of [
      [0, 203],
      [2, 5],
      [7, 7],
    ] as const) {
      const products = [...rows.dots(embedding, from, to)];
      expect(products).toHaveLength(to - from);
      products.forEach((product, i) => void expect(product).toBeCloseTo(plain[from + i] as number, 4));
    }
  }
});
