// What this package reads from the environment, parsed once. A wrong value stops the start with its name and what is allowed.
import { readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { InferenceError } from './errors.ts';

export interface Settings {
  generator: 'auto' | 'lines' | 'local' | 'openai' | `hub:${string}`;
  /** The GGUF for `local`. */
  baseModel: string;
  /** Present when OPENAI_BASE_URL and OPENAI_MODEL are. */
  openai: OpenAiSettings | null;
  modelsDir: string;
  charactersDir: string;
  skillsDir: string;
  /** For what was derived from the models: classifiers, vectors. */
  cacheDir: string;
  /** Cores that read at the same time. */
  threads: number;
  redisUrl: string | null;
  /** Of this role's own /metrics, /healthz and /readyz when it is a process of its own. */
  metricsPort: number;
  host: string;
  logLevel: string;
}

export interface OpenAiSettings {
  baseUrl: string;
  /** Servers of one's own usually want none. */
  apiKey: string;
  /** `{character}` in it stands for the character's slug. */
  model: string;
  /** How many replies compete; 1 where absent. */
  replies?: number;
}

/** Rejects nothing silently: throws `settings_invalid` naming every wrong variable. Relative paths start at the repository's root. */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = Environment.safeParse({ ...given, ...secretFiles(given) });
  if (!parsed.success)
    throw new InferenceError(
      'settings_invalid',
      parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
    );
  const e = parsed.data;
  return {
    generator: e.GENERATOR,
    openai:
      e.OPENAI_BASE_URL && e.OPENAI_MODEL
        ? {
            ...{ baseUrl: e.OPENAI_BASE_URL, apiKey: e.OPENAI_API_KEY ?? 'none', model: e.OPENAI_MODEL },
            ...(e.OPENAI_CANDIDATES > 1 && { replies: e.OPENAI_CANDIDATES }),
          }
        : null,
    baseModel: e.BASE_MODEL
      ? e.BASE_MODEL.startsWith('hf:')
        ? e.BASE_MODEL
        : resolve(root, e.BASE_MODEL)
      : join(resolve(root, e.DATA_DIR, 'cache'), pinnedBase),
    modelsDir: resolve(root, e.MODELS_DIR),
    charactersDir: resolve(root, e.CHARACTERS_DIR),
    skillsDir: resolve(root, e.SKILLS_DIR),
    cacheDir: resolve(root, e.DATA_DIR, 'cache'),
    threads: e.INFERENCE_THREADS,
    redisUrl: e.REDIS_URL ?? null,
    metricsPort: e.METRICS_PORT,
    host: e.HOST,
    logLevel: e.LOG_LEVEL,
  };
}

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Where `npx troupe models fetch` puts the base that is at hand everywhere, inside the cache. */
export const pinnedBase = 'base/SmolLM2-135M-Instruct.Q4_1.gguf';

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const Port = (fallback: number) =>
  z.coerce.number('must be a port, 0 to 65535').int().min(0).max(65_535, 'must be a port, 0 to 65535').default(fallback);

const Environment = z
  .object({
    GENERATOR: z.string().default('auto').transform(generatorName),
    OPENAI_BASE_URL: z.url('must be an address such as http://127.0.0.1:8000/v1').optional(),
    OPENAI_API_KEY: z.string().optional(),
    OPENAI_MODEL: z.string().optional(),
    OPENAI_CANDIDATES: z.coerce
      .number('must be a number from 1 to 8')
      .int('must be a whole number')
      .min(1, 'must be 1 to 8')
      .max(8, 'must be 1 to 8')
      .default(1),
    BASE_MODEL: z.string().optional(),
    MODELS_DIR: z.string().default('models'),
    CHARACTERS_DIR: z.string().default('characters'),
    SKILLS_DIR: z.string().default('bot/src/skills'),
    DATA_DIR: z.string().default('data'),
    INFERENCE_THREADS: z.coerce
      .number('must be a number from 1 to 64')
      .int('must be a whole number')
      .min(1, 'must be 1 to 64')
      .max(64, 'must be 1 to 64')
      .default(Math.min(2, availableParallelism())),
    REDIS_URL: z
      .string()
      .regex(/^rediss?:\/\//, 'must begin with redis:// or rediss://')
      .optional(),
    METRICS_PORT: Port(9100),
    HOST: z.string().default('127.0.0.1'),
    LOG_LEVEL: z.enum(levels, `must be one of ${levels.join(', ')}`).default('info'),
  })
  .superRefine((e, context) => {
    if (e.GENERATOR !== 'openai') return;
    for (const name of ['OPENAI_BASE_URL', 'OPENAI_MODEL'] as const)
      if (!e[name]) context.addIssue({ code: 'custom', path: [name], message: 'must be set for GENERATOR=openai' });
  });

function generatorName(value: string, context: z.RefinementCtx): Settings['generator'] {
  if (value === 'auto' || value === 'lines' || value === 'local' || value === 'openai') return value;
  const model = hubModel(value);
  if (model) return `hub:${model}`;
  const [message] = [
    value.startsWith('hub:') && `"${value}" is neither owner/name on the hub nor a folder that is there`,
    `must be auto, lines, local, openai or hub:<name or folder>; "${value}" is none of them`,
  ].filter((text) => text !== false);
  context.addIssue({ code: 'custom', message: message as string });
  return z.NEVER;
}

/** What `hub:<name or folder>` means: a name on the hub, or a folder's absolute path; null where it is neither. */
export function hubModel(generator: string): string | null {
  const given = /^hub:(.+)$/.exec(generator)?.[1];
  if (!given) return null;
  const folder = resolve(root, given);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return folder;
  return /^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(given) ? given : null;
}

/** OPENAI_API_KEY_FILE and REDIS_URL_FILE hold what OPENAI_API_KEY and REDIS_URL would. */
function secretFiles(env: Record<string, string | undefined>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of ['OPENAI_API_KEY', 'REDIS_URL']) {
    const file = env[`${name}_FILE`];
    if (!file) continue;
    try {
      found[name] = readFileSync(file, 'utf8').trim();
    } catch (cause) {
      throw new InferenceError('settings_invalid', `${name}_FILE: ${file} cannot be read; it must name a file that holds ${name}`, {
        cause,
      });
    }
  }
  return found;
}
