// Intents: which skill a message asks for, learned at load from the skills' examples. No training run.
//
// A softmax regression over embeddings says which of the classes (skills, and one of everything else: out-of-scope examples and ordinary chat);
// its probability is multiplied by the third power of the similarity to that skill's nearest example, so that far-away messages do not count.
// Thresholds come from held-out folds of the very same examples.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import type { Intent } from './contract.ts';
import { dot } from './encoder.ts';
import { type Rows, rowsOf } from './lines/rows.ts';
import { OUT_OF_SCOPE, readSkillExamples, type SkillExamples } from './skill-examples.ts';
import { fitSoftmax, predictSoftmax, type Softmax } from './softmax.ts';
import type { Vectors } from './vectors.ts';

export interface Intents {
  /** Of what was learned: the examples' content hash. */
  readonly version: string;
  /** Confidence 0.5 is a skill's threshold, 1 certainty. */
  classify(embedding: Float32Array): Intent;
}

export interface IntentsOptions {
  skillsDir: string;
  /** Ordinary things people say, which no skill with facts should take for its own. */
  chat: readonly string[];
  vectors: Vectors;
  /** What was learned belongs to it. */
  encoderChecksum: string;
  cacheDir: string;
  log: Logger;
}

/** Rejects with `skill_invalid` or the encoder's error. */
export async function openIntents({ skillsDir, chat, vectors, encoderChecksum, cacheDir, log }: IntentsOptions): Promise<Intents> {
  const skills = await readSkillExamples(skillsDir);
  const version = createHash('sha256')
    .update(JSON.stringify([method, encoderChecksum, skills, chat]))
    .digest('hex')
    .slice(0, 12);
  await vectors.fill([...skills.flatMap(({ examples }) => examples), ...chat]);
  const set = toTrainingSet(skills, chat, vectors);
  const file = join(cacheDir, `intents-${version}.json`);
  const kept = await readLearned(file);
  const learned = kept ?? (await learn(set));
  if (!kept)
    await writeLearned(file, learned).catch((error) =>
      log.warn({ err: error, file }, 'the intents cannot be kept; they are learned again at the next start'),
    );
  log.info({ skills: set.names.length - 1, examples: set.labels.length, thresholds: learned.thresholds }, 'intents learned');
  return { version, classify: (embedding) => classify(set, learned, embedding) };
}

export interface TrainingSet {
  /** Class names; the last is everything else. */
  names: string[];
  hasFacts: boolean[];
  rows: Float32Array;
  dimensions: number;
  labels: number[];
  /** Those of skills, which stand first. */
  compared: Rows;
}

export interface Learned {
  softmax: Softmax;
  thresholds: { facts: number; chat: number };
}

export async function learn(set: TrainingSet): Promise<Learned> {
  const { rows, dimensions, labels, names } = set;
  const options = { dimensions, classes: names.length, strength };
  const softmax = await fitSoftmax({ ...options, rows, labels, maxIterations: iterations.first });
  const heldOut: HeldOut[] = [];
  for (let fold = 0; fold < folds; fold++) {
    const inFold = (r: number) => (r * 7919) % folds === fold;
    const part = select(set, (r) => !inFold(r));
    const without = await fitSoftmax({ ...options, rows: part.rows, labels: part.labels, maxIterations: iterations.fold, from: softmax });
    for (let r = 0; r < labels.length; r++) {
      if (!inFold(r)) continue;
      const [best] = ranked(part, without, row(set, r));
      heldOut.push({ label: labels[r] as number, guess: best?.label ?? -1, score: best?.score ?? 0 });
    }
  }
  return { softmax, thresholds: { facts: threshold(set, heldOut, true), chat: threshold(set, heldOut, false) } };
}

/** Exported for measurements; the public door is `openIntents`. */
export function classify(set: TrainingSet, { softmax, thresholds }: Learned, embedding: Float32Array): Intent {
  const alternatives = ranked(set, softmax, embedding).map(({ label, score }) => ({
    name: set.names[label] as string,
    confidence: confidence(score, set.hasFacts[label] ? thresholds.facts : thresholds.chat),
  }));
  alternatives.sort((a, b) => b.confidence - a.confidence);
  const best = alternatives[0];
  return {
    name: best && best.confidence >= 0.5 ? best.name : null,
    confidence: best?.confidence ?? 0,
    alternatives: alternatives.slice(0, 5),
  };
}

const strength = 30;
const folds = 3;
const iterations = { first: 30, fold: 6 };
const similarityPower = 3;
const lowest = 0.02;
/** A skill with facts interrupts; elsewhere a wrong guess costs little. `own` may fall below, of others' messages `wrong` may reach it. */
const facts = { own: 0.2, wrong: 0.005 };
const chatty = { own: 0.15, wrong: 0.05 };
/** Never so high that more of the own are lost. */
const mostOwnLost = 0.4;
/** Counts for the cache: what was learned by another method is learned again. */
const method = { strength, folds, iterations, similarityPower, lowest, facts, chatty, mostOwnLost };

interface HeldOut {
  label: number;
  guess: number;
  score: number;
}

function threshold({ hasFacts, names }: TrainingSet, heldOut: HeldOut[], withFacts: boolean): number {
  const isKind = (label: number) => label >= 0 && label < names.length - 1 && hasFacts[label] === withFacts;
  const own = heldOut.filter(({ label, guess }) => isKind(label) && guess === label).map(({ score }) => score);
  if (own.length === 0) return 0.2;
  const others = heldOut.filter(({ label }) => !isKind(label)).map(({ guess, score }) => (isKind(guess) ? score : 0));
  const allowed = withFacts ? facts : chatty;
  const wanted = Math.max(lowest, quantile(own, allowed.own), quantile(others, 1 - allowed.wrong));
  return Math.min(wanted, Math.max(lowest, quantile(own, mostOwnLost)));
}

function quantile(numbers: number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function confidence(score: number, threshold: number): number {
  return score < threshold ? (0.5 * score) / threshold : 0.5 + (0.5 * (score - threshold)) / Math.max(1e-6, 1 - threshold);
}

/** All skills, best first; everything else takes its share of the probability and is left out. */
function ranked(set: TrainingSet, softmax: Softmax, embedding: Float32Array): { label: number; score: number }[] {
  const probabilities = predictSoftmax(softmax, embedding);
  const nearest = new Float64Array(set.names.length);
  set.compared.dots(embedding, 0, set.compared.count).forEach((similarity, r) => {
    const label = set.labels[r] as number;
    if (similarity > (nearest[label] as number)) nearest[label] = similarity;
  });
  return set.names
    .slice(0, -1)
    .map((_, label) => ({ label, score: (probabilities[label] as number) * Math.min(1, nearest[label] as number) ** similarityPower }))
    .sort((a, b) => b.score - a.score);
}

function toTrainingSet(skills: SkillExamples[], chat: readonly string[], vectors: Vectors): TrainingSet {
  const { dimensions } = vectors;
  const own = skills.filter(({ name }) => name !== OUT_OF_SCOPE);
  const texts = own.flatMap(({ examples }) => examples);
  const labels = own.flatMap(({ examples }, label) => examples.map(() => label));
  const hasFacts = own.map((skill) => skill.hasFacts);
  const rows = vectors.matrix(texts);
  // Chat that is what a skill is for ("recommend me a film", "hello") teaches nothing about what it is not for.
  const isOrdinary = (text: string) => {
    const embedding = vectors.get(text);
    if (!embedding) return false;
    const near = (i: number) => dot(embedding, rows.subarray(i * dimensions, (i + 1) * dimensions));
    return labels.every((label, i) => near(i) < (hasFacts[label] ? 0.85 : 0.6));
  };
  const out = skills.find(({ name }) => name === OUT_OF_SCOPE)?.examples ?? [];
  const others = [...out, ...chat.filter(isOrdinary)];
  return {
    names: [...own.map(({ name }) => name), OUT_OF_SCOPE],
    hasFacts: [...hasFacts, false],
    rows: vectors.matrix([...texts, ...others]),
    dimensions,
    labels: [...labels, ...others.map(() => own.length)],
    compared: rowsOf([rows], dimensions),
  };
}

function select(set: TrainingSet, keep: (r: number) => boolean): TrainingSet {
  const kept = set.labels.map((_, r) => r).filter(keep);
  const rows = new Float32Array(kept.length * set.dimensions);
  for (const [i, r] of kept.entries()) rows.set(row(set, r), i * set.dimensions);
  const labels = kept.map((r) => set.labels[r] as number);
  const own = labels.filter((label) => label < set.names.length - 1).length;
  return { ...set, rows, labels, compared: rowsOf([rows.subarray(0, own * set.dimensions)], set.dimensions) };
}

function row({ rows, dimensions }: TrainingSet, r: number): Float32Array {
  return rows.subarray(r * dimensions, (r + 1) * dimensions);
}

async function readLearned(file: string): Promise<Learned | undefined> {
  try {
    const { weights, classes, dimensions, thresholds } = JSON.parse(await readFile(file, 'utf8'));
    const bytes = Uint8Array.from(Buffer.from(weights, 'base64'));
    return { softmax: { classes, dimensions, weights: new Float64Array(bytes.buffer) }, thresholds };
  } catch {
    return undefined;
  }
}

async function writeLearned(file: string, { softmax: { weights, classes, dimensions }, thresholds }: Learned): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const text = JSON.stringify({ classes, dimensions, thresholds, weights: Buffer.from(weights.buffer).toString('base64') });
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}
