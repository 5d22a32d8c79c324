import { expect, test } from 'vitest';
import { createReadiness } from './readiness.ts';

const fine = {
  store: { kind: 'embedded' as const, ping: async () => {} },
  queues: { ping: async () => {} },
  inference: async () => [],
  optional: () => [],
};

test('is ready when store, queue and inference are', async () => {
  expect(await createReadiness(fine).check()).toEqual({ ready: true, failing: [] });
});

test('an optional platform that is away is told of and no hindrance', async () => {
  const away = { name: 'pigeon', reason: 'PIGEON_TOKEN was refused' };
  expect(await createReadiness({ ...fine, optional: () => [away] }).check()).toEqual({ ready: true, failing: [away] });
});

test('names each required thing that fails, and does not wait for ever', async () => {
  const readiness = createReadiness({
    ...fine,
    store: { kind: 'postgres', ping: async () => Promise.reject(new Error('connection refused')) },
    queues: { ping: () => new Promise(() => {}) },
    inference: async () => [{ name: 'encoder', reason: 'is loading' }],
    timeoutMs: 20,
  });
  expect(await readiness.check()).toEqual({
    ready: false,
    failing: [
      { name: 'store', reason: 'connection refused' },
      { name: 'queue', reason: 'no answer within 20 ms' },
      { name: 'encoder', reason: 'is loading' },
    ],
  });
});
