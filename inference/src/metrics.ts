// The metrics of this package, made once and observed at its seam.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ModelVersion } from './registry.ts';

export interface Metrics {
  readBatch(size: number): void;
  writtenTokens(count: number): void;
  models(models: readonly ModelVersion[]): void;
}

export function createMetrics(registry: Registry): Metrics {
  const registers = [registry];
  const batch = new Histogram({
    name: 'troupe_read_batch_size',
    help: 'Texts encoded in one run of the encoder',
    buckets: [1, 2, 4, 8, 16, 32],
    registers,
  });
  const tokens = new Counter({ name: 'troupe_write_tokens_total', help: 'Tokens written by language models', registers });
  const info = new Gauge({
    name: 'troupe_model_info',
    help: '1 for every model version that is loaded',
    labelNames: ['task', 'version', 'arm'],
    registers,
  });
  return {
    readBatch: (size) => batch.observe(size),
    writtenTokens: (count) => tokens.inc(count),
    models(models) {
      info.reset();
      for (const { task, version, arm, live } of models) if (live) info.set({ task, version, arm }, 1);
    },
  };
}
