// One measurement of whole turns: a Troupe of its own in a process of its own, driven over HTTP.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, startPostgres, startRedis } from '../../test/services.ts';

export const STORES = ['embedded', 'redis+postgres'] as const;

export interface TurnFigures {
  store: (typeof STORES)[number];
  /** From the start of the process to the first reply. */
  firstReplyMs: number;
  p50Ms: number;
  p95Ms: number;
  turnsPerSecond: number;
  loadP95Ms: number;
  residentBytes: number;
}

export async function benchTurn({
  store,
  turns,
  users,
}: {
  store: TurnFigures['store'];
  turns: number;
  users: number;
}): Promise<TurnFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-bench-'));
  const services = store === 'embedded' ? [] : await Promise.all([startRedis(), startPostgres()]);
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const [redis, postgres] = services;
  const stores = redis && postgres ? { REDIS_URL: redis.url, DATABASE_URL: postgres.url } : {};
  const startedMs = performance.now();
  const troupe = spawn(process.execPath, startArguments, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...withoutSettings(),
      ...stores,
      DATA_DIR: folder,
      PORT: String(port),
      LIMIT_PER_PERSON: 'off',
      GENERATOR: 'lines',
      LOG_LEVEL: 'error',
    },
  });
  try {
    await reachable(base, troupe);
    await chat(base, { message: 'hello', conversation: 'first', user: 'first' });
    const firstReplyMs = performance.now() - startedMs;
    for (let i = 0; i < 20; i++) await chat(base, { message: say(i), conversation: 'warm', user: 'warm' });
    const single: number[] = [];
    for (let i = 0; i < turns; i++) single.push(await chat(base, { message: say(i), conversation: `single-${i >> 3}`, user: 'single' }));
    const loaded: number[] = [];
    const loadStartMs = performance.now();
    const perUser = Math.ceil((turns * 4) / users);
    await Promise.all(
      Array.from({ length: users }, async (_, user) => {
        for (let i = 0; i < perUser; i++)
          loaded.push(await chat(base, { message: say(user * 7 + i), conversation: `load-${user}`, user: `load-${user}` }));
      }),
    );
    const seconds = (performance.now() - loadStartMs) / 1000;
    return {
      store,
      firstReplyMs,
      p50Ms: quantile(single, 0.5),
      p95Ms: quantile(single, 0.95),
      turnsPerSecond: (perUser * users) / seconds,
      loadP95Ms: quantile(loaded, 0.95),
      residentBytes: await resident(base),
    };
  } finally {
    await ended(troupe);
    await Promise.all(services.map((service) => service.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What `npm start` gives Node: npm itself is left out. */
const [, ...startArguments] = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts.start.split(' ') as string[];

/** Everyday messages of the corpus' own map: what people say, in their words. */
const messages = readFileSync(join(root, 'characters/situations.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => (JSON.parse(line) as { examples: string[] }).examples[2] ?? 'hello');
const say = (i: number) => messages[(i * 37) % messages.length] as string;

/** A bench must not be steered by the operator's own tokens and stores. */
function withoutSettings(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LANG } = process.env;
  return { PATH, HOME, TMPDIR, LANG };
}

async function chat(base: string, body: object): Promise<number> {
  const startedMs = performance.now();
  const response = await fetch(`${base}/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`POST /v1/chat answered ${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
  return performance.now() - startedMs;
}

async function reachable(base: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const up = await fetch(`${base}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw Object.assign(new Error(`Troupe ended with status ${child.exitCode} before it was ready; its last lines are above`), {
    code: 'start-failed',
  });
}

async function resident(base: string): Promise<number> {
  const text = await (await fetch(`${base}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

function quantile(values: number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
