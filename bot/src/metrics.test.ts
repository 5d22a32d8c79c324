import { Counter, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';
import type { QueueCounts } from './queue.ts';

const idle: QueueCounts = { waiting: 0, active: 0, delayed: 0, failed: 0, completed: 0, oldestMs: 0 };

function metrics(registry?: Registry) {
  return createMetrics({
    registry,
    platforms: ['web', 'pigeon'],
    counts: async () => ({ inbox: { ...idle, waiting: 3, oldestMs: 1500 }, feedback: idle, read: idle, write: idle }),
    models: async () => [{ task: 'encoder', version: 'v1', arm: 'live', live: true }],
  });
}

test('every name and label of the contract is there from the start', async () => {
  const { text, contentType } = await metrics().render();
  expect(contentType).toMatch(/^text\/plain/);
  for (const line of [
    'troupe_turns_total{platform="web",outcome="answered"} 0',
    'troupe_turn_duration_seconds_bucket{le="0.1",stage="read"} 0',
    'troupe_queue_jobs{queue="inbox",state="waiting"} 3',
    'troupe_queue_oldest_seconds{queue="inbox"} 1.5',
    'troupe_read_batch_size_bucket',
    'troupe_write_tokens_total 0',
    'troupe_emotions_total{label="remorse"} 0',
    'troupe_intents_total{decided_by="handoff"} 0',
    'troupe_votes_total{platform="pigeon",value="down"} 0',
    'troupe_model_info{task="encoder",version="v1",arm="live"} 1',
    'troupe_platform_connected{platform="pigeon"} 0',
    'process_resident_memory_bytes',
  ])
    expect(text).toContain(line);
});

test('counts what happens', async () => {
  const counted = metrics();
  counted.turn('web', 'answered');
  counted.stage('total', 80);
  counted.emotions(['joy', 'love']);
  counted.vote('web', 'up');
  counted.connected('web', true);
  const { text } = await counted.render();
  expect(text).toContain('troupe_turns_total{platform="web",outcome="answered"} 1');
  expect(text).toContain('troupe_turn_duration_seconds_bucket{le="0.1",stage="total"} 1');
  expect(text).toContain('troupe_emotions_total{label="love"} 1');
  expect(text).toContain('troupe_platform_connected{platform="web"} 1');
});

test('in one process inference’s own metrics stand for themselves, once', async () => {
  const registry = new Registry();
  const rendered = metrics(registry);
  new Counter({ name: 'troupe_write_tokens_total', help: 'by inference', registers: [registry] }).inc(7);
  const { text } = await rendered.render();
  expect(text.match(/^troupe_write_tokens_total .*$/gm)).toEqual(['troupe_write_tokens_total 7']);
});

test('a queue that is away leaves the last counts', async () => {
  const rendered = createMetrics({ platforms: ['web'], counts: async () => Promise.reject(new Error('away')), models: async () => [] });
  expect((await rendered.render()).text).toContain('troupe_queue_jobs{queue="read",state="failed"} 0');
});
