// One suite for both transports: what the bot relies on holds on Redis and on the embedded store alike.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { createPostgresBackend, type Job, Queue, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { idOf, log, message, OPTIONS, read, readJob, until, useTransports, writeJob, written } from '../test/queue-kinds.ts';
import { TroupeError } from './errors.ts';
import { openQueues, type Queues } from './queue.ts';
import { openTransport, tidy } from './queue-transport.ts';

const { kinds } = useTransports();

describe.each(kinds)('queues on $kind', ({ connection, empty, elsewhere, leave, comeBack }) => {
  let queues: Queues;
  const closing: (() => Promise<unknown>)[] = [];
  const children: ChildProcess[] = [];

  async function openMore(): Promise<Queues> {
    const more = await openQueues(connection(), { log });
    closing.push(() => more.close());
    return more;
  }

  /** Stands for inference. */
  async function work(queue: 'read' | 'write', processor: (job: Job) => Promise<unknown>): Promise<Worker> {
    const to = connection();
    const worker =
      'pool' in to
        ? new Worker(queue, processor, { ...OPTIONS, concurrency: 16, connection: to.pool }, createPostgresBackend)
        : new Worker(queue, processor, { ...OPTIONS, concurrency: 16, connection: { url: to.redisUrl, maxRetriesPerRequest: null } });
    worker.on('error', () => {});
    closing.unshift(() => worker.close());
    await worker.waitUntilReady();
    return worker as Worker;
  }

  async function raw(name: string): Promise<Queue> {
    const to = connection();
    const queue =
      'pool' in to
        ? new Queue(name, { connection: to.pool }, createPostgresBackend)
        : new Queue(name, { connection: { url: to.redisUrl } });
    closing.unshift(() => queue.close());
    return queue as Queue;
  }

  function child(text: string): { process: ChildProcess; next(): Promise<string> } {
    const code = `import pino from 'pino';
      import { openQueues } from './bot/src/queue.ts';
      ${elsewhere()}
      const queues = await openQueues(connection, { log: pino({ level: 'silent' }) });
      ${text}`;
    const process_ = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(process_);
    const lines = createInterface({ input: process_.stdout! })[Symbol.asyncIterator]();
    return { process: process_, next: async () => (await lines.next()).value as string };
  }

  async function close(): Promise<void> {
    for (const end of closing.splice(0)) await end();
  }

  beforeEach(async () => {
    await empty();
    queues = await openQueues(connection(), { log });
    closing.push(() => queues.close());
  });
  afterEach(async () => {
    for (const one of children.splice(0)) one.kill('SIGKILL');
    await close();
  });

  it('asks and is answered, and says how long it waited', async () => {
    await work('read', async () => read);
    const { result, queueMs, runMs } = await queues.read(readJob('t1'));
    expect(result).toEqual(read);
    expect(queueMs).toBeGreaterThanOrEqual(0);
    expect(queueMs).toBeLessThan(5_000);
    expect(runMs).toBeGreaterThanOrEqual(0);
  });

  it('runs one job for all who ask for the same turn, before and after its end, in any process', async () => {
    const runs: unknown[] = [];
    await work('read', async (job) => {
      runs.push(job.data);
      return read;
    });
    const others = await openMore();
    const answers = await Promise.all([queues.read(readJob('t1')), queues.read(readJob('t1')), others.read(readJob('t1'))]);
    answers.push(await others.read(readJob('t1')), await queues.read(readJob('t1')));
    expect(answers.map(({ result }) => result)).toEqual(Array(5).fill(read));
    expect(runs).toEqual([readJob('t1')]);
  });

  it('turns a failure into an error with its code, and begins anew when asked again', async () => {
    const failures = [
      new Error(JSON.stringify({ code: 'busy', message: 'try later', retryable: true })),
      new UnrecoverableError(JSON.stringify({ code: 'bad', message: 'no use', retryable: false })),
      new Error('not JSON at all'),
    ];
    await work('read', async () => {
      const failure = failures.shift();
      if (failure) throw failure;
      return read;
    });
    const ask = () => queues.read(readJob('t1'));
    await expect(ask()).rejects.toMatchObject({ name: 'TroupeError', code: 'busy', message: 'try later', retryable: true });
    await expect(ask()).rejects.toMatchObject({ code: 'bad', retryable: false });
    await expect(ask()).rejects.toMatchObject({ code: 'inference-failed', retryable: true });
    expect((await ask()).result).toEqual(read);
  });

  it('fails all who wait for a job that fails, without running it once for each', async () => {
    let runs = 0;
    await work('read', async () => {
      runs++;
      throw new Error(JSON.stringify({ code: 'busy', message: 'try later', retryable: true }));
    });
    const asked = await Promise.allSettled([1, 2, 3].map(() => queues.read(readJob('t1'))));
    expect(asked.map((one) => one.status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(runs).toBe(1);
  });

  it('gives up after a while but finds the answer later', async () => {
    await expect(queues.read(readJob('t1'), { timeoutMs: 60 })).rejects.toMatchObject({ code: 'inference-timeout', retryable: true });
    expect((await queues.counts()).read).toMatchObject({ waiting: 1 });
    const asked = queues.read(readJob('t1'));
    await work('read', async () => read);
    expect((await asked).result).toEqual(read);
  });

  it('takes a job back that nobody wants any more', async () => {
    const stop = new AbortController();
    const asked = queues.read(readJob('t1'), { signal: stop.signal });
    asked.catch(() => {});
    await until(async () => (await queues.counts()).read.waiting).toBe(1);
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: 'inference-cancelled' });
    expect((await queues.counts()).read).toMatchObject({ waiting: 0, oldestMs: 0 });
    await expect(queues.read(readJob('t2'), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'inference-cancelled' });
  });

  it('passes deltas on in order, and none after the answer', async () => {
    const pieces = Array.from({ length: 40 }, (_, n) => `piece ${n} `);
    await work('write', async (job) => {
      for (const delta of pieces) await job.updateProgress({ delta });
      return { ...written, text: pieces.join('') };
    });
    const heard: string[] = [];
    const { result } = await queues.write(writeJob('t1'), { onDelta: (delta) => heard.push(delta) });
    expect(heard.join('')).toBe(result.text);
    await queues.write(writeJob('t2'), {});
    expect(heard).toEqual(pieces);
  });

  it('gives no pieces to whoever comes in the middle: they would not add up', async () => {
    let goOn = () => {};
    const begun = new Promise<void>((resolve) => {
      work('write', async (job) => {
        await job.updateProgress({ delta: 'One ' });
        resolve();
        await new Promise<void>((go) => {
          goOn = go;
        });
        await job.updateProgress({ delta: 'two three.' });
        return written;
      });
    });
    const [first, second]: string[][] = [[], []];
    const one = queues.write(writeJob('t1'), { onDelta: (delta) => first!.push(delta) });
    await begun;
    const two = queues.write(writeJob('t1'), { onDelta: (delta) => second!.push(delta) });
    await until(() => first).toEqual(['One ']);
    goOn();
    expect((await one).result).toEqual((await two).result);
    expect(first).toEqual(['One ', 'two three.']);
    expect(second).toEqual([]);
  });

  it('refuses a job or an answer that breaks the contract', async () => {
    await work('read', async () => ({ ...read, detected: ['bliss'] }));
    await expect(queues.read({ ...readJob('t1'), text: '' })).rejects.toThrow();
    expect((await queues.counts()).read.completed).toBe(0);
    await expect(queues.read(readJob('t2'))).rejects.toMatchObject({
      code: 'inference-invalid',
      retryable: false,
      message: expect.stringContaining('detected'),
    });
    await expect(queues.inbox.add({ ...message('m1'), platform: 3 } as never)).rejects.toThrow();
  });

  it('handles a message once however often it is delivered, in order', async () => {
    const handled: string[] = [];
    const ids = Array.from({ length: 30 }, (_, n) => `m${n}`);
    for (const id of ids) await queues.inbox.add(message(id));
    for (const id of ids) await queues.inbox.add(message(id));
    await queues.inbox.add(message('m0', 'another channel'));
    await queues.inbox.process(async (job) => void handled.push(idOf(job)), { concurrency: 1 });
    await until(() => handled.length).toBe(31);
    for (const id of ids) await queues.inbox.add(message(id));
    await queues.inbox.add(message('last'));
    await until(() => handled.at(-1)).toBe('last');
    expect(handled).toEqual([...ids, 'm0', 'last']);
  });

  it('tries again what failed, until it works', async () => {
    const attempts: number[] = [];
    await queues.inbox.process(async (_job, { attempt, queueMs }) => {
      attempts.push(attempt);
      expect(queueMs).toBeGreaterThanOrEqual(0);
      if (attempts.length < 3) throw new Error('database away');
    });
    await queues.inbox.add(message('m1'));
    await until(async () => (await queues.counts()).inbox.completed).toBe(1);
    expect(attempts).toEqual([1, 2, 3]);
  });

  it('does not try again what cannot work, and leaves nobody’s words in the failure', async () => {
    let runs = 0;
    await queues.inbox.process(async () => {
      runs++;
      throw new TroupeError('of-no-use', 'they said hello');
    });
    await queues.inbox.add(message('m1'));
    const inbox = await raw('inbox');
    await inbox.add('inbox', { type: 'message', nonsense: true });
    await until(async () => (await queues.counts()).inbox.failed).toBe(2);
    expect(runs).toBe(1);
    const failed = await inbox.getFailed();
    expect(failed.map((job) => JSON.parse(job.failedReason).code).sort()).toEqual(['job-invalid', 'of-no-use']);
    expect(JSON.stringify(failed.map((job) => [job.failedReason, job.stacktrace]))).not.toContain('hello');
  });

  it('calls for a conversation once at a time, and again afterwards', async () => {
    for (let n = 0; n < 5; n++) await queues.inbox.add({ type: 'resume', conversationId: 'c1' });
    await queues.inbox.add({ type: 'resume', conversationId: 'c2' });
    expect((await queues.counts()).inbox.waiting).toBe(2);
    let handled = 0;
    await queues.inbox.process(async () => void handled++);
    await until(async () => (await queues.counts()).inbox.completed).toBe(2);
    await queues.inbox.add({ type: 'resume', conversationId: 'c1' });
    await until(() => handled).toBe(3);
  });

  it('puts off what is to come later', async () => {
    const handled: string[] = [];
    await queues.inbox.process(async (job) => void handled.push(idOf(job)));
    await queues.inbox.add(message('later'), { delayMs: 300 });
    await queues.inbox.add(message('now'));
    await until(() => handled).toEqual(['now', 'later']);
  });

  it('counts what waits, how old it is, and what is being done', async () => {
    await queues.inbox.add(message('m1'));
    await queues.inbox.add(message('m2'), { delayMs: 60_000 });
    await queues.feedback.add({
      platform: 'web',
      event: { workspace: 'w', person: { id: 'p', name: 'n' }, target: { replyId: 'r' }, value: 'up', via: 'api', atMs: 1 },
    });
    const later = await openQueues(connection(), { log, now: () => Date.now() + 5_000 });
    closing.push(() => later.close());
    const counts = await later.counts();
    expect(counts.inbox).toMatchObject({ waiting: 1, delayed: 1, active: 0 });
    expect(counts.inbox.oldestMs).toBeGreaterThanOrEqual(5_000);
    expect(counts.inbox.oldestMs).toBeLessThan(60_000);
    expect(counts.feedback).toMatchObject({ waiting: 1 });
    expect(counts.write).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0, completed: 0, oldestMs: 0 });
    let goOn = () => {};
    await queues.feedback.process(() => new Promise<void>((resolve) => (goOn = resolve)));
    await until(async () => (await queues.counts()).feedback).toMatchObject({ waiting: 0, active: 1 });
    goOn();
  });

  it('waits for the handlers in hand when it ends, and rejects who still waits for an answer', async () => {
    let isDone = false;
    let goOn = () => {};
    await queues.inbox.process(async () => {
      await new Promise<void>((resolve) => (goOn = resolve));
      isDone = true;
    });
    await queues.inbox.add(message('m1'));
    await until(async () => (await queues.counts()).inbox.active).toBe(1);
    const asked = queues.read(readJob('t1'));
    asked.catch(() => {});
    const closed = close();
    goOn();
    await closed;
    expect(isDone).toBe(true);
    await expect(asked).rejects.toMatchObject({ code: 'queue-closed', retryable: true });
  });

  it('keeps no text once its time is over', async () => {
    await work('read', async (job) => {
      if (job.data.turnId === 't2') throw new UnrecoverableError('no');
      return { ...read, versions: { secret: 'answered' } };
    });
    await queues.read(readJob('t1', 'a secret'));
    await expect(queues.read(readJob('t2', 'a secret'))).rejects.toThrow();
    const transport = await openTransport(connection(), log);
    const queue = await raw('read');
    await tidy(transport, [queue], 60, 60);
    expect((await queue.getJobCounts()).completed).toBe(1);
    // Both clocks count in milliseconds: the jobs have to be older than now.
    await new Promise((resolve) => setTimeout(resolve, 5));
    await tidy(transport, [queue], 0, 0);
    expect(await queue.getJobs(['completed', 'failed'])).toEqual([]);
    const to = connection();
    if ('pool' in to) expect((await to.pool.query('SELECT * FROM bullmq.event WHERE data::text LIKE $1', ['%secret%'])).rows).toEqual([]);
    else {
      const client = new Redis(to.redisUrl);
      // That jobs were removed may still stand there; nothing of what was in them may.
      expect(JSON.stringify(await client.xrange('bull:read:events', '-', '+'))).not.toContain('secret');
      for (const key of await client.keys('*:read:*'))
        if ((await client.type(key)) === 'hash') expect(JSON.stringify(await client.hgetall(key))).not.toContain('secret');
      client.disconnect();
    }
    await transport.close();
  });

  it('takes over the job of a process that was killed', { timeout: 90_000 }, async () => {
    await close();
    await leave();
    const other = child(`
      await queues.inbox.process(async () => { console.log('begun'); await new Promise(() => {}); });
      await queues.inbox.add(${JSON.stringify(message('m1'))});
      await new Promise((resolve) => setInterval(resolve, 1000_000));`);
    expect(await other.next()).toBe('begun');
    const gone = once(other.process, 'exit');
    other.process.kill('SIGKILL');
    await gone;
    await comeBack();
    queues = await openMore();
    const attempts: number[] = [];
    await queues.inbox.process(async (_job, { attempt }) => void attempts.push(attempt));
    await until(() => attempts).toEqual([2]);
  });

  it('lost nothing that was acknowledged when the process is killed while it adds', { timeout: 90_000 }, async () => {
    await close();
    await leave();
    const other = child(`
      const job = ${JSON.stringify(message('ID'))};
      await queues.inbox.process(async () => {}, { concurrency: 2 });
      for (let n = 0; ; n++) {
        await queues.feedback.add({ platform: 'web', event: { workspace: 'w', person: { id: 'p', name: 'n' }, target: { replyId: String(n) }, value: 'up', via: 'api', atMs: n } });
        process.stdout.write(n + '\\n');
        await queues.inbox.add({ ...job, event: { ...job.event, id: String(n) } });
      }`);
    let acknowledged = -1;
    while (acknowledged < 80) acknowledged = Number(await other.next());
    other.process.kill('SIGKILL');
    for (let line = await other.next(); line !== undefined; line = await other.next()) acknowledged = Number(line);
    await comeBack();
    queues = await openMore();
    const found = new Set<number>();
    await queues.feedback.process(async ({ event }) => void found.add(event.atMs));
    await until(async () => (await queues.counts()).feedback).toMatchObject({ waiting: 0, active: 0 });
    expect(Array.from({ length: acknowledged + 1 }, (_, n) => n).filter((n) => !found.has(n))).toEqual([]);
  });
});
