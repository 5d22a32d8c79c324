import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Key, writePairs } from './judge-pairs.ts';
import type { Transcript } from './judge-talks.ts';
import { run } from './models-default.ts';

let folder: string;
let said: string[];
const registry = {
  schema: 1,
  tasks: { encoder: { live: 'v1', versions: ['v1'] } },
  generator: { default: 'lines', note: 'of another program' },
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-default-'));
  said = [];
  writeFileSync(join(folder, 'registry.json'), JSON.stringify(registry));
  vi.stubEnv('MODELS_DIR', folder);
  vi.stubEnv('REDIS_URL', '');
  for (const stream of ['log', 'error'] as const) vi.spyOn(console, stream).mockImplementation((line) => void said.push(String(line)));
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

test('makes a generator the default that readers prefer, and keeps the judgement in the history', async () => {
  await judgement({ better: (n) => n % 5 !== 0, absurd: (n) => (n === 3 ? 1 : 0), theirs: (n) => (n < 3 ? 1 : 0) });
  expect(await run(['openai', '--judged', join(folder, 'judged'), '--by', 'Ada'])).toBe(0);
  const { generator } = now();
  expect(generator).toMatchObject({
    ...{ default: 'openai', note: 'of another program' },
    history: [
      { default: 'openai', previous: 'lines', by: 'Ada', forced: null, judged: { folder: 'judged', against: 'lines', readers: 1 } },
    ],
  });
  expect(generator.history[0].judged.keySha256).toMatch(/^[0-9a-f]{64}$/);
  expect(generator.history[0].judged.kinds.message).toMatchObject({ pairs: 30, asked: 30, preferred: { value: 0.8 } });
  expect(said.join('\n')).toContain('lines → openai, by Ada; by the judgement judged');
});

test.each([
  [
    'is preferred by a little only',
    { better: (n: number) => n < 17 },
    /in messages openai is preferred to lines in \d+\.\d %, by chance perhaps in \d+\.\d %/,
  ],
  [
    'is more often absurd',
    { better: () => true, absurd: (n: number) => Number(n < 2), theirs: (n: number) => Number(n < 1) },
    /6\.7 % of what openai says is absurd, against 3\.3 % of lines/,
  ],
  ['was judged on a few messages', { better: () => true, count: 10 }, /only 10 messages were judged; at least 20/],
  ['was compared with another', { better: () => true, b: 'nearest' }, /compared with nearest, but lines is the default now/],
  ['was not among the two', { better: () => true, a: 'local' }, /local and lines were judged, not openai/],
  ['left most replies to lines', { better: () => true, own: 3 }, /only 10\.0 % of its replies were openai's own/],
])('refuses one that %s, and touches nothing', async (_, given, reason) => {
  await judgement(given);
  expect(await run(['openai', '--judged', join(folder, 'judged')])).toBe(1);
  expect(said.join('\n')).toMatch(reason);
  expect(now()).toEqual(registry);
});

test('lets a refused one through by force, and says who and why', async () => {
  await judgement({ better: (n) => n % 2 === 0 });
  expect(await run(['openai', '--judged', join(folder, 'judged'), '--force'])).toBe(2);
  expect(now()).toEqual(registry);
  expect(await run(['openai', '--judged', join(folder, 'judged'), '--force', '--why', 'a trial', '--by', 'Ada'])).toBe(0);
  expect(now().generator.history[0]).toMatchObject({ judged: null, forced: { who: 'Ada', why: 'a trial' } });
  expect(await run(['lines', '--force', '--why', 'back again', '--by', 'Ada'])).toBe(0);
  expect(now().generator).toMatchObject({ default: 'lines', history: [{ default: 'openai' }, { default: 'lines', previous: 'openai' }] });
});

test('takes no sheet that is not filled in, nor a generator that does not exist', async () => {
  await judgement({ better: () => true });
  writeFileSync(join(folder, 'judged/verdicts.csv'), 'pair,better,absurd1,absurd2\n1,,,\n');
  await expect(run(['openai', '--judged', join(folder, 'judged')])).rejects.toMatchObject({ code: 'judge_invalid' });
  expect(await run(['gpt', '--judged', join(folder, 'judged')])).toBe(2);
  expect(await run(['openai'])).toBe(2);
  expect(now()).toEqual(registry);
});

interface Given {
  better: (n: number) => boolean;
  absurd?: (n: number) => number;
  theirs?: (n: number) => number;
  a?: string;
  b?: string;
  count?: number;
  /** Replies the generator made itself. */
  own?: number;
}

/** A judgement of `count` messages, one character and one reader: whether `a` was the better one in each, and where it or the other was absurd. */
async function judgement({
  better,
  absurd = () => 0,
  theirs = () => 0,
  a = 'openai',
  b = 'lines',
  count = 30,
  own = count,
}: Given): Promise<void> {
  const side = (name: string, by: (n: number) => string): Transcript => ({
    ...{ schema: 1, side: name, versions: {} },
    talks: Array.from({ length: count }, (_, n) => {
      const source = { generator: by(n), kind: 'model' as const, id: null };
      return { id: `m${n}`, kind: 'message', character: 'june', turns: [{ user: `says ${n}`, reply: `${name} ${n}`, line: null, source }] };
    }),
  });
  const cards = new Map([['june', { nickname: 'June', description: '' }]]);
  const options = { folder: join(folder, 'judged'), seed: '1', readers: 1, cards, at: new Date('2026-01-02T03:04:05Z') };
  const key = await writePairs(
    side(a, (n) => (n < own ? a : 'lines')),
    side(b, () => b),
    options,
  );
  const row = ({ pair, id, first }: Key['pairs'][number]) => {
    const n = Number(id.slice(1));
    const counts = [absurd(n), theirs(n)];
    return [pair, better(n) === (first === 'a') ? 1 : 2, ...(first === 'a' ? counts : counts.reverse())].join();
  };
  writeFileSync(join(folder, 'judged/verdicts.csv'), `pair,better,absurd1,absurd2\n${key.pairs.map(row).join('\n')}\n`);
}

function now() {
  return JSON.parse(readFileSync(join(folder, 'registry.json'), 'utf8'));
}
