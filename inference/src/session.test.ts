import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { type Feeds, openThreadSession, type Session } from './session.ts';

const log = pino({ level: 'silent' });
let session: Session | undefined;
afterEach(async () => {
  await session?.release();
  session = undefined;
});

test('runs in a thread and takes the feeds over', async () => {
  session = await open(echo);
  const given = feeds(1, 2);
  const { echoed } = await session.run(given);
  expect(echoed).toEqual({ type: 'int64', data: new BigInt64Array([1n, 2n]), dims: [2] });
  expect(given.ids?.data.length).toBe(0);
});

test('leaves the main thread free while it runs', async () => {
  session = await open(
    `${preamble} function answer(feeds) { const until = Date.now() + 200; while (Date.now() < until); return feeds.ids; }`,
  );
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  await session.run(feeds(1));
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(2);
});

test('keeps several lanes busy at the same time', async () => {
  session = await open(
    `${preamble} function answer(feeds) { const at = Date.now(); while (Date.now() < at + 150); return { type: 'int64', data: new BigInt64Array([BigInt(at), BigInt(Date.now())]), dims: [2] }; }`,
    2,
  );
  const spans = await Promise.all([1, 2].map(async (n) => (await (session as Session).run(feeds(n))).echoed?.data as BigInt64Array));
  const [[start1, end1], [start2, end2]] = spans as unknown as [[bigint, bigint], [bigint, bigint]];
  expect(start1 < end2 && start2 < end1).toBe(true);
});

test('says what the model refused and goes on', async () => {
  session = await open(
    `${preamble} function answer(feeds) { if (feeds.ids.data[0] === 7n) throw new Error('no sevens'); return feeds.ids; }`,
  );
  await expect(session.run(feeds(7))).rejects.toMatchObject({ code: 'run_failed', message: expect.stringContaining('no sevens') });
  await expect(session.run(feeds(8))).resolves.toBeDefined();
});

test('rejects the run of a thread that dies, retryable, and replaces the thread', async () => {
  session = await open(`${preamble} function answer(feeds) { if (feeds.ids.data[0] === 7n) process.exit(3); return feeds.ids; }`);
  const [dying, next] = await Promise.allSettled([session.run(feeds(7)), session.run(feeds(8))]);
  expect(dying).toMatchObject({ status: 'rejected', reason: { code: 'session_lost', retryable: true } });
  expect(next).toMatchObject({ status: 'fulfilled' });
});

test('does not start with a model that cannot be loaded', async () => {
  await expect(openThreadSession({ modelFile: '/nowhere/model.onnx', threads: 2, log })).rejects.toMatchObject({ code: 'session_failed' });
});

test('refuses runs after its release', async () => {
  session = await open(echo);
  await session.release();
  await expect(session.run(feeds(1))).rejects.toMatchObject({ code: 'session_released' });
});

const preamble = `
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', ({ id, feeds, release }) => {
    if (release) process.exit(0);
    try { parentPort.postMessage({ id, outputs: { echoed: answer(feeds) } }); }
    catch (error) { parentPort.postMessage({ id, error: error.message }); }
  });
  parentPort.postMessage({ ready: true });
`;
const echo = `${preamble} function answer(feeds) { return feeds.ids; }`;

async function open(source: string, threads = 1): Promise<Session> {
  const program = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  return openThreadSession({ modelFile: 'none', threads, log, program, restartDelayMs: 10 });
}

function feeds(...ids: number[]): Feeds {
  return { ids: { type: 'int64', data: new BigInt64Array(ids.map(BigInt)), dims: [ids.length] } };
}
