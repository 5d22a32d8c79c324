// All settings the bot reads, parsed once. A wrong value stops the start and names the variable and what is allowed.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { TroupeError } from './errors.ts';
import { type Limit, parseLimit } from './limits.ts';
import type { PlatformModule } from './platform.ts';

/** Variables by name; an empty value is an absent one. */
export type Environment = Record<string, string>;

const root = fileURLToPath(new URL('../../', import.meta.url));
const helpInCrisis =
  'If you are in danger, or think you might hurt yourself or somebody else, please call your local emergency number now (112, 911 or 999, depending on where you are). ' +
  'Free helplines for every country, to call or to chat with: https://findahelpline.com';

const folder = (name: string) =>
  z
    .string()
    .default(resolve(root, name))
    .transform((path) => resolve(path));

const Variables = z
  .object({
    HOST: z.string().default('127.0.0.1'),
    API_KEY: z.string().optional(),
    DATA_DIR: z
      .string()
      .default('./data')
      .transform((path) => resolve(path)),
    DATABASE_URL: z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'postgresql://user:password@host:5432/database')
      .optional(),
    REDIS_URL: z
      .string()
      .regex(/^rediss?:\/\//, 'redis://host:6379 or rediss://…')
      .optional(),
    CHARACTER: z.string().default('vivienne'),
    CHARACTERS_DIR: folder('characters'),
    SKILLS_DIR: folder('bot/src/skills'),
    MODELS_DIR: folder('models'),
    ALLOWED_CHANNELS: z
      .string()
      .transform(
        (text) =>
          new Set(
            text
              .split(',')
              .map((id) => id.trim())
              .filter(Boolean),
          ),
      )
      .optional(),
    LIMIT_PER_PERSON: z
      .string()
      .default('30/min')
      .transform((text, context): Limit | null => {
        const limit = parseLimit(text);
        if (limit !== undefined) return limit;
        context.addIssue({ code: 'custom', message: 'turns per time such as 30/min, 5/s, 200/hour or 1000/day, or off' });
        return z.NEVER;
      }),
    RETENTION_DAYS: z.coerce
      .number('a whole number of days, 1 or more')
      .int('a whole number of days, 1 or more')
      .min(1, 'a whole number of days, 1 or more')
      .max(36_500, 'at most 36500')
      .default(30),
    TRAIN_ON: z.enum(['votes', 'derived', 'text'], 'votes, derived or text').default('derived'),
    LOG_LEVEL: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'fatal, error, warn, info, debug, trace or silent')
      .default('info'),
    CRISIS_TEXT: z.string().default(helpInCrisis),
  })
  .superRefine((env, context) => {
    const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (env.DATABASE_URL && !env.REDIS_URL) refuse('REDIS_URL', 'needed with DATABASE_URL; set both, or neither for the embedded store');
    if (env.REDIS_URL && !env.DATABASE_URL) refuse('DATABASE_URL', 'needed with REDIS_URL; set both, or neither for the embedded store');
    if (!isLoopback(env.HOST) && !env.API_KEY)
      refuse('API_KEY', `needed because HOST=${env.HOST} can be reached from other machines; set API_KEY, or HOST=127.0.0.1`);
  });

export interface BotSettings {
  dataDir: string;
  databaseUrl?: string;
  redisUrl?: string;
  /** Slug of who answers where nothing else is chosen. */
  character: string;
  charactersDir: string;
  skillsDir: string;
  modelsDir: string;
  /** Null: all. */
  allowedChannels: ReadonlySet<string> | null;
  /** Null: none. */
  limit: Limit | null;
  retentionDays: number;
  trainOn: 'votes' | 'derived' | 'text';
  logLevel: string;
  /** Said in a crisis and by `help`. */
  crisisText: string;
  /** Each platform's own settings by its name; null when it is off. */
  platforms: Record<string, unknown>;
}

/** The process's variables over those of the `.env` file; a secret `X` may come from the file that `X_FILE` names. Throws a TroupeError `settings`. */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env, envFile = resolve('.env')): Environment {
  const fromFile = existsSync(envFile) ? parseEnv(readFileSync(envFile, 'utf8')) : {};
  const env: Environment = {};
  for (const [name, value] of Object.entries({ ...fromFile, ...variables })) if (value?.trim()) env[name] = value.trim();
  for (const [name, path] of Object.entries(env)) {
    const secret = /^(.+(?:TOKEN|SECRET|KEY|URL|PASSWORD))_FILE$/.exec(name)?.[1];
    if (!secret) continue;
    if (env[secret]) throw wrong([`${secret} and ${name} are both set; set one of them`]);
    try {
      env[secret] = readFileSync(path, 'utf8').trim();
    } catch (cause) {
      throw wrong([`${name}=${path}: cannot be read; allowed is the path of a file that holds ${secret}`], cause);
    }
  }
  return env;
}

/** Throws a TroupeError `settings` that lists every wrong variable, the platforms' own included. */
export function parseSettings(env: Environment, modules: readonly PlatformModule[]): BotSettings {
  const own = Variables.safeParse(env);
  const wrongs = own.success ? [] : sentences(own.error, env);
  const platforms: BotSettings['platforms'] = {};
  for (const module of modules) {
    const parsed = module.settings.safeParse(env);
    if (parsed.success) platforms[module.name] = parsed.data;
    else wrongs.push(...sentences(parsed.error, env));
  }
  if (!own.success || wrongs.length > 0) throw wrong([...new Set(wrongs)]);
  const { data } = own;
  return {
    dataDir: data.DATA_DIR,
    databaseUrl: data.DATABASE_URL,
    redisUrl: data.REDIS_URL,
    character: data.CHARACTER,
    charactersDir: data.CHARACTERS_DIR,
    skillsDir: data.SKILLS_DIR,
    modelsDir: data.MODELS_DIR,
    allowedChannels: data.ALLOWED_CHANNELS?.size ? data.ALLOWED_CHANNELS : null,
    limit: data.LIMIT_PER_PERSON,
    retentionDays: data.RETENTION_DAYS,
    trainOn: data.TRAIN_ON,
    logLevel: data.LOG_LEVEL,
    crisisText: data.CRISIS_TEXT,
    platforms,
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function sentences(error: z.ZodError, env: Environment): string[] {
  return error.issues.map(({ path, message }) => {
    const name = String(path[0] ?? 'settings');
    const value = env[name];
    const shown =
      value === undefined ? name : /TOKEN|SECRET|KEY|URL|PASSWORD/.test(name) ? `${name} (its value is not shown)` : `${name}=${value}`;
    return `${shown}: ${value === undefined ? '' : 'not allowed; allowed: '}${message}`;
  });
}

function wrong(lines: string[], cause?: unknown): TroupeError {
  return new TroupeError('settings', lines.join('\n'), { cause });
}
