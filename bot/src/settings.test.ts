import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { PlatformModule } from './platform.ts';
import { parseSettings, readEnvironment } from './settings.ts';

const pigeon: PlatformModule<{ token: string }> = {
  name: 'pigeon',
  settings: z
    .object({ PIGEON_TOKEN: z.string().min(8, 'the token of the loft, 8 characters or more').optional() })
    .transform(({ PIGEON_TOKEN }) => (PIGEON_TOKEN ? { token: PIGEON_TOKEN } : null)),
  howToTurnOn: 'set PIGEON_TOKEN',
  create: () => {
    throw new Error('not here');
  },
};

test('a fresh clone needs none', () => {
  expect(parseSettings({}, [pigeon as PlatformModule])).toMatchObject({
    dataDir: resolve('data'),
    databaseUrl: undefined,
    character: 'vivienne',
    charactersDir: resolve('characters'),
    allowedChannels: null,
    limit: { turns: 30, windowMs: 60_000 },
    retentionDays: 30,
    trainOn: 'derived',
    logLevel: 'info',
    crisisText: expect.stringMatching(/findahelpline\.com/),
    platforms: { pigeon: null },
  });
});

test.each([
  [{ LIMIT_PER_PERSON: 'lots' }, /LIMIT_PER_PERSON=lots: not allowed; allowed: .*30\/min.* or off/],
  [{ RETENTION_DAYS: '0' }, /RETENTION_DAYS=0: .*1 or more/],
  [{ RETENTION_DAYS: 'week' }, /RETENTION_DAYS=week: .*days/],
  [{ TRAIN_ON: 'everything' }, /TRAIN_ON=everything: .*votes, derived or text/],
  [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL=loud: .*info/],
  [{ DATABASE_URL: 'postgres://x' }, /REDIS_URL: needed with DATABASE_URL/],
  [{ REDIS_URL: 'redis://x' }, /DATABASE_URL: needed with REDIS_URL/],
  [{ REDIS_URL: 'http://:hunter2@x', DATABASE_URL: 'postgres://x' }, /REDIS_URL \(its value is not shown\): .*redis:\/\//],
  [{ HOST: '0.0.0.0' }, /API_KEY: needed because HOST=0\.0\.0\.0/],
  [{ PIGEON_TOKEN: 'short' }, /PIGEON_TOKEN \(its value is not shown\): not allowed; allowed: the token of the loft/],
] as [Record<string, string>, RegExp][])('refuses %j, naming the variable and what is allowed', (env, sentence) => {
  expect(() => parseSettings(env, [pigeon as PlatformModule])).toThrow(sentence);
});

test('names every wrong variable at once and shows no secret', () => {
  const parse = () => parseSettings({ TRAIN_ON: 'x', LOG_LEVEL: 'y', PIGEON_TOKEN: 'secret!' }, [pigeon as PlatformModule]);
  expect(parse).toThrow(/TRAIN_ON=x[\s\S]*LOG_LEVEL=y[\s\S]*PIGEON_TOKEN/);
  expect(parse).not.toThrow(/secret!/);
});

test.each(['127.0.0.1', 'localhost', '::1'])('HOST %s needs no key, another one with a key is fine', (host) => {
  expect(() => parseSettings({ HOST: host }, [])).not.toThrow();
  expect(() => parseSettings({ HOST: '0.0.0.0', API_KEY: 'k' }, [])).not.toThrow();
});

test('the .env file counts, the process’s own variables count more, and empty is absent', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'troupe-env-')), '.env');
  writeFileSync(file, 'CHARACTER=june\nLOG_LEVEL=debug\n# TRAIN_ON=text\nALLOWED_CHANNELS="C1, C2,"\n');
  const settings = parseSettings(readEnvironment({ LOG_LEVEL: 'warn', RETENTION_DAYS: ' ' }, file), []);
  expect(settings).toMatchObject({ character: 'june', logLevel: 'warn', trainOn: 'derived', retentionDays: 30 });
  expect(settings.allowedChannels).toEqual(new Set(['C1', 'C2']));
});

test('a secret comes from a file, and not from two places', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'troupe-secret-')), 'token');
  writeFileSync(file, 'coo-coo-coo\n');
  const env = readEnvironment({ PIGEON_TOKEN_FILE: file }, '/nowhere');
  expect(parseSettings(env, [pigeon as PlatformModule]).platforms).toEqual({ pigeon: { token: 'coo-coo-coo' } });
  expect(() => readEnvironment({ PIGEON_TOKEN_FILE: file, PIGEON_TOKEN: 'x' }, '/nowhere')).toThrow(/PIGEON_TOKEN and PIGEON_TOKEN_FILE/);
  expect(() => readEnvironment({ API_KEY_FILE: '/nowhere/key' }, '/nowhere')).toThrow(/API_KEY_FILE=\/nowhere\/key: cannot be read/);
});
