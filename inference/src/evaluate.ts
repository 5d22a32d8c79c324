// The worker's own answers to what training/evaluate.py asked: through this side's tokenizer, session and reader, one message at a time.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { decodeEmbedding, dot } from './encoder.ts';
import { InferenceError } from './errors.ts';
import { calibrationError, macroF1, mean, microF1, rankOf, recallBelow } from './measures.ts';
import { openEncoder } from './onnx-encoder.ts';
import { createReader } from './reader.ts';
import { readRegistry } from './registry.ts';
import type { Settings } from './settings.ts';
import { openTokenizer } from './tokenizer.ts';
import { windowsOf } from './windows.ts';

export interface Comparison {
  version: string;
  tokens: { texts: number; different: number; first: string | null };
  /** Texts that both sides read whole; the worker reads longer ones in pieces. */
  parity: { texts: number; emotionMax: number; emotionMean: number; cosineMean: number; cosineLeast: number };
  inPieces: number;
  figures: { name: string; python: number; worker: number }[];
  /** What is beyond tolerance, a sentence each. */
  wrong: string[];
}

export interface EvaluateOptions {
  settings: Pick<Settings, 'modelsDir' | 'threads'>;
  /** The live one by default. */
  version?: string | undefined;
  /** training/runs/evaluation. */
  runsDir: string;
  log: Logger;
  progress?: (done: number, total: number) => void;
}

/** Kernels differ a little between processors and builds of the runtime: a text at a threshold may fall to either side of it. */
export const tolerances = { figure: 0.004, emotionMean: 0.002, emotionMax: 0.15, cosineMean: 0.999 };

/** Rejects with the registry's errors, or `evaluation_missing`, `evaluation_stale`. */
export async function evaluateWorker({ settings, version, runsDir, log, progress }: EvaluateOptions): Promise<Comparison> {
  const registry = await readRegistry(settings.modelsDir);
  const live = registry.models.find(({ task, live }) => task === 'encoder' && live)?.version;
  const wanted = version ?? live ?? '';
  // Whatever is asked for stands in for the live version, for this process alone.
  const others = registry.models.filter(({ task }) => task !== 'encoder');
  const asked = { ...registry, models: [...others, { task: 'encoder', version: wanted, arm: 'live', live: true }] };
  const encoder = await openEncoder({ registry: asked, threads: settings.threads, log });
  try {
    const { labels, thresholds, dimensions, maxTokens } = encoder.config;
    const folder = join(runsDir, wanted, 'worker');
    const expected = await readExpected(folder, wanted, encoder.checksum);
    const tokenize = await openTokenizer(join(settings.modelsDir, 'encoder', wanted), maxTokens);
    const tokens = await compareTokens(folder, tokenize);

    const reader = createReader({
      encoder,
      intents: { version: 'none', classify: () => ({ name: null, confidence: 0, alternatives: [] }) },
    });
    const emotion = await lines(folder, 'emotion', z.object({ text: z.string(), labels: z.array(z.number()) }));
    const intents = await lines(folder, 'intents', z.object({ text: z.string(), intent: z.string() }));
    const situations = await lines(folder, 'situations', z.object({ text: z.string() }));
    const total = emotion.length + intents.length + situations.length;
    let done = 0;
    const read = async (rows: readonly { text: string }[]) => {
      const readings: { emotions: Float32Array; embedding: Float32Array }[] = [];
      for (const { text } of rows) {
        const { emotions, embedding } = await reader.read(text);
        const scores = new Map(emotions.map(({ label, score }) => [label, score]));
        readings.push({ emotions: Float32Array.from(labels, (label) => scores.get(label) ?? 0), embedding: decodeEmbedding(embedding) });
        progress?.(++done, total);
      }
      return readings;
    };

    const felt = (await read(emotion)).map(({ emotions }) => emotions);
    const truths = emotion.map(({ labels: of }) => new Set(of));
    const meant = (await read(intents)).map(({ embedding }) => embedding);
    const found = (await read(situations)).map(({ embedding }) => embedding);

    const whole = (rows: readonly { text: string }[]) =>
      rows.map(({ text }, i) => (windowsOf(text).length === 1 ? i : -1)).filter((i) => i >= 0);
    const python = { emotion: await matrix(folder, 'emotion', labels.length), intents: await matrix(folder, 'intents', dimensions) };
    const apart = whole(emotion).flatMap((i) => labels.map((_, l) => Math.abs((felt[i]?.[l] ?? 0) - (python.emotion[i]?.[l] ?? 0))));
    const cosines = whole(intents).map((i) => dot(meant[i] as Float32Array, python.intents[i] as Float32Array));
    const parity = {
      texts: whole(emotion).length + whole(intents).length,
      emotionMax: apart.reduce((most, difference) => Math.max(most, difference), 0),
      emotionMean: mean(apart),
      cosineMean: mean(cosines),
      cosineLeast: cosines.reduce((least, cosine) => Math.min(least, cosine), 1),
    };

    const one = labels.map(() => expected.threshold);
    const own: Record<string, number> = {
      macroF1: macroF1(felt, truths, one),
      macroF1PerLabel: macroF1(felt, truths, thresholds),
      microF1: microF1(felt, truths, one),
      ece: calibrationError(felt, truths),
      ...intentFigures(
        intents,
        meant,
        expected.classes,
        await matrix(folder, 'intent-weights', dimensions + 1),
        await matrix(folder, 'intent-train', dimensions),
      ),
      ...situationFigures(found, await matrix(folder, 'situation-means', dimensions)),
    };
    const figures = Object.entries(expected.figures).map(([name, value]) => ({ name, python: value, worker: own[name] ?? Number.NaN }));
    const comparison = { version: wanted, tokens, parity, inPieces: emotion.length - whole(emotion).length, figures };
    return { ...comparison, wrong: judge(comparison) };
  } finally {
    await encoder.close();
  }
}

export function judge({ tokens, parity, figures }: Omit<Comparison, 'wrong'>): string[] {
  const wrong = figures
    .filter(({ python, worker }) => !(Math.abs(worker - python) <= tolerances.figure))
    .map(
      ({ name, python, worker }) =>
        `${name} is ${worker.toFixed(4)} here and ${python.toFixed(4)} in Python; ${tolerances.figure} is allowed`,
    );
  if (tokens.different > 0)
    wrong.push(`${tokens.different} of ${tokens.texts} texts become other tokens here, the first is ${tokens.first}`);
  if (parity.emotionMean > tolerances.emotionMean) wrong.push(`emotions are ${parity.emotionMean.toFixed(4)} apart on average`);
  if (parity.emotionMax > tolerances.emotionMax) wrong.push(`an emotion is ${parity.emotionMax.toFixed(3)} apart`);
  if (parity.cosineMean < tolerances.cosineMean) wrong.push(`embeddings have a cosine of ${parity.cosineMean.toFixed(4)} on average`);
  return wrong;
}

const Expected = z.object({
  model: z.string(),
  classes: z.array(z.string()),
  threshold: z.number(),
  figures: z.record(z.string(), z.number()),
});

async function readExpected(folder: string, version: string, checksum: string): Promise<z.infer<typeof Expected>> {
  const file = join(folder, 'expected.json');
  const make = `python -m training.evaluate --model models/encoder/${version}`;
  if (!existsSync(file)) throw new InferenceError('evaluation_missing', `${file} is not here; make it with ${make}`);
  const expected = Expected.parse(JSON.parse(await readFile(file, 'utf8')));
  if (expected.model !== checksum)
    throw new InferenceError('evaluation_stale', `${file} was made with another model than the one in place; make it again with ${make}`);
  return expected;
}

async function compareTokens(folder: string, tokenize: (text: string) => number[]): Promise<Comparison['tokens']> {
  const rows = await lines(folder, 'tokens', z.object({ text: z.string(), ids: z.array(z.number()) }));
  const different = rows.filter(({ text, ids }) => tokenize(text).join(' ') !== ids.join(' '));
  return { texts: rows.length, different: different.length, first: different[0] ? JSON.stringify(different[0].text) : null };
}

/** Weights and bias of each class; probability is a softmax over them. Nearness is the cosine to the nearest text the classes were learned from. */
function intentFigures(
  rows: readonly { intent: string }[],
  embeddings: readonly Float32Array[],
  classes: readonly string[],
  weights: readonly Float32Array[],
  train: readonly Float32Array[],
): Record<string, number> {
  const judged = embeddings.map((embedding, i) => {
    const scores = weights.map((row) => dot(row.subarray(0, embedding.length), embedding) + (row[embedding.length] as number));
    const best = scores.reduce((top, score, c) => (score > (scores[top] as number) ? c : top), 0);
    const top = 1 / scores.reduce((sum, score) => sum + Math.exp(score - (scores[best] as number)), 0);
    const nearest = train.reduce((near, row) => Math.max(near, dot(row, embedding)), 0);
    const intent = rows[i]?.intent as string;
    return { inside: intent !== 'oos', right: classes[best] === intent, top, close: top * nearest ** 4 };
  });
  const inside = judged.filter((row) => row.inside);
  const outside = judged.filter((row) => !row.inside);
  const recall = (key: 'top' | 'close') =>
    recallBelow(
      inside.map((row) => row[key]),
      outside.map((row) => row[key]),
      0.03,
    );
  return {
    clincAccuracy: inside.filter(({ right }) => right).length / inside.length,
    clincOosRecallAt3: recall('top'),
    clincOosRecallSimilarityAt3: recall('close'),
  };
}

/** Text i asks for situation i. */
function situationFigures(embeddings: readonly Float32Array[], means: readonly Float32Array[]): Record<string, number> {
  const ranks = embeddings.map((embedding, i) =>
    rankOf(
      means.map((row) => dot(row, embedding)),
      i,
    ),
  );
  const within = (places: number) => ranks.filter((rank) => rank < places).length / ranks.length;
  return { situationMeanTop1: within(1), situationMeanTop5: within(5) };
}

async function lines<T>(folder: string, name: string, schema: z.ZodType<T>): Promise<T[]> {
  const text = await readFile(join(folder, `${name}.jsonl`), 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => schema.parse(JSON.parse(line)));
}

async function matrix(folder: string, name: string, width: number): Promise<Float32Array[]> {
  const bytes = await readFile(join(folder, `${name}.f32`));
  if (endianness() === 'BE') bytes.swap32();
  const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return Array.from({ length: numbers.length / width }, (_, row) => numbers.subarray(row * width, (row + 1) * width));
}
