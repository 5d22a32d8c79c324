// Many rows of numbers that messages are compared with, where four products are made at a time: most of what choosing a line costs.

export interface Rows {
  readonly count: number;
  /** Products of one embedding with rows `from` (inclusive) to `to`. Gone with the next call. */
  dots(embedding: Float32Array, from: number, to: number): Float32Array;
}

/** Takes a copy of the matrices, one after the other; each is row after row of `width` numbers. */
export function rowsOf(matrices: readonly Float32Array[], width: number): Rows {
  const count = matrices.reduce((sum, { length }) => sum + length / width, 0);
  // Row 0 is the embedding, behind the last one is room for the products. Rows are filled up with zeros to whole steps of the loop.
  const padded = Math.ceil(width / 8) * 8;
  const bytes = padded * 4;
  const { memory, dots } = new assembly.Instance(program).exports;
  memory.grow(Math.ceil(((count + 1) * bytes + count * 4) / 65_536));
  const numbers = new Float32Array(memory.buffer);
  let row = 1;
  for (const matrix of matrices)
    for (let at = 0; at < matrix.length; at += width) numbers.set(matrix.subarray(at, at + width), row++ * padded);
  const out = (count + 1) * bytes;
  return {
    count,
    dots(embedding, from, to) {
      numbers.set(embedding);
      dots(0, (from + 1) * bytes, (to + 1) * bytes, bytes, out);
      return numbers.subarray(out / 4, out / 4 + to - from);
    },
  };
}

interface Exports {
  memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  dots(vector: number, row: number, end: number, bytes: number, out: number): void;
}

/** Part of Node; the types that go with it are those of browsers. */
interface Assembly {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: Exports };
}
const assembly = (globalThis as unknown as { WebAssembly: Assembly }).WebAssembly;

/*
(module
  (memory (export "memory") 1)
  (func (export "dots") (param $vector i32) (param $row i32) (param $end i32) (param $bytes i32) (param $out i32)
    (local $i i32) (local $a v128) (local $b v128)
    (loop $rows
      (if (i32.lt_u (local.get $row) (local.get $end)) (then
        (local.set $a (v128.const f32x4 0 0 0 0))
        (local.set $b (v128.const f32x4 0 0 0 0))
        (local.set $i (i32.const 0))
        (loop $numbers
          (local.set $a (f32x4.add (local.get $a) (f32x4.mul
            (v128.load (i32.add (local.get $vector) (local.get $i)))
            (v128.load (i32.add (local.get $row) (local.get $i))))))
          (local.set $b (f32x4.add (local.get $b) (f32x4.mul
            (v128.load offset=16 (i32.add (local.get $vector) (local.get $i)))
            (v128.load offset=16 (i32.add (local.get $row) (local.get $i))))))
          (local.set $i (i32.add (local.get $i) (i32.const 32)))
          (br_if $numbers (i32.lt_u (local.get $i) (local.get $bytes))))
        (local.set $a (f32x4.add (local.get $a) (local.get $b)))
        (f32.store (local.get $out) (f32.add
          (f32.add (f32x4.extract_lane 0 (local.get $a)) (f32x4.extract_lane 1 (local.get $a)))
          (f32.add (f32x4.extract_lane 2 (local.get $a)) (f32x4.extract_lane 3 (local.get $a)))))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (local.set $row (i32.add (local.get $row) (local.get $bytes)))
        (br $rows))))))
*/
const program = new assembly.Module(
  Buffer.from(
    'AGFzbQEAAAABCQFgBX9/f39/AAMCAQAFAwEAAQcRAgZtZW1vcnkCAARkb3RzAAAKvgEBuwECAX8CewNAIAEgAkkEQP0MAAAAAAAAAAAAAAAAAAAAACEG/QwAAAAAAAAAAAAAAAAAAAAA' +
      'IQdBACEFA0AgBiAAIAVq/QAEACABIAVq/QAEAP3mAf3kASEGIAcgACAFav0ABBAgASAFav0ABBD95gH95AEhByAFQSBqIQUgBSADSQ0ACyAGIAf95AEhBiAEIAb9HwAgBv0fAZIgBv0f' +
      'AiAG/R8DkpI4AgAgBEEEaiEEIAEgA2ohAQwBCwsL',
    'base64',
  ),
);
