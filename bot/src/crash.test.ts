import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { ownStores } from '../../test/services.ts';
import { checkpoints } from './index.ts';

/** Resolves with how the process ended, and what it wrote to stderr. */
async function run(
  world: string,
  point: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; signal: string | null; stderr: string }> {
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', 'bot/test/crash-bot.ts', world, point], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, stderr };
}

test.each(['the embedded store', 'PostgreSQL and Redis'])(
  'a bot killed at any point of a turn, on %s, leaves exactly one reply once it runs again',
  async (where) => {
    const world = mkdtempSync(join(tmpdir(), 'troupe-crash-'));
    const servers = where === 'the embedded store' ? undefined : await ownStores(inject('postgresUrl'), inject('redisUrl'));
    const env = servers ? { DATABASE_URL: servers.databaseUrl, REDIS_URL: servers.redisUrl } : { DATABASE_URL: '', REDIS_URL: '' };
    for (const point of checkpoints) expect(await run(world, point, env)).toEqual({ code: null, signal: 'SIGKILL', stderr: '' });
    expect(await run(world, 'none', env)).toEqual({ code: 0, signal: null, stderr: '' });
    const seen = readFileSync(join(world, 'seen.jsonl'), 'utf8').trim().split('\n');
    expect(seen.map((line) => JSON.parse(line).room)).toEqual([...checkpoints, 'last']);
    rmSync(world, { recursive: true, force: true });
  },
  600_000,
);
