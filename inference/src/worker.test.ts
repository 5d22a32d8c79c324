import { randomUUID } from 'node:crypto';
import { createPostgresBackend, type PgPool, Queue, QueueEvents, runMigrations } from 'bullmq';
import pg from 'pg';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { startRedis } from '../../test/services.ts';
import type { ReadJob, Written } from './contract.ts';
import { InferenceError } from './errors.ts';
import { fakeJob, fakeRead } from './fakes.ts';
import { createMetrics } from './metrics.ts';
import type { Reader } from './reader.ts';
import { type QueueConnection, startWorkers, type Workers } from './worker.ts';
import type { Writer } from './writer.ts';

const written: Written = {
  text: 'Oh, hon. Sit.',
  expression: 'caring',
  line: 'd-1',
  source: { generator: 'lines', kind: 'situation', id: 'lost-job' },
  candidates: [],
  versions: {},
  tokens: 4,
};

// The queues' names are fixed: what ran before on the same Redis and database must be gone.
const transports: [string, () => Promise<{ connection: QueueConnection; close(): Promise<void> }>][] = [
  [
    'Redis',
    async () => {
      const redis = await startRedis();
      return { connection: { redisUrl: redis.url }, close: () => redis.stop() };
    },
  ],
  [
    'PostgreSQL, as the embedded store is',
    async () => {
      const name = `inference_${randomUUID().replaceAll('-', '')}`;
      const admin = new pg.Client(inject('postgresUrl'));
      await admin.connect();
      await admin.query(`CREATE DATABASE ${name}`);
      await admin.end();
      const url = new URL(inject('postgresUrl'));
      url.pathname = name;
      // Queues, events and workers each keep a connection to listen on: of pg's ten few would be left to work with.
      const pool = new pg.Pool({ connectionString: url.href, options: '-c search_path=public,bullmq', max: 40 });
      await pool.query('CREATE SCHEMA IF NOT EXISTS bullmq');
      const client = await pool.connect();
      await runMigrations(client as never);
      client.release();
      return { connection: { pool: pool as unknown as PgPool }, close: () => pool.end() };
    },
  ],
];

describe.each(transports)('on %s', (_, open) => {
  let transport: Awaited<ReturnType<typeof open>>;
  let workers: Workers | undefined;
  let queues: { read: Queue; write: Queue; events: Record<'read' | 'write', QueueEvents> };
  let metrics: Registry;
  let logged: string;

  beforeAll(async () => {
    transport = await open();
    const { connection } = transport;
    const [options, backend] =
      'pool' in connection
        ? [{ connection: connection.pool }, createPostgresBackend]
        : [{ connection: { url: connection.redisUrl } }, undefined];
    const queue = (name: string) => new Queue(name, options as never, backend as never) as unknown as Queue;
    const events = (name: string) => new QueueEvents(name, options as never, backend as never) as unknown as QueueEvents;
    queues = { read: queue('read'), write: queue('write'), events: { read: events('read'), write: events('write') } };
    await Promise.all([queues.events.read.waitUntilReady(), queues.events.write.waitUntilReady()]);
  });
  beforeEach(() => {
    metrics = new Registry();
    logged = '';
  });
  afterEach(async () => {
    await workers?.stop();
    workers = undefined;
  });
  afterAll(async () => {
    await Promise.all([queues.events.read, queues.events.write, queues.read, queues.write].map((open) => open.close()));
    await transport.close();
  });

  test('reads', async () => {
    await start({ read: async (text) => ({ ...fakeRead(), versions: { heard: text } }) });
    expect(await ask('read', readJob('hello'))).toMatchObject({ versions: { heard: 'hello' }, detected: ['admiration'] });
  });

  test('writes, and counts the tokens', async () => {
    await start({});
    expect(await ask('write', fakeJob())).toEqual(written);
    expect(await metrics.metrics()).toContain('troupe_write_tokens_total 4');
  });

  test('sends deltas in order, before the result, and only where somebody listens', async () => {
    await start({
      write: async (_job, { onDelta }) => {
        for (const piece of ['Oh, ', 'hon. ', 'Sit.']) onDelta?.(piece);
        return written;
      },
    });
    const seen: unknown[] = [];
    queues.events.write.on('progress', ({ data }) => seen.push(data));
    await ask('write', fakeJob({ stream: true }));
    await expect.poll(() => seen).toEqual([{ delta: 'Oh, ' }, { delta: 'hon. ' }, { delta: 'Sit.' }]);
    await ask('write', fakeJob({ stream: false }));
    expect(seen).toHaveLength(3);
    queues.events.write.removeAllListeners('progress');
  });

  test('works on many reads at the same time', async () => {
    let together = 0;
    let most = 0;
    let release = () => {};
    const all = new Promise<void>((resolve) => {
      release = resolve;
    });
    await start({
      read: async () => {
        together++;
        most = Math.max(most, together);
        if (together === 20) release();
        await all;
        return fakeRead();
      },
    });
    // Not by the answers: of jobs that end at once on several connections an event may get lost, which the one session of the embedded store does not know.
    await Promise.all(Array.from({ length: 20 }, () => queues.read.add('read', readJob('hello'))));
    await expect.poll(() => most, { timeout: 20_000 }).toBe(20);
  });

  test('refuses another contract by name, without trying again', async () => {
    await start({});
    expect(await failure('read', { ...readJob('hi'), contract: 2 }, { attempts: 5 })).toEqual({
      code: 'contract_version',
      message: 'this worker speaks contract 1, the read job is of contract 2; run bot and inference of the same release',
      retryable: true,
    });
    expect(await failure('write', {})).toMatchObject({ code: 'contract_version' });
  });

  test('refuses an invalid job, naming the field and not its content', async () => {
    await start({});
    expect(await failure('write', { ...fakeJob(), text: '', mood: 'a secret' }, { attempts: 5 })).toEqual({
      code: 'job_invalid',
      message: 'the write job breaks contract 1 at text, mood',
      retryable: false,
    });
  });

  test('fails with the error’s code, and does not try again what cannot help', async () => {
    let tries = 0;
    await start({
      read: async () => {
        tries++;
        throw new InferenceError('run_failed', 'the model refused its input');
      },
    });
    expect(await failure('read', readJob('hi'), { attempts: 3 })).toEqual({
      code: 'run_failed',
      message: 'the model refused its input',
      retryable: false,
    });
    expect(tries).toBe(1);
  });

  test('tries again what can help, as often as the job says', async () => {
    let tries = 0;
    await start({
      read: async () => {
        if (++tries < 3) throw new InferenceError('session_lost', 'its thread died', { retryable: true });
        return fakeRead();
      },
    });
    expect(await ask('read', readJob('hi'), { attempts: 3 })).toMatchObject({ detected: ['admiration'] });
    expect(tries).toBe(3);
  });

  test('calls anything unforeseen by one code', async () => {
    await start({ read: () => Promise.reject(new TypeError('x is not a function')) });
    expect(await failure('read', readJob('hi'))).toEqual({ code: 'inference_failed', message: 'x is not a function', retryable: true });
  });

  test('logs turns, never what was said', async () => {
    await start({ write: () => Promise.reject(new InferenceError('nothing_to_say', 'no line is left')) });
    await failure('write', fakeJob({ turnId: 'turn-77', text: 'my deepest secret' }));
    await ask('read', readJob('my deepest secret'));
    expect(logged).toContain('turn-77');
    expect(logged).not.toContain('secret');
  });

  test('says that it can be reached', async () => {
    await start({});
    expect(await workers?.failing()).toBe(null);
  });

  test('ends what is in hand when it stops', async () => {
    let finish = () => {};
    const begun = new Promise<void>((resolve) => {
      void start({
        read: () =>
          new Promise((done) => {
            finish = () => done(fakeRead());
            resolve();
          }),
      });
    });
    const answer = ask('read', readJob('hello'));
    await begun;
    const stopped = workers?.stop();
    finish();
    await stopped;
    workers = undefined;
    expect(await answer).toMatchObject({ detected: ['admiration'] });
  });

  test('cancels what takes too long when it stops', async () => {
    let reason: unknown;
    await start(
      {
        read: (_text, signal) =>
          new Promise((_, reject) =>
            signal?.addEventListener('abort', () => {
              reason = signal.reason;
              reject(new InferenceError('cancelled', 'this worker is stopping', { retryable: true }));
            }),
          ),
      },
      { stopTimeoutMs: 50 },
    );
    const failed = failure('read', readJob('hello'));
    await expect.poll(() => queues.read.getActiveCount()).toBe(1);
    await workers?.stop();
    workers = undefined;
    expect(await failed).toMatchObject({ code: 'cancelled', retryable: true });
    expect(reason).toBeDefined();
  });

  async function start(
    { read = async () => fakeRead(), write = async () => written }: { read?: Reader['read']; write?: Writer['write'] },
    options = {},
  ) {
    const log = pino(
      { level: 'debug' },
      {
        write(entry: string) {
          logged += entry;
        },
      },
    );
    workers = await startWorkers({
      connection: transport.connection,
      reader: { read },
      writer: { write },
      log,
      metrics: createMetrics(metrics),
      ...options,
    });
  }

  async function ask(name: 'read' | 'write', data: object, options = {}): Promise<unknown> {
    const job = await queues[name].add(name, data, options);
    return job.waitUntilFinished(queues.events[name], 20_000);
  }

  async function failure(name: 'read' | 'write', data: object, options = {}): Promise<unknown> {
    return ask(name, data, options).then(
      () => expect.unreachable('it should have failed'),
      (error: Error) => JSON.parse(error.message),
    );
  }
});

test('says that the queues cannot be reached, and recovers', async () => {
  const redis = await startRedis();
  const workers = await startWorkers({
    connection: { redisUrl: redis.url },
    reader: { read: async () => fakeRead() },
    writer: { write: async () => written },
    log: pino({ level: 'silent' }),
    metrics: createMetrics(new Registry()),
  });
  expect(await workers.failing()).toBe(null);
  await redis.kill();
  expect(await workers.failing()).toContain('the queues cannot be reached');
  await redis.start();
  await expect.poll(() => workers.failing(), { timeout: 15_000 }).toBe(null);
  await workers.stop();
  await redis.stop();
});

function readJob(text: string): ReadJob {
  return { contract: 1, turnId: 't1', text };
}
