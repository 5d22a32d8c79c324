import { expect, test } from 'vitest';
import { type BatcherOptions, createBatcher } from './batch.ts';

test('runs one item at once while idle and the rest together once free', async () => {
  const { batcher, batches, finish } = model();
  const all = Promise.all([1, 2, 3].map((n) => batcher.submit(n)));
  expect(batches).toEqual([[1]]);
  await finish();
  await finish();
  expect(batches).toEqual([[1], [2, 3]]);
  expect(await all).toEqual([10, 20, 30]);
});

test('keeps buckets apart, the oldest item first', async () => {
  const { batcher, batches, finish } = model({ bucketOf: (n) => (n < 100 ? 0 : 1) });
  for (const n of [1, 100, 2, 101, 3]) void batcher.submit(n);
  for (let i = 0; i < 3; i++) await finish();
  expect(batches).toEqual([[1], [100, 101], [2, 3]]);
});

test('never exceeds the largest batch', async () => {
  const { batcher, batches, finish } = model({ maxBatch: 2 });
  for (const n of [1, 2, 3, 4, 5, 6]) void batcher.submit(n);
  for (let i = 0; i < 4; i++) await finish();
  expect(batches).toEqual([[1], [2, 3], [4, 5], [6]]);
});

test('fills every lane before it batches', async () => {
  const { batcher, batches, finish } = model({ lanes: 2 });
  for (const n of [1, 2, 3, 4]) void batcher.submit(n);
  expect(batches).toEqual([[1], [2]]);
  await finish();
  expect(batches).toEqual([[1], [2], [3, 4]]);
});

test('lets background items wait for all others', async () => {
  const { batcher, batches, finish } = model();
  void batcher.submit(1);
  void batcher.submit(91, { background: true });
  void batcher.submit(92, { background: true });
  void batcher.submit(2);
  for (let i = 0; i < 4; i++) await finish();
  expect(batches).toEqual([[1], [2], [91], [92]]);
});

test('batches background items where that is wanted', async () => {
  const { batcher, batches, finish } = model({ maxBackgroundBatch: 2 });
  for (const n of [91, 92, 93]) void batcher.submit(n, { background: true });
  for (let i = 0; i < 2; i++) await finish();
  expect(batches).toEqual([[91], [92, 93]]);
});

test('keeps a lane free of background items', async () => {
  const { batcher, batches } = model({ lanes: 2 });
  void batcher.submit(91, { background: true });
  void batcher.submit(92, { background: true });
  expect(batches).toEqual([[91]]);
  void batcher.submit(1);
  expect(batches).toEqual([[91], [1]]);
});

test('lets background items wait until it is quiet, but not for ever', async () => {
  let nowMs = 0;
  let look = () => {};
  const { batcher, batches, finish } = model({
    quietMs: 200,
    patienceMs: 1000,
    now: () => nowMs,
    after: (_ms, then) => {
      look = then;
    },
  });
  for (const n of [91, 92, 93]) void batcher.submit(n, { background: true });
  expect(batches).toEqual([[91]]);
  void batcher.submit(1);
  await finish();
  await finish();
  nowMs = 150;
  look();
  expect(batches).toEqual([[91], [1]]);
  // Somebody writes all the time.
  for (nowMs = 150; nowMs < 1000; nowMs += 150) {
    void batcher.submit(2);
    await finish();
    look();
  }
  expect(batches.filter(([n]) => n !== 2)).toEqual([[91], [1]]);
  nowMs = 1000;
  look();
  expect(batches.at(-1)).toEqual([92]);
  await finish();
  nowMs = 1300;
  look();
  expect(batches.at(-1)).toEqual([93]);
});

test('fails only the item that failed', async () => {
  const { batcher, finish } = model({ results: (items) => items.map((n) => (n === 2 ? new Error('two') : n * 10)) });
  const all = Promise.allSettled([1, 2, 3].map((n) => batcher.submit(n)));
  await finish();
  await finish();
  expect((await all).map((r) => (r.status === 'fulfilled' ? r.value : String(r.reason)))).toEqual([10, 'Error: two', 30]);
});

test('fails a batch whose run rejects, and goes on with the next', async () => {
  let runs = 0;
  const batcher = createBatcher<number, number>({
    run: async (items) => {
      if (runs++ === 0) throw new Error('the model is gone');
      return items;
    },
  });
  const all = await Promise.allSettled([batcher.submit(1), batcher.submit(2)]);
  expect(all.map((r) => (r.status === 'fulfilled' ? r.value : String(r.reason)))).toEqual(['Error: the model is gone', 2]);
});

test('refuses a run that answers too few results', async () => {
  const batcher = createBatcher<number, number>({ run: async () => [] });
  await expect(batcher.submit(1)).rejects.toThrow('a batch of 1 gave 0 results');
});

test('drops an item that is aborted while it waits', async () => {
  const { batcher, batches, finish } = model();
  const stop = new AbortController();
  void batcher.submit(1);
  const two = batcher.submit(2, { signal: stop.signal });
  void batcher.submit(3);
  stop.abort(new Error('no longer wanted'));
  await expect(two).rejects.toThrow('no longer wanted');
  await finish();
  expect(batches).toEqual([[1], [3]]);
});

test('refuses an item whose signal is already aborted', async () => {
  const { batcher, batches } = model();
  await expect(batcher.submit(1, { signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow('too late');
  expect(batches).toEqual([]);
});

/** A model that runs until `finish()` ends its oldest batch. */
function model(options: Partial<BatcherOptions<number, number>> & { results?: (items: number[]) => (number | Error)[] } = {}) {
  const batches: number[][] = [];
  const running: (() => void)[] = [];
  const results = options.results ?? ((items) => items.map((n) => n * 10));
  const batcher = createBatcher<number, number>({
    run: (items) => {
      batches.push(items);
      return new Promise((resolve) => running.push(() => resolve(results(items))));
    },
    ...options,
  });
  const finish = async () => {
    running.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { batcher, batches, finish };
}
