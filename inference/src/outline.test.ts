// The shipped model's file, and files that are none.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterAll, expect, test } from 'vitest';
import { readRegistryFile } from './registry.ts';
import { type Feeds, openThreadSession } from './session.ts';

const { outlineOf } = (await import(new URL('./outline.mjs', import.meta.url).href)) as {
  outlineOf(file: string, location: string): Buffer;
};
const models = fileURLToPath(new URL('../../models', import.meta.url));
const { live } = (await readRegistryFile(models)).tasks.encoder as { live: string };
const shipped = join(models, 'encoder', live, 'model.int8.onnx');
const folder = mkdtempSync(join(tmpdir(), 'troupe-outline-'));
afterAll(() => rmSync(folder, { recursive: true }));
const log = pino({ level: 'silent' });

test('leaves the large weights in the file, and the model answers as the whole file does', async () => {
  const outline = outlineOf(shipped, basename(shipped));
  expect(outline.length).toBeLessThan(statSync(shipped).size / 10);
  const whole = await answer(shipped, wholeProgram);
  const mapped = await answer(shipped);
  expect(mapped.length).toBeGreaterThan(0);
  expect(mapped).toEqual(whole);
});

test('takes an outline as it is: nothing in it is large', () => {
  const file = join(folder, 'small.onnx');
  const outline = outlineOf(shipped, basename(shipped));
  writeFileSync(file, outline);
  expect(outlineOf(file, 'elsewhere').equals(outline)).toBe(true);
});

test('refuses a file that was cut short, or is no model', async () => {
  const file = join(folder, 'cut.onnx');
  writeFileSync(file, readFileSync(shipped).subarray(0, 1_000_000));
  expect(() => outlineOf(file, 'cut.onnx')).toThrow(/no ONNX file/);
  await expect(openThreadSession({ modelFile: file, threads: 1, log })).rejects.toMatchObject({ code: 'session_failed' });
  writeFileSync(file, 'This is a letter, and a long one at that.');
  expect(() => outlineOf(file, 'cut.onnx')).toThrow(/no ONNX file/);
});

const wholeProgram = `
  import { parentPort, workerData } from 'node:worker_threads';
  import ort from ${JSON.stringify(import.meta.resolve('onnxruntime-node'))};
  const session = await ort.InferenceSession.create(workerData.modelFile, { executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });
  parentPort.on('message', async ({ id, feeds, release }) => {
    if (release) process.exit(0);
    const inputs = Object.fromEntries(Object.entries(feeds).map(([name, { type, data, dims }]) => [name, new ort.Tensor(type, data, dims)]));
    const { embedding } = await session.run(inputs);
    parentPort.postMessage({ id, outputs: { embedding: { type: 'float32', data: embedding.data, dims: [...embedding.dims] } } });
  });
  parentPort.postMessage({ ready: true });
`;

/** The embedding of a few made-up tokens. */
async function answer(modelFile: string, program?: string): Promise<number[]> {
  const session = await openThreadSession({
    modelFile,
    threads: 1,
    log,
    ...(program && { program: new URL(`data:text/javascript,${encodeURIComponent(program)}`) }),
  });
  const ids = [101n, 2023n, 2003n, 1037n, 3231n, 102n];
  const feeds: Feeds = {
    input_ids: { type: 'int64', data: new BigInt64Array(ids), dims: [1, ids.length] },
    attention_mask: { type: 'int64', data: new BigInt64Array(ids.map(() => 1n)), dims: [1, ids.length] },
  };
  const { embedding } = await session.run(feeds);
  await session.release();
  return Array.from(embedding?.data as Float32Array);
}
