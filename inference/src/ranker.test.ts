import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { fakeJob, line } from './fakes.ts';
import { type Draft, toRequest } from './generator.ts';
import { createRanker, openRanker, type RankerFile } from './ranker.ts';
import { readRegistry } from './registry.ts';

const modelsDir = fileURLToPath(new URL('../../models', import.meta.url));
const plain: RankerFile = { schema: 1, margin: 0.05, valence: {}, common: {}, low: {}, bright: {}, characters: {}, lines: {} };
const request = toRequest(fakeJob());
const asks = line('What happened?', 0.9);
const says = line('That is hard.', 0.88);
const far = line('Bananas are cheap.', 0.84);

const rank = (over: Partial<RankerFile>, drafts: Draft[] = [asks, says, far], of = request) =>
  createRanker('v1', { ...plain, ...over })
    .rank(of, drafts)
    .map(({ text }) => text);

test('one that has learnt nothing leaves every draft as it was', () => {
  expect(createRanker('v0', plain).rank(request, [asks, says, far])).toEqual([asks, says, far]);
  expect(createRanker('v0', plain).rank(request, [])).toEqual([]);
});

test('prefers among what fits nearly alike, and says so', () => {
  const [first, second] = createRanker('v1', { ...plain, common: { asks: -2 } }).rank(request, [asks, says, far]);
  expect([first?.text, second?.text]).toEqual([says.text, asks.text]);
  expect(first?.why).toMatch(/^it fits; votes \+0\.050$/);
});

test('never lifts what is further off than the margin over the first, whatever it learnt', () => {
  const extremes: RankerFile['common'][] = [{ asks: -1e6 }, { asks: 1e6 }, { length: 1e6 }, { length: -1e6 }, { 'face.caring': 1e6 }];
  for (const common of extremes) expect(rank({ common, lines: { [far.line as string]: 1e6 } })[0]).not.toBe(far.text);
});

test('knows the character, the moment and the line', () => {
  expect(rank({ characters: { delia: { asks: -2 } } })[0]).toBe(says.text);
  expect(rank({ characters: { june: { asks: -2 } } })[0]).toBe(asks.text);
  expect(rank({ lines: { [asks.line as string]: -2 } })[0]).toBe(says.text);
  const low = toRequest(fakeJob({ mood: { label: 'sadness', valence: -0.8, intensity: 0.9, turns: 3 } }));
  expect([rank({ low: { asks: -2 } }, undefined, low)[0], rank({ low: { asks: -2 } })[0]]).toEqual([says.text, asks.text]);
});

test('gives the scores that training gave, for what ships', async () => {
  const registry = await readRegistry(modelsDir);
  const version = registry.models.find(({ task, live }) => task === 'ranker' && live)?.version as string;
  const ranker = await openRanker(registry);
  expect(ranker?.version).toBe(version);
  checkGolden(join(modelsDir, 'ranker', version), ranker);
});

test('is none where the registry names none, and refused by name where its file is not one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-ranker-'));
  try {
    cpSync(join(modelsDir, 'ranker'), join(folder, 'ranker'), { recursive: true });
    const registry = await readRegistry(modelsDir);
    expect(await openRanker({ ...registry, models: registry.models.filter(({ task }) => task !== 'ranker') })).toBe(null);
    const live = registry.models.find(({ task, live }) => task === 'ranker' && live)!;
    const file = join(folder, 'ranker', live.version, 'ranker.json');
    writeFileSync(file, '{}');
    await expect(openRanker({ ...registry, modelsDir: folder })).rejects.toMatchObject({
      code: 'model_damaged',
      message: expect.stringContaining('ranker.json'),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function checkGolden(folder: string, ranker: Awaited<ReturnType<typeof openRanker>>): void {
  const rows = readFileSync(join(folder, 'golden.jsonl'), 'utf8').trim().split('\n');
  expect(rows.length).toBeGreaterThan(2);
  for (const row of rows) {
    const { character, emotions, mood, candidates, scores } = JSON.parse(row);
    const given = { job: fakeJob({ character, mood: { label: 'neutral', turns: 0, valence: 0, intensity: 0, ...mood } }), emotions };
    const ranked = ranker?.rank(given, candidates) ?? [];
    expect(ranked.map(({ text }) => text)).toEqual(scores.map(([text]: [string]) => text));
    ranked.forEach(({ score }, i) => void expect(score).toBeCloseTo(scores[i][1], 9));
  }
}
