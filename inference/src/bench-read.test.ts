import { expect, test } from 'vitest';
import { benchRead } from './bench-read.ts';
import { readSettings } from './settings.ts';

test('measures reading one after another and many at once', async () => {
  const { modelsDir } = readSettings({});
  const figures = await benchRead({ modelsDir, threads: 1 }, undefined, { count: 40, waiting: 16 });
  expect(figures.idle.p50Ms).toBeLessThanOrEqual(figures.idle.p95Ms);
  expect(figures.busy.meanBatch).toBeGreaterThan(1);
  expect(figures.busy.perSecond).toBeGreaterThan(0);
});
