import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue, QueueEvents } from 'bullmq';
import { pino } from 'pino';
import { Registry as MetricsRegistry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Service, startRedis } from '../../test/services.ts';
import { Read, Written } from './contract.ts';
import { fakeJob, fakeRead } from './fakes.ts';
import { type Inference, type Minds, readSettings, startInference } from './index.ts';
import { promote, rollback } from './registry-change.ts';
import { announceRegistry } from './registry-watch.ts';
import { openServing } from './serving.ts';

let folder: string;
let logged = '';
const log = pino(
  { level: 'info' },
  {
    write(entry: string) {
      logged += entry;
    },
  },
);
const note = { by: 'Ada', why: null, at: new Date(0) };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-serving-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the shipped model under three names, on the queue', () => {
  let redis: Service;
  let inference: Inference;
  let modelsDir: string;
  const metrics = new MetricsRegistry();
  const never = 1e8;

  beforeAll(async () => {
    modelsDir = join(folder, 'models');
    const shipped = readSettings({}).modelsDir;
    const { live } = JSON.parse(readFileSync(join(shipped, 'registry.json'), 'utf8')).tasks.encoder;
    cpSync(shipped, modelsDir, { recursive: true, filter: (path) => !path.startsWith(join(shipped, 'encoder')) });
    for (const version of ['v1', 'v2', 'v3'])
      cpSync(join(shipped, 'encoder', live), join(modelsDir, 'encoder', version), { recursive: true });
    truncateSync(join(modelsDir, 'encoder/v3/model.int8.onnx'), 1000);
    name('v1');
    redis = await startRedis();
    const settings = readSettings({ DATA_DIR: folder, MODELS_DIR: modelsDir });
    inference = await startInference({ settings, connection: { redisUrl: redis.url }, log, metrics, lookEveryMs: never });
    // Wordings that lines.vectors does not have yet are encoded first.
  }, 300_000);
  afterAll(async () => {
    await inference?.stop();
    await redis?.stop();
  });

  test('changes over while jobs come in, back on a rollback, and never to what is damaged', async () => {
    expect(await served()).toEqual(['v1', 'v1']);
    const early = Array.from({ length: 20 }, () => ask('read', { contract: 1, turnId: 't1', text: 'my dog died last night' }));
    await promote(modelsDir, 'encoder', 'v2', note);
    await expect.poll(() => announceRegistry(redis.url)).toBe(1);
    await expect.poll(live, { timeout: 30_000 }).toBe('v2');
    expect((await Promise.all(early)).map((read) => Read.parse(read).detected[0])).toEqual(Array(20).fill('sadness'));
    expect(await served()).toEqual(['v2', 'v2']);
    expect(await metrics.metrics()).toContain('troupe_model_info{task="encoder",version="v2",arm="live"} 1');
    expect(await metrics.metrics()).not.toContain('version="v1"');

    await rollback(modelsDir, 'encoder', note);
    await announceRegistry(redis.url);
    await expect.poll(live, { timeout: 30_000 }).toBe('v1');
    expect(await served()).toEqual(['v1', 'v1']);

    await expect(promote(modelsDir, 'encoder', 'v3', note)).rejects.toMatchObject({ code: 'model_damaged' });
    name('v3'); // as somebody might with an editor
    await announceRegistry(redis.url);
    await expect.poll(() => logged, { timeout: 30_000 }).toContain('the registry names what cannot be loaded');
    expect(logged).toContain('model_damaged');
    expect(live()).toBe('v1');
    expect(await served()).toEqual(['v1', 'v1']);
    expect((await inference.ready()).ready).toBe(true);
  });

  function name(version: string): void {
    const encoder = { live: version, versions: ['v1', 'v2', 'v3'] };
    const file = { schema: 1, tasks: { encoder }, generator: { default: 'lines' } };
    writeFileSync(join(modelsDir, 'registry.json'), JSON.stringify(file));
  }

  function live(): string | undefined {
    return inference.models().find((model) => model.task === 'encoder' && model.live)?.version;
  }

  /** What a read and a reply say of themselves. */
  async function served(): Promise<unknown[]> {
    const read = Read.parse(await ask('read', { contract: 1, turnId: 't1', text: 'i lost my job today' }));
    const reply = Written.parse(await ask('write', fakeJob({ text: 'i lost my job today', read })));
    return [read.versions.encoder, reply.versions.encoder];
  }

  async function ask(queueName: string, data: object): Promise<unknown> {
    const connection = { url: redis.url };
    const queue = new Queue(queueName, { connection });
    const events = new QueueEvents(queueName, { connection });
    await events.waitUntilReady();
    const job = await queue.add(queueName, data);
    const result = await job.waitUntilFinished(events, 20_000);
    await Promise.all([queue.close(), events.close()]);
    return result;
  }
});

describe('with stand-ins for what is loaded', () => {
  const names = { live: 'v1' };
  let closed: string[];

  beforeEach(() => {
    closed = [];
    names.live = 'v1';
    write();
  });

  test('lets jobs in hand end on the old one before it is closed', async () => {
    let finish = () => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const serving = await open(async () => minds(names.live, () => held));
    const inHand = serving.reader.read('hello');
    release('v2');
    await serving.look();
    expect(serving.minds.version).toBe('v2');
    expect(closed).toEqual([]);
    finish();
    expect((await inHand).versions.encoder).toBe('v1');
    await expect.poll(() => closed).toEqual(['v1']);
    await serving.close();
    expect(closed).toEqual(['v1', 'v2']);
  });

  test('loads once however often it looks, and again when the registry changed meanwhile', async () => {
    let loads = 0;
    const serving = await open(async () => minds(names.live, undefined, ++loads));
    await serving.look();
    expect(loads).toBe(1);
    release('v2');
    const first = serving.look();
    release('v3');
    await Promise.all([first, serving.look(), serving.look()]);
    expect(serving.minds.version).toBe('v3');
    expect(loads).toBeLessThanOrEqual(3);
  });

  test('says once what cannot be loaded, tries it again now and then, and at once when asked to', async () => {
    let broken = true;
    let tries = 0;
    logged = '';
    const serving = await open(async () => {
      tries++;
      if (names.live === 'v2' && broken) throw new Error('half of it is missing');
      return minds(names.live);
    });
    release('v2');
    for (let i = 0; i < 45; i++) await serving.look();
    expect(serving.minds.version).toBe('v1');
    expect(tries).toBe(1 + 3);
    expect(logged.match(/half of it is missing/g)).toHaveLength(2); // message and stack of one line
    broken = false;
    await serving.look(true);
    expect(serving.minds.version).toBe('v2');
  });

  test('goes on where the registry cannot be read', async () => {
    const serving = await open(async () => minds(names.live));
    writeFileSync(join(folder, 'registry.json'), '{"schema": 1');
    await serving.look();
    expect(serving.minds.version).toBe('v1');
    release('v2');
    await serving.look();
    expect(serving.minds.version).toBe('v2');
  });

  test('reads again what another encoder read', async () => {
    const serving = await open(async () => minds(names.live));
    release('v2');
    await serving.look();
    const { versions } = await serving.writer.write(fakeJob(), { signal: new AbortController().signal });
    expect(versions).toEqual({ read: 'v2' });
    await serving.close();
  });

  const open = (load: () => Promise<Minds>) => openServing({ modelsDir: folder, load, log });

  function release(version: string): void {
    names.live = version;
    write();
  }

  function write(): void {
    const file = { schema: 1, tasks: { encoder: { live: names.live, versions: ['v1', 'v2', 'v3'] } }, generator: { default: 'lines' } };
    writeFileSync(join(folder, 'registry.json'), JSON.stringify(file));
  }

  function minds(version: string, until: () => Promise<void> = async () => {}, _count?: number): Minds {
    const models = ['v1', 'v2', 'v3'].map((v) => ({
      task: 'encoder',
      version: v,
      arm: v === version ? 'live' : 'kept',
      live: v === version,
    }));
    return {
      version,
      registry: { modelsDir: folder, defaultGenerator: 'lines', models },
      generator: 'lines',
      reader: {
        async read() {
          await until();
          return { ...fakeRead(), versions: { encoder: version } };
        },
      },
      writer: {
        write: async ({ read }) => ({
          text: 'yes',
          expression: 'neutral',
          line: null,
          source: { generator: 'lines', kind: 'universal', id: null },
          tokens: 0,
          candidates: [],
          versions: { read: read.versions.encoder as string },
        }),
      },
      failing: () => [],
      close: async () => void closed.push(version),
    };
  }
});
