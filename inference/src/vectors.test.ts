import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dot, type Encoder } from './encoder.ts';
import { openVectors, writeVectors } from './vectors.ts';

let folder: string;
const log = pino({ level: 'silent' });
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-vectors-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('knows nothing before it is filled and everything after', async () => {
  const vectors = await open();
  expect(vectors.get('hello')).toBeUndefined();
  await vectors.fill(['hello', 'bye']);
  expect(vectors.has('hello')).toBe(true);
  expect(vectors.get('unheard')).toBeUndefined();
});

test('loses less than a hundredth of the direction', async () => {
  const vectors = await open();
  await vectors.fill(['hello']);
  const exact = (await fakeEncoder().encode(['hello'])).embeddings[0] as Float32Array;
  expect(dot(vectors.get('hello') as Float32Array, exact)).toBeGreaterThan(0.99);
});

test('encodes each text once, in the order given', async () => {
  const encoder = fakeEncoder();
  const vectors = await open({ encoder });
  await Promise.all([vectors.fill(['b', 'a', 'b']), vectors.fill(['a', 'c'])]);
  expect(encoder.asked).toEqual([['b', 'a'], ['c']]);
});

test('lets a few texts in between the many that somebody else has asked for', async () => {
  const encoder = fakeEncoder();
  const vectors = await open({ encoder });
  const many = vectors.fill(Array.from({ length: 200 }, (_, i) => `text ${i}`));
  await vectors.fill(['urgent']);
  expect(encoder.asked[1]).toEqual(['urgent']);
  await many;
  expect(encoder.asked.flat()).toHaveLength(201);
});

test('reads the shipped file and encodes only what it lacks', async () => {
  await writeVectors(shipped(), fakeEncoder(), ['a', 'b']);
  const encoder = fakeEncoder();
  const vectors = await open({ encoder });
  expect(vectors.has('a')).toBe(true);
  await vectors.fill(['a', 'b', 'c']);
  expect(encoder.asked).toEqual([['c']]);
});

test('remembers over a restart', async () => {
  await (await open()).fill(['a', 'b']);
  const encoder = fakeEncoder();
  await (await open({ encoder })).fill(['a', 'b']);
  expect(encoder.asked).toEqual([]);
});

test('survives a cache file whose last row was cut short', async () => {
  await (await open()).fill(['a', 'b']);
  const [file] = readdirSync(join(folder, 'cache')) as [string];
  const path = join(folder, 'cache', file);
  truncateSync(path, readFileSync(path).length - 1);
  const vectors = await open();
  expect([vectors.has('a'), vectors.has('b')]).toEqual([true, false]);
  await vectors.fill(['b']);
  const again = await open();
  expect([again.has('a'), again.has('b')]).toEqual([true, true]);
});

test('ignores vectors of another encoder', async () => {
  await writeVectors(shipped(), fakeEncoder('aa'.repeat(32)), ['a']);
  expect((await open()).has('a')).toBe(false);
});

test('ignores a file that holds something else', async () => {
  writeFileSync(shipped(), 'x'.repeat(500));
  expect((await open()).has('a')).toBe(false);
});

test('writes the same bytes whatever the order of the texts', async () => {
  await writeVectors(join(folder, '1'), fakeEncoder(), ['a', 'b', 'c']);
  await writeVectors(join(folder, '2'), fakeEncoder(), ['c', 'a', 'b', 'a']);
  expect(readFileSync(join(folder, '1')).equals(readFileSync(join(folder, '2')))).toBe(true);
});

test('hands rows over as one matrix, unknown rows as zeros', async () => {
  const vectors = await open();
  await vectors.fill(['a']);
  const matrix = vectors.matrix(['unheard', 'a']);
  expect(matrix.subarray(0, 4)).toEqual(new Float32Array(4));
  expect(matrix.subarray(4)).toEqual(vectors.get('a'));
});

test('reports progress and stops when told to', async () => {
  const vectors = await open();
  const texts = Array.from({ length: 100 }, (_, i) => `text ${i}`);
  const stop = new AbortController();
  const seen: [number, number][] = [];
  const progress = (done: number, total: number) => {
    seen.push([done, total]);
    stop.abort(new Error('enough'));
  };
  await expect(vectors.fill(texts, { progress, signal: stop.signal })).rejects.toThrow('enough');
  expect(seen).toEqual([[64, 100]]);
  expect(vectors.has('text 63')).toBe(true);
});

test('goes on without a cache folder it may not write', async () => {
  writeFileSync(join(folder, 'cache'), 'a file where the folder should be');
  const vectors = await open();
  await vectors.fill(['a']);
  expect(vectors.has('a')).toBe(true);
});

function shipped(): string {
  return join(folder, 'lines.vectors');
}

function open({ encoder = fakeEncoder() }: { encoder?: Encoder } = {}) {
  return openVectors({ encoder, shippedFile: shipped(), cacheDir: join(folder, 'cache'), log });
}

/** Four dimensions made of the text's characters. */
function fakeEncoder(checksum = 'ab'.repeat(32)): Encoder & { asked: string[][] } {
  const asked: string[][] = [];
  return {
    asked,
    version: 'v1',
    checksum,
    config: { labels: [], thresholds: [], maxTokens: 8, dimensions: 4, sentiment: { positive: [], negative: [], ambiguous: [] } },
    async encode(texts, { signal } = {}) {
      signal?.throwIfAborted();
      asked.push([...texts]);
      const embeddings = texts.map((text) => {
        const numbers = new Float32Array(4).map((_, i) =>
          Math.sin([...text].reduce((sum, c, at) => sum + (c.codePointAt(0) ?? 0) * (at + i + 1), i)),
        );
        const length = Math.hypot(...numbers);
        return numbers.map((n) => n / length);
      });
      return { embeddings, emotions: [] };
    },
  };
}
