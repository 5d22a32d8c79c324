// Real Redis and PostgreSQL for tests and benchmarks, each on a free port with a folder of its own.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';

export interface Service {
  url: string;
  /** Ends it in order and removes its folder. */
  stop(): Promise<void>;
  /** Ends it as a power cut would. Its folder stays; `start` brings it back on the same port. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** A port nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A database of its own on each server, empty, and nobody else's: Redis counts those it has given away. */
export async function ownStores(postgresUrl: string, redisUrl: string): Promise<{ databaseUrl: string; redisUrl: string }> {
  const counter = new Redis(redisUrl);
  const number = await counter.incr('databases-given');
  await counter.quit();
  const client = new pg.Client(postgresUrl);
  await client.connect();
  await client.query(`CREATE DATABASE own_${number}`);
  await client.end();
  return { databaseUrl: postgresUrl.replace(/\/[^/]*$/, `/own_${number}`), redisUrl: `${redisUrl}/${number}` };
}

/** Redis with its append-only file on, so that a kill loses nothing acknowledged. */
export async function startRedis(): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-redis-'));
  const port = await freePort();
  const argv = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--appendonly',
    'yes',
    '--databases',
    '64',
    '--appendfsync',
    'always',
    '--save',
    '',
  ];
  argv.push('--maxmemory-policy', 'noeviction');
  return supervise(folder, `redis://127.0.0.1:${port}`, () => ({
    command: binary('redis-server'),
    argv,
    ready: /Ready to accept connections/,
  }));
}

/** PostgreSQL, trusting local connections, as user `troupe`. The url names the database `postgres`; make your own beside it. */
export async function startPostgres(): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-postgres-'));
  const port = await freePort();
  const data = join(folder, 'data');
  // PostgreSQL refuses to run as root; there a system user stands in.
  const asUser = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  if (asUser) chmodSync(folder, 0o777);
  const initdb = [postgresBinary('initdb'), '-D', data, '-U', 'troupe', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  execFileSync(...asCommand(initdb, asUser), { stdio: 'pipe' });
  const argv = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-c', 'fsync=off', '-c', 'max_connections=200'];
  const url = `postgresql://troupe@127.0.0.1:${port}/postgres`;
  return supervise(folder, url, () => {
    const [command, rest] = asCommand([postgresBinary('postgres'), ...argv], asUser);
    return { command, argv: rest, ready: /ready to accept connections/ };
  });
}

async function supervise(folder: string, url: string, how: () => { command: string; argv: string[]; ready: RegExp }): Promise<Service> {
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  const start = async () => {
    const { command, argv, ready } = how();
    child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    const self = child;
    await new Promise<void>((resolve, reject) => {
      let output = '';
      const seen = (chunk: Buffer) => {
        output = (output + chunk).slice(-4000);
        if (ready.test(output)) resolve();
      };
      self.stdout?.on('data', seen);
      self.stderr?.on('data', seen);
      self.once('error', reject);
      self.once('exit', (code) => reject(new Error(`${command} ended with ${code} before it was ready:\n${output}`)));
    });
  };
  const killAtExit = () => void child?.kill('SIGKILL');
  process.once('exit', killAtExit);
  await start();
  return {
    url,
    start,
    kill: () => end('SIGKILL'),
    async stop() {
      await end('SIGINT');
      process.off('exit', killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function asCommand(line: string[], user: string | undefined): [string, string[]] {
  const [command, ...rest] = user ? ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--', ...line] : line;
  return [command as string, rest];
}

function unprivilegedUser(): string {
  for (const user of ['postgres', 'nobody']) {
    try {
      return execFileSync('id', ['-u', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    } catch {}
  }
  throw new Error(
    'PostgreSQL refuses to run as root and neither user postgres nor nobody exists here; create one of them or run the tests as another user',
  );
}

function binary(name: string): string {
  try {
    return execFileSync('which', [name], { encoding: 'utf8' }).trim();
  } catch {
    throw new Error(`${name} is not on the PATH; install it (Debian and Ubuntu: apt-get install ${name}; macOS: brew install redis)`);
  }
}

/** Debian keeps the server's programs off the PATH, one folder a version. */
function postgresBinary(name: string): string {
  const root = '/usr/lib/postgresql';
  if (existsSync(root)) {
    const newest = readdirSync(root).sort((a, b) => Number(b) - Number(a))[0];
    if (newest && existsSync(join(root, newest, 'bin', name))) return join(root, newest, 'bin', name);
  }
  try {
    return execFileSync('which', [name], { encoding: 'utf8' }).trim();
  } catch {
    throw new Error(
      `PostgreSQL's ${name} was not found; install PostgreSQL 15 or newer (Debian and Ubuntu: apt-get install postgresql; macOS: brew install postgresql)`,
    );
  }
}
