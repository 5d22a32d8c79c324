// Similarities of one embedding to many, row after row. Four sums at a time: they do not wait for one another.

/** Of rows `from` (inclusive) to `to` of a matrix, into a list of `to - from` numbers. */
export function dots(embedding: Float32Array, matrix: Float32Array, from: number, to: number): Float32Array {
  const width = embedding.length;
  const products = new Float32Array(to - from);
  for (let row = from; row < to; row++) {
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    const at = row * width;
    let i = 0;
    for (; i + 3 < width; i += 4) {
      a += embedding[i]! * matrix[at + i]!;
      b += embedding[i + 1]! * matrix[at + i + 1]!;
      c += embedding[i + 2]! * matrix[at + i + 2]!;
      d += embedding[i + 3]! * matrix[at + i + 3]!;
    }
    for (; i < width; i++) a += embedding[i]! * matrix[at + i]!;
    products[row - from] = a + b + c + d;
  }
  return products;
}
