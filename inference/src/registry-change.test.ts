import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { before, promote, rollback } from './registry-change.ts';

let folder: string;
const note = { by: 'Ada', why: 'it reads better', at: new Date('2026-01-02T03:04:05Z') };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-change-'));
  for (const version of ['v1', 'v2', 'v3']) release(version);
  write({ live: 'v1', versions: ['v1', 'v2', 'v3', 'v4'], note: 'of another program' });
});
afterEach(() => rmSync(folder, { recursive: true }));

test('makes a version live and says who did it and why', async () => {
  const line = { live: 'v2', previous: 'v1', at: '2026-01-02T03:04:05.000Z', by: 'Ada', why: 'it reads better', forced: null };
  expect(await promote(folder, 'taste', 'v2', note)).toEqual(line);
  expect(read()).toEqual({
    schema: 1,
    tasks: { taste: { live: 'v2', versions: ['v1', 'v2', 'v3', 'v4'], note: 'of another program', history: [line] } },
    generator: { default: 'lines' },
  });
  expect(readdirSync(folder)).toEqual(['registry.json', 'taste']);
});

test('changes nothing where the version is live already', async () => {
  const untouched = text();
  expect(await promote(folder, 'taste', 'v1', note)).toBe(null);
  expect(text()).toBe(untouched);
});

test('goes back step by step, and forward again from there', async () => {
  await promote(folder, 'taste', 'v2', note);
  await promote(folder, 'taste', 'v3', note);
  expect(await rollback(folder, 'taste', note)).toMatchObject({ live: 'v2', previous: 'v3' });
  expect(await rollback(folder, 'taste', note)).toMatchObject({ live: 'v1', previous: 'v2' });
  await expect(rollback(folder, 'taste', note)).rejects.toMatchObject({ code: 'no_previous' });
  await promote(folder, 'taste', 'v3', note);
  expect(await rollback(folder, 'taste', note)).toMatchObject({ live: 'v1' });
  expect(read().tasks.taste.history).toHaveLength(6);
});

test('finds no way back where the history ends at another version', () => {
  const line = { live: 'v2', previous: 'v1', at: '', by: 'Ada', why: null, forced: null };
  expect(before('v2', [line])).toBe('v1');
  expect(before('v7', [line])).toBe(undefined);
  expect(before('v1', [{ ...line, live: 'v1', previous: null }])).toBe(undefined);
});

test.each([
  ['a task nobody knows', 'weather', 'v2', 'task_unknown', 'taste'],
  ['a version nobody released', 'taste', 'v9', 'version_unknown', 'v1, v2, v3, v4'],
  ['a version whose folder is gone', 'taste', 'v4', 'model_missing', 'v4'],
])('refuses %s and touches nothing', async (_, task, version, code, named) => {
  const untouched = text();
  await expect(promote(folder, task, version, note)).rejects.toMatchObject({ code, message: expect.stringContaining(named) });
  expect(text()).toBe(untouched);
});

test('refuses a damaged version and touches nothing', async () => {
  writeFileSync(join(folder, 'taste/v3/weights'), 'wrong');
  const untouched = text();
  await expect(promote(folder, 'taste', 'v3', note)).rejects.toMatchObject({ code: 'model_damaged' });
  expect(text()).toBe(untouched);
});

test('refuses a ranker that could not serve, by its file', async () => {
  release('v1', 'ranker');
  release('v2', 'ranker');
  const registry = JSON.parse(text());
  registry.tasks.ranker = { live: 'v1', versions: ['v1', 'v2'] };
  writeFileSync(join(folder, 'registry.json'), JSON.stringify(registry));
  const refused = { code: 'model_invalid', message: expect.stringContaining('ranker/v2/ranker.json is no ranker of schema 1') };
  await expect(promote(folder, 'ranker', 'v2', note)).rejects.toMatchObject(refused);
});

test('refuses to go back to a version that was damaged since', async () => {
  await promote(folder, 'taste', 'v2', note);
  rmSync(join(folder, 'taste/v1/weights'));
  await expect(rollback(folder, 'taste', note)).rejects.toMatchObject({ code: 'model_missing' });
  expect(read().tasks.taste.live).toBe('v2');
});

test('says so where the registry cannot be written, and leaves the old', async () => {
  // Where its file for the new registry should come, a folder stands: that stops root too.
  mkdirSync(join(folder, `registry.json.${process.pid}.new`, 'full'), { recursive: true });
  chmodSync(folder, 0o555);
  const untouched = text();
  await expect(promote(folder, 'taste', 'v2', note)).rejects.toMatchObject({ code: 'registry_unwritable' });
  expect(text()).toBe(untouched);
  chmodSync(folder, 0o755);
});

function release(version: string, task = 'taste'): void {
  mkdirSync(join(folder, task, version), { recursive: true });
  const weights = Buffer.from(`weights of ${version}`);
  writeFileSync(join(folder, task, version, 'weights'), weights);
  const files = [{ path: 'weights', bytes: weights.length, sha256: createHash('sha256').update(weights).digest('hex') }];
  writeFileSync(join(folder, task, version, 'manifest.json'), JSON.stringify({ task, version, files }));
}

function write(taste: object): void {
  writeFileSync(join(folder, 'registry.json'), JSON.stringify({ schema: 1, tasks: { taste }, generator: { default: 'lines' } }));
}

function text(): string {
  return readFileSync(join(folder, 'registry.json'), 'utf8');
}

function read() {
  return JSON.parse(text());
}
