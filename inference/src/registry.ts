// models/: which versions are live, and whether their files are the ones that were released.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Emotion, SAFETY } from './contract.ts';
import type { EncoderConfig } from './encoder.ts';
import { InferenceError } from './errors.ts';

export interface Registry {
  modelsDir: string;
  /** What GENERATOR=auto means. */
  defaultGenerator: string;
  models: ModelVersion[];
}

/** A row of GET /v1/models. */
export interface ModelVersion {
  task: string;
  version: string;
  arm: string;
  live: boolean;
}

/** A model version whose files are all here and whole. */
export interface VerifiedModel {
  task: string;
  version: string;
  folder: string;
  /** Hex sha256 by path inside the folder. */
  sha256: Record<string, string>;
}

/** A line of a task's history: at `at`, `by` made `live` live instead of `previous`. */
const HistoryLine = z.looseObject({
  live: z.string(),
  previous: z.string().nullable(),
  at: z.string(),
  by: z.string(),
  why: z.string().nullable(),
  /** Who let it through although the gate refused it. */
  forced: z.object({ who: z.string(), why: z.string(), at: z.string() }).nullable(),
});
export type HistoryLine = z.infer<typeof HistoryLine>;

/** A line of the default generator's history: the judgement it stands on, or who let it through without one. */
const DefaultLine = z.looseObject({
  default: z.string(),
  previous: z.string(),
  at: z.string(),
  by: z.string(),
  why: z.string().nullable(),
  judged: z.looseObject({ folder: z.string(), keySha256: z.string() }).nullable(),
  forced: z.object({ who: z.string(), why: z.string(), at: z.string() }).nullable(),
});
export type DefaultLine = z.infer<typeof DefaultLine>;

/** Loose: whoever writes it keeps what others put there. */
const RegistryFile = z.looseObject({
  schema: z.literal(1),
  tasks: z.record(
    z.string(),
    z.looseObject({ live: z.string(), versions: z.array(z.string()).min(1), history: z.array(HistoryLine).optional() }),
  ),
  generator: z.looseObject({ default: z.string(), history: z.array(DefaultLine).optional() }),
});
export type RegistryFile = z.infer<typeof RegistryFile>;

const Manifest = z.object({
  task: z.string(),
  version: z.string(),
  files: z.array(z.object({ path: z.string(), bytes: z.number().int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })).min(1),
});

const Config = z.object({
  labels: z.array(Emotion).length(28),
  thresholds: z.array(z.number()).length(28),
  maxTokens: z.number().int().positive(),
  dimensions: z.number().int().positive(),
  sentiment: z.object({ positive: z.array(Emotion), negative: z.array(Emotion), ambiguous: z.array(Emotion) }),
  safety: z
    .object({
      labels: z.array(z.enum(SAFETY)).length(SAFETY.length),
      thresholds: z.array(z.number()).length(SAFETY.length),
      certain: z.array(z.number()).length(SAFETY.length),
    })
    .optional(),
});

/** Rejects with `registry_missing` or `registry_invalid`. */
export async function readRegistry(modelsDir: string): Promise<Registry> {
  const { tasks, generator } = await readRegistryFile(modelsDir);
  const models = Object.entries(tasks).flatMap(([task, { live, versions }]) =>
    versions.map((version) => ({ task, version, arm: version === live ? 'live' : 'kept', live: version === live })),
  );
  return { modelsDir, defaultGenerator: generator.default, models };
}

/** The file itself, with its history. Rejects as readRegistry does. */
export async function readRegistryFile(modelsDir: string): Promise<RegistryFile> {
  const file = join(modelsDir, 'registry.json');
  const found = await parsed(file, RegistryFile, 'registry');
  for (const [task, { live, versions }] of Object.entries(found.tasks))
    if (!versions.includes(live))
      throw new InferenceError('registry_invalid', `${file}: ${task}'s live version "${live}" is not among its versions`);
  return found;
}

/** Checks every file of the task's live version by size and sha256. Rejects with `model_missing` or `model_damaged`, naming path and expected sum. */
export async function verifyLive(registry: Registry, task: string): Promise<VerifiedModel> {
  const live = registry.models.find((model) => model.task === task && model.live);
  if (!live) throw new InferenceError('model_missing', `${join(registry.modelsDir, 'registry.json')} names no live version of "${task}"`);
  return verifyVersion(registry.modelsDir, task, live.version);
}

/** The same for any version. */
export async function verifyVersion(modelsDir: string, task: string, version: string): Promise<VerifiedModel> {
  const folder = join(modelsDir, task, version);
  const { files } = await parsed(join(folder, 'manifest.json'), Manifest, 'model');
  const sha256: Record<string, string> = {};
  for (const file of files) {
    await verifyFile(join(folder, file.path), file);
    sha256[file.path] = file.sha256;
  }
  return { task, version, folder, sha256 };
}

/** The encoder's config.json. */
export async function readEncoderConfig(model: VerifiedModel): Promise<EncoderConfig> {
  return parsed(join(model.folder, 'config.json'), Config, 'model');
}

const SituationVectors = z.object({
  ids: z.array(z.string()),
  /** What each row's whole numbers are times of. */
  scales: z.array(z.number()),
  /** int8 rows one after another, base64. */
  rows: z.string(),
});

/** The encoder's situations.json: unit vectors by id. Undefined where the version has none. */
export async function readSituationVectors(
  model: VerifiedModel,
  dimensions: number,
): Promise<ReadonlyMap<string, Float32Array> | undefined> {
  if (!model.sha256['situations.json']) return undefined;
  const { ids, scales, rows } = await parsed(join(model.folder, 'situations.json'), SituationVectors, 'model');
  const bytes = Buffer.from(rows, 'base64');
  const numbers = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  if (scales.length !== ids.length || numbers.length !== ids.length * dimensions)
    throw new InferenceError(
      'model_invalid',
      `${model.folder}/situations.json holds ${numbers.length} numbers for ${ids.length} situations`,
    );
  return new Map(
    ids.map((id, s) => [id, Float32Array.from(numbers.subarray(s * dimensions, (s + 1) * dimensions), (n) => n * (scales[s] as number))]),
  );
}

async function verifyFile(path: string, expected: { bytes: number; sha256: string }): Promise<void> {
  const want = `expected ${expected.bytes} bytes with sha256 ${expected.sha256}`;
  const info = await stat(path).catch(() => undefined);
  if (!info) throw new InferenceError('model_missing', `${path} is not here; ${want}. Restore it from the release`);
  const found = info.size === expected.bytes ? await sha256Of(path) : null;
  if (found !== expected.sha256)
    throw new InferenceError(
      'model_damaged',
      `${path} is damaged: it has ${info.size} bytes${found ? ` and sha256 ${found}` : ''}, ${want}`,
    );
}

/** Hex, of the whole file. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function parsed<T>(path: string, schema: z.ZodType<T>, what: 'registry' | 'model'): Promise<T> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    const advice = { registry: 'MODELS_DIR must name the folder with registry.json', model: 'restore the version from the release' }[what];
    throw new InferenceError(`${what}_missing`, `${path} cannot be read; ${advice}`, { cause });
  });
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new InferenceError(`${what}_invalid`, `${path} is not as expected: ${why}`, { cause });
  }
}
