import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readSettings } from './settings.ts';

test('needs nothing: the repository is the default', () => {
  const settings = readSettings({});
  expect(settings).toMatchObject({
    generator: 'auto',
    openai: null,
    metricsPort: 9100,
    host: '127.0.0.1',
    redisUrl: null,
    logLevel: 'info',
  });
  expect(settings.skillsDir).toMatch(/bot\/src\/skills$/);
  expect(settings.cacheDir).toMatch(/data\/cache$/);
  expect(settings.threads).toBeLessThanOrEqual(2);
});

test('takes an empty value for an unset one', () => {
  expect(readSettings({ GENERATOR: '', OPENAI_BASE_URL: '' }).generator).toBe('auto');
});

test.each([
  [{ GENERATOR: 'hub:tiny' }, 'GENERATOR: "hub:tiny" is neither owner/name on the hub nor a folder that is there'],
  [{ GENERATOR: 'gpt' }, 'GENERATOR: must be auto, lines, local, openai or hub:<name or folder>'],
  [{ OPENAI_CANDIDATES: '9' }, 'OPENAI_CANDIDATES: must be 1 to 8'],
  [{ GENERATOR: 'openai' }, 'OPENAI_BASE_URL: must be set for GENERATOR=openai; OPENAI_MODEL: must be set'],
  [{ OPENAI_BASE_URL: 'there' }, 'OPENAI_BASE_URL: must be an address'],
  [{ METRICS_PORT: 'x' }, 'METRICS_PORT: must be a port'],
  [{ METRICS_PORT: '70000' }, 'METRICS_PORT: must be a port'],
  [{ INFERENCE_THREADS: '0' }, 'INFERENCE_THREADS: must be 1 to 64'],
  [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL: must be one of fatal, error'],
  [{ REDIS_URL: 'localhost' }, 'REDIS_URL: must begin with redis://'],
  [{ OPENAI_API_KEY_FILE: '/nowhere/key' }, 'OPENAI_API_KEY_FILE: /nowhere/key cannot be read'],
])('refuses %j by name', (env, message) => {
  expect(() => readSettings(env)).toThrow(message);
});

test('takes a name on the hub, or a folder, for a model of transformers.js', () => {
  expect(readSettings({ GENERATOR: 'hub:onnx-community/SmolLM2-135M-Instruct-ONNX' }).generator).toBe(
    'hub:onnx-community/SmolLM2-135M-Instruct-ONNX',
  );
  expect(readSettings({ GENERATOR: 'hub:inference/src/fixtures/hub-tiny' }).generator).toMatch(/^hub:\/.*\/hub-tiny$/);
});

test('asks a server for several replies only where that is wanted', () => {
  const env = { OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', OPENAI_MODEL: 'troupe-{character}' };
  expect(readSettings({ ...env, OPENAI_CANDIDATES: '3' }).openai).toMatchObject({ model: 'troupe-{character}', replies: 3 });
  expect(readSettings(env).openai).not.toHaveProperty('replies');
});

test.each(['.env.example', 'inference/src/generators/openai.md'])("%s names a server's settings as they are read", (file) => {
  const named = (text: string) =>
    [...new Set(text.match(/\bOPENAI_[A-Z_]*[A-Z]\b/g))].filter((name) => name !== 'OPENAI_API_KEY_FILE').sort();
  expect(named(readFileSync(file, 'utf8'))).toEqual(named(readFileSync('inference/src/settings.ts', 'utf8')));
  const examples = readFileSync('.env.example', 'utf8').matchAll(/^#((?:GENERATOR|OPENAI_\w+))=(.*)$/gm);
  const given = Object.fromEntries([...examples].map(([, name, value]) => [name, value]));
  expect(readSettings(given)).toMatchObject({ generator: 'openai', openai: { model: 'troupe-{character}' } });
});

test('reads a secret from a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-settings-'));
  writeFileSync(join(folder, 'key'), 'abc\n');
  const settings = readSettings({ OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', OPENAI_MODEL: 'm', OPENAI_API_KEY_FILE: join(folder, 'key') });
  expect(settings.openai).toEqual({ baseUrl: 'http://127.0.0.1:1/v1', apiKey: 'abc', model: 'm' });
  rmSync(folder, { recursive: true });
});

test('takes the base of `local` from a file, an address, or the cache', () => {
  expect(readSettings({ GENERATOR: 'local', DATA_DIR: '/d' }).baseModel).toBe('/d/cache/base/SmolLM2-135M-Instruct.Q4_1.gguf');
  expect(readSettings({ BASE_MODEL: '/models/any.gguf' }).baseModel).toBe('/models/any.gguf');
  expect(readSettings({ BASE_MODEL: 'hf:owner/name:Q4_K_M' }).baseModel).toBe('hf:owner/name:Q4_K_M');
});
