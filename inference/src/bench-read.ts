// How fast reading is here: one message at a time as an idle system sees it, and as many as there are when it is busy.
import { pino } from 'pino';
import { openEncoder } from './onnx-encoder.ts';
import { createReader } from './reader.ts';
import { readRegistry } from './registry.ts';
import type { Settings } from './settings.ts';

export interface ReadFigures {
  threads: number;
  /** Messages the figures come from. */
  messages: number;
  /** One after another: milliseconds each. */
  idle: { p50Ms: number; p95Ms: number; perSecond: number };
  /** So many waiting at any time. */
  busy: { waiting: number; perSecond: number; p50Ms: number; p95Ms: number; meanBatch: number };
  /** The main thread's longest silence while busy. */
  longestBlockMs: number;
}

/** `messages` stand for what people write; they are repeated as often as it takes. */
export async function benchRead(
  settings: Pick<Settings, 'modelsDir' | 'threads'>,
  messages: readonly string[] = plainMessages,
  { count = 400, waiting = 64 } = {},
): Promise<ReadFigures> {
  const batches: number[] = [];
  const registry = await readRegistry(settings.modelsDir);
  const log = pino({ level: 'silent' });
  const encoder = await openEncoder({ registry, threads: settings.threads, log, onBatch: (size) => batches.push(size) });
  const reader = createReader({ encoder, intents: { version: 'none', classify: () => ({ name: null, confidence: 0, alternatives: [] }) } });
  const timed = async (i: number) => {
    const startedAt = performance.now();
    await reader.read(messages[i % messages.length] as string);
    return performance.now() - startedAt;
  };
  try {
    for (let i = 0; i < 20; i++) await timed(i);

    const idleFrom = performance.now();
    const idle: number[] = [];
    for (let i = 0; i < count; i++) idle.push(await timed(i));
    const idleMs = performance.now() - idleFrom;

    batches.length = 0;
    const watch = watchLoop();
    const busyFrom = performance.now();
    const busy: number[] = [];
    let next = 0;
    const one = async () => {
      while (next < count * 2) busy.push(await timed(next++));
    };
    await Promise.all(Array.from({ length: waiting }, one));
    const busyMs = performance.now() - busyFrom;

    return {
      threads: settings.threads,
      messages: messages.length,
      idle: { ...quantiles(idle), perSecond: (1000 * idle.length) / idleMs },
      busy: { waiting, ...quantiles(busy), perSecond: (1000 * busy.length) / busyMs, meanBatch: busy.length / batches.length },
      longestBlockMs: watch(),
    };
  } finally {
    await encoder.close();
  }
}

export const plainMessages = [
  'hi',
  'my dog died last night and i do not know what to do',
  'i got the job!!! 🎉',
  'what movie should i watch tonight?',
  'so anxious about tomorrow',
  'ugh, my roommate ate my leftovers again. third time this week, i swear',
  'thanks, that really helped',
  'i keep thinking about what she said at dinner and whether i should have answered differently, it just would not leave my head all day',
  'lol',
  'can you help me with my order, it has been two weeks',
];

function quantiles(values: number[]): { p50Ms: number; p95Ms: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { p50Ms: at(0.5), p95Ms: at(0.95) };
}

function watchLoop(): () => number {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 5);
    last = now;
  }, 5);
  return () => {
    clearInterval(timer);
    return longest;
  };
}
