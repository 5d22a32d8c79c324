// `npx troupe doctor`: looks at everything a start needs and says what to mend, without starting.
import { createServer } from 'node:net';
import { discoverCharacters } from '../../bot/src/characters.ts';
import { discoverPlatforms } from '../../bot/src/platforms.ts';
import { type BotSettings, parseSettings, readEnvironment } from '../../bot/src/settings.ts';
import { readRegistry, verifyLive } from '../../inference/src/registry.ts';
import { readSettings } from '../../inference/src/settings.ts';
import { options, table } from './options.ts';

interface Finding {
  what: string;
  /** ok; off: optional and not set; wrong: a start would fail. */
  state: 'ok' | 'off' | 'wrong';
  detail: string;
}

const help = `Usage: npx troupe doctor [--json]

Checks this machine, the settings, characters, models, stores and the port. Status 1 when a start would fail.`;

export async function run(args: string[]): Promise<number> {
  const given = options(args, help);
  if (!given) return 0;
  const findings: Finding[] = [];
  const look = async (what: string, check: () => Promise<string> | string) => {
    try {
      findings.push({ what, state: 'ok', detail: await check() });
    } catch (error) {
      findings.push({ what, state: 'wrong', detail: (error as Error).message });
    }
  };
  await look('node', () => process.versions.node);
  const modules = await discoverPlatforms();
  let settings: BotSettings | undefined;
  await look('settings', () => {
    settings = parseSettings(readEnvironment(), modules);
    return 'understood';
  });
  if (settings) {
    const { charactersDir, character, modelsDir, platforms, redisUrl, databaseUrl, dataDir } = settings;
    await look('characters', () =>
      discoverCharacters(charactersDir, character)
        .all.map(({ slug }) => slug)
        .join(', '),
    );
    await look('generator', () => {
      const { generator, openai } = readSettings(readEnvironment());
      return generator === 'openai' ? `openai, ${openai?.model} on ${openai?.baseUrl}` : generator;
    });
    await look('models', async () => {
      const registry = await readRegistry(modelsDir);
      const live = registry.models.filter((model) => model.live);
      for (const { task } of live) await verifyLive(registry, task);
      return live.map(({ task, version }) => `${task} ${version}, whole`).join('; ');
    });
    if (redisUrl && databaseUrl) {
      await look('redis', () => redis(redisUrl));
      await look('postgres', () => postgres(databaseUrl));
    } else findings.push({ what: 'store', state: 'ok', detail: `embedded, in ${dataDir}` });
    for (const module of modules) {
      const own = platforms[module.name];
      findings.push({ what: module.name, state: own ? 'ok' : 'off', detail: own ? 'set' : module.howToTurnOn });
    }
    const web = platforms.web as { port: number; host: string } | null;
    if (web) await look(`port ${web.port}`, () => free(web.port, web.host));
  }
  if (given.json) console.log(JSON.stringify(findings, null, 2));
  else console.log(table(findings.map(({ what, state, detail }) => [state === 'wrong' ? 'WRONG' : state, what, detail])));
  return findings.some(({ state }) => state === 'wrong') ? 1 : 0;
}

async function redis(url: string): Promise<string> {
  const { Redis } = await import('ioredis');
  const client = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 1, retryStrategy: () => null });
  client.on('error', () => {});
  try {
    await client.connect();
    const version = /redis_version:(\S+)/.exec(await client.info('server'))?.[1] ?? 'unknown';
    const policy = ((await client.config('GET', 'maxmemory-policy').catch(() => [])) as string[])[1];
    if (policy && policy !== 'noeviction')
      throw new Error(`maxmemory-policy is ${policy}; queues need noeviction, or messages may be lost`);
    return version;
  } finally {
    client.disconnect();
  }
}

async function postgres(url: string): Promise<string> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  try {
    await client.connect();
    return (await client.query('show server_version')).rows[0].server_version;
  } finally {
    await client.end().catch(() => {});
  }
}

function free(port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new Error(error.code === 'EADDRINUSE' ? 'in use by another program (a running Troupe?); set PORT to a free one' : error.message),
      ),
    );
    server.listen(port, host, () => server.close(() => resolve('free')));
  });
}
