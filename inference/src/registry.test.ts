import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRegistry, verifyLive } from './registry.ts';

let folder: string;
const weights = Buffer.from('weights');
const sum = createHash('sha256').update(weights).digest('hex');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-registry-'));
  mkdirSync(join(folder, 'encoder/v2'), { recursive: true });
  write('registry.json', { schema: 1, tasks: { encoder: { live: 'v2', versions: ['v1', 'v2'] } }, generator: { default: 'lines' } });
  write('encoder/v2/manifest.json', {
    task: 'encoder',
    version: 'v2',
    files: [{ path: 'model.int8.onnx', bytes: weights.length, sha256: sum }],
  });
  writeFileSync(join(folder, 'encoder/v2/model.int8.onnx'), weights);
});
afterEach(() => rmSync(folder, { recursive: true }));

test('names every version and which one is live', async () => {
  const registry = await readRegistry(folder);
  expect(registry.models).toEqual([
    { task: 'encoder', version: 'v1', arm: 'kept', live: false },
    { task: 'encoder', version: 'v2', arm: 'live', live: true },
  ]);
  expect(registry.defaultGenerator).toBe('lines');
});

test('accepts a version whose files are whole', async () => {
  const model = await verifyLive(await readRegistry(folder), 'encoder');
  expect(model).toEqual({ task: 'encoder', version: 'v2', folder: join(folder, 'encoder/v2'), sha256: { 'model.int8.onnx': sum } });
});

test('names the path and the expected sum of a damaged file', async () => {
  writeFileSync(join(folder, 'encoder/v2/model.int8.onnx'), 'weighty');
  const error = await failure(verifyLive(await readRegistry(folder), 'encoder'));
  expect(error).toMatchObject({ code: 'model_damaged', retryable: false });
  expect(error.message).toContain(join(folder, 'encoder/v2/model.int8.onnx'));
  expect(error.message).toContain(sum);
});

test('notices a file that was cut short', async () => {
  writeFileSync(join(folder, 'encoder/v2/model.int8.onnx'), 'weig');
  expect(await failure(verifyLive(await readRegistry(folder), 'encoder'))).toMatchObject({ code: 'model_damaged' });
});

test('names the path and the expected sum of a missing file', async () => {
  rmSync(join(folder, 'encoder/v2/model.int8.onnx'));
  const error = await failure(verifyLive(await readRegistry(folder), 'encoder'));
  expect(error).toMatchObject({ code: 'model_missing' });
  expect(error.message).toContain(sum);
});

test('says which setting is wrong when there is no registry', async () => {
  const error = await failure(readRegistry(join(folder, 'nowhere')));
  expect(error).toMatchObject({ code: 'registry_missing' });
  expect(error.message).toContain('MODELS_DIR');
});

test('refuses a registry whose live version is none of its versions', async () => {
  write('registry.json', { schema: 1, tasks: { encoder: { live: 'v9', versions: ['v2'] } }, generator: { default: 'lines' } });
  expect(await failure(readRegistry(folder))).toMatchObject({ code: 'registry_invalid' });
});

function write(path: string, content: unknown): void {
  writeFileSync(join(folder, path), JSON.stringify(content));
}

async function failure(promise: Promise<unknown>): Promise<Error & { code: string }> {
  return promise.then(
    () => expect.unreachable('it should have rejected'),
    (error) => error,
  );
}
