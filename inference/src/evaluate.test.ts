import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { evaluateWorker, judge } from './evaluate.ts';
import { readRegistry } from './registry.ts';

const log = pino({ level: 'silent' });
const settings = { modelsDir: 'models', threads: 1 };
const runsDir = mkdtempSync(join(tmpdir(), 'troupe-evaluate-'));
afterAll(() => rmSync(runsDir, { recursive: true }));

const alike = {
  version: 'v1',
  tokens: { texts: 10_000, different: 0, first: null },
  parity: { texts: 9000, emotionMax: 0.01, emotionMean: 0.0001, cosineMean: 0.99999, cosineLeast: 0.999 },
  inPieces: 0,
  figures: [{ name: 'macroF1', python: 0.527, worker: 0.5275 }],
};

it('finds nothing wrong where both sides agree', () => {
  expect(judge(alike)).toEqual([]);
});

it('names every figure that differs, and one that was not computed', () => {
  const figures = [
    { name: 'macroF1', python: 0.53, worker: 0.51 },
    { name: 'clincAccuracy', python: 0.96, worker: Number.NaN },
  ];
  expect(judge({ ...alike, figures })).toEqual([
    'macroF1 is 0.5100 here and 0.5300 in Python; 0.004 is allowed',
    'clincAccuracy is NaN here and 0.9600 in Python; 0.004 is allowed',
  ]);
});

it('tolerates no text that becomes other tokens', () => {
  expect(judge({ ...alike, tokens: { texts: 10_000, different: 2, first: '"naïve"' } })).toEqual([
    '2 of 10000 texts become other tokens here, the first is "naïve"',
  ]);
});

it('sees scores that drift although the figures hold', () => {
  expect(judge({ ...alike, parity: { ...alike.parity, emotionMean: 0.01, cosineMean: 0.99 } })).toHaveLength(2);
});

describe('refuses', () => {
  it('to compare with nothing, and says how to make it', async () => {
    const failure = await evaluateWorker({ settings, runsDir, log }).catch((error) => error);
    expect(failure).toMatchObject({
      code: 'evaluation_missing',
      message: expect.stringContaining('python -m training.evaluate --model models/'),
    });
  });

  it('figures of another model', async () => {
    const { models } = await readRegistry('models');
    const live = models.find((model) => model.task === 'encoder' && model.live)?.version as string;
    mkdirSync(join(runsDir, live, 'worker'), { recursive: true });
    writeFileSync(
      join(runsDir, live, 'worker', 'expected.json'),
      JSON.stringify({ model: 'ab'.repeat(32), classes: [], threshold: 0.2, figures: {} }),
    );
    await expect(evaluateWorker({ settings, runsDir, log })).rejects.toMatchObject({ code: 'evaluation_stale' });
  });

  it('a version that is not there', async () => {
    await expect(evaluateWorker({ settings, version: 'v999', runsDir, log })).rejects.toMatchObject({ code: 'model_missing' });
  });
});
