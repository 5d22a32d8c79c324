// The loop of learning, once by hand: votes → export → train → gate → release → what is said changes as the votes asked; a worse one is refused; back.
// Troupe as it ships on Redis and PostgreSQL; it runs through all of it without a restart.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { run as exportVerb } from '../bin/verbs/export.ts';
import type { Answer } from '../bot/src/platform.ts';
import { lockFolder } from '../prisma/src/lock.ts';
import { startTroupe, type Troupe } from '../start.ts';
import { python, stage, troupeVerb } from './python.ts';
import { ownStores } from './services.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-votes-'));
const at = (...names: string[]) => join(folder, ...names);
const wordings = readFileSync('characters/situations.jsonl', 'utf8')
  .trim()
  .split('\n')
  .map((line) => (JSON.parse(line) as { examples: string[] }).examples[3] as string);
const characters = ['delia', 'june', 'walt'];
let env: Record<string, string>;
let troupe: Troupe;

beforeAll(async () => {
  // The registry is the test's own; what it names is the repository's.
  mkdirSync(at('models'));
  symlinkSync(join(process.cwd(), 'models', 'encoder'), at('models', 'encoder'));
  cpSync('models/ranker', at('models', 'ranker'), { recursive: true });
  const registry = JSON.parse(readFileSync('models/registry.json', 'utf8'));
  const { encoder, ranker } = registry.tasks;
  writeFileSync(
    at('models', 'registry.json'),
    JSON.stringify({ ...registry, tasks: { encoder, ranker: { live: 'v0', versions: ranker.versions } } }),
  );
  env = { ...(await stores()), DATA_DIR: at('data'), MODELS_DIR: at('models'), PORT: '0', GENERATOR: 'lines', LIMIT_PER_PERSON: 'off' };
  troupe = await startTroupe(env, pino({ level: 'silent' }));
});
afterAll(async () => {
  await troupe?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(!python)('votes change what is said, a worse ranker is refused, and a rollback restores', { timeout: 600_000 }, async () => {
  // ── Twelve people who dislike questions; every fifth thumb is the wrong way round ──────────────────────────────────
  const before = await shareOfQuestions();
  expect(before.ranker).toBe('v0');
  await each(240, async (n) => {
    const { reply } = await chat(wordings[(n * 7) % 400] as string, `vote-${n}`, characters[n % 3] as string, `person-${n % 12}`);
    const likes = !asks(reply.text) !== (n % 5 === 0);
    await post('/v1/feedback', { reply: reply.id, user: `person-${n % 12}`, value: likes ? 'up' : 'down' });
  });
  await expect.poll(async () => (await troupe.store.prisma.vote.count()) >= 240, { timeout: 20_000 }).toBe(true);

  // ── Export, beside the running Troupe ──────────────────────────────────────────────────────────────────────────────
  // A skill's facts are nobody's manner: thumbs on those few stay here.
  const exported = troupeVerb(['export', '--out', at('export')], env);
  expect(exported).toMatchObject({ people: 12, trainOn: 'derived', platforms: { web: exported.votes } });
  expect(exported.votes).toBeGreaterThan(220);

  // ── Train, gate, release ───────────────────────────────────────────────────────────────────────────────────────────
  execFileSync(process.execPath, ['--import', 'tsx', 'inference/src/offers.ts', '--out', at('offers.jsonl')], {
    env: { ...process.env, ...env },
  });
  const votes = ['--votes', at('export', 'votes.jsonl'), '--offers', at('offers.jsonl')];
  const models = ['--models', at('models')];
  stage('ranker', [...votes, ...models, '--version', 'v1', '--out', at('build'), '--runs', at('runs')]);
  const gated = (version: string) => [
    ...['--candidate', at('build', version), '--figures', at('runs', `ranker.${version}`, 'figures.json')],
    ...['--live-figures', at('runs', `ranker.${version}`, 'live', 'figures.json'), ...models, '--out', at(`gate.${version}.json`)],
  ];
  const release = (version: string) => [
    ...['--staged', at('build', version), '--task', 'ranker', '--version', version, '--gate', at(`gate.${version}.json`), ...models],
  ];
  expect(stage('gate', gated('v1'))).toContain('accepted');
  stage('release', release('v1'));
  await serves('v1');

  // ── What is said has changed, as the votes asked ───────────────────────────────────────────────────────────────────
  const after = await shareOfQuestions();
  expect(after.ranker).toBe('v1');
  expect(before.share).toBeGreaterThan(0.2);
  expect(after.share).toBeLessThan(before.share / 2);

  // ── One that wants the opposite is refused with its reasons; nothing live is touched ───────────────────────────────
  const untouched = readFileSync(at('models', 'registry.json'), 'utf8');
  turnRound(at('build', 'v1'), at('build', 'v2'));
  const measured = (model: string, out: string) => stage('evaluate_ranker', ['--model', model, ...votes, '--out', out]);
  measured(at('build', 'v2'), at('runs', 'ranker.v2'));
  measured(at('models', 'ranker', 'v1'), at('runs', 'ranker.v2', 'live'));
  expect(stage('gate', gated('v2'), 1)).toMatch(
    /refused: votesAuc is 0\.\d+; no version may have less than 0\.5\nrefused: votesAuc goes from 0\./,
  );
  expect(stage('release', release('v2'), 1)).toContain('nothing live was touched: the gate refused it: votesAuc is');
  expect(readFileSync(at('models', 'registry.json'), 'utf8')).toBe(untouched);

  // ── Back, and forth again, read back from the worker ───────────────────────────────────────────────────────────────
  const back = troupeVerb(['models', 'rollback', 'ranker', '--by', 'Ada', '--why', 'too curt'], env);
  expect(back).toMatchObject({ changed: true, line: { live: 'v0', previous: 'v1', by: 'Ada', why: 'too curt' } });
  await serves('v0');
  const restored = await shareOfQuestions();
  expect(restored.ranker).toBe('v0');
  expect(restored.share).toBeGreaterThan((before.share + after.share) / 2);
  expect(troupeVerb(['models', 'promote', 'ranker', 'v1'], env)).toMatchObject({ changed: true });
  await serves('v1');
});

test('an export from the embedded store says what to do while a Troupe holds it', { timeout: 240_000 }, async () => {
  const giveBack = await lockFolder(at('held'));
  const { DATABASE_URL, REDIS_URL, ...rest } = process.env;
  process.env = { ...rest, DATA_DIR: at('held') };
  try {
    const held = {
      code: 'store-held',
      message: expect.stringMatching(/held by .*Stop that Troupe \(Ctrl-C\), export, and start it again.*DATABASE_URL/),
    };
    await expect(exportVerb(['--out', at('none')])).rejects.toMatchObject(held);
    giveBack();
    expect(await exportVerb(['--out', at('none'), '--json'])).toBe(0);
    expect(readFileSync(at('none', 'votes.jsonl'), 'utf8')).toBe('');
    expect([await exportVerb(['--since', 'whenever']), await exportVerb(['--per-person', '0'])]).toEqual([2, 2]);
  } finally {
    process.env = { ...rest, ...(DATABASE_URL && { DATABASE_URL }), ...(REDIS_URL && { REDIS_URL }) };
  }
});

/** /v1/models and /metrics say that this version serves; and no other does. */
async function serves(version: string): Promise<void> {
  const live = async () => {
    const { models } = (await (await fetch(`${troupe.address}/v1/models`)).json()) as {
      models: { task: string; version: string; live: boolean }[];
    };
    return models.filter(({ task, live }) => task === 'ranker' && live).map((model) => model.version);
  };
  await expect.poll(live, { timeout: 60_000 }).toEqual([version]);
  const info = (await (await fetch(`${troupe.address}/metrics`)).text()).match(/^troupe_model_info\{task="ranker".*$/gm);
  expect(info).toEqual([`troupe_model_info{task="ranker",version="${version}",arm="live"} 1`]);
}

/** Of the replies to sixty messages that nobody voted on; and which ranker chose them. */
async function shareOfQuestions(): Promise<{ share: number; ranker: string | undefined }> {
  let questions = 0;
  const rankers = new Set<string | undefined>();
  const round = ++rounds;
  await each(60, async (n) => {
    const { reply, versions } = await chat(wordings[401 + n] as string, `probe-${round}-${n}`, characters[n % 3] as string, 'probe');
    if (asks(reply.text)) questions++;
    rankers.add(versions.ranker);
  });
  return { share: questions / 60, ranker: [...rankers].join() };
}
let rounds = 0;

const asks = (text: string) => text.trimEnd().endsWith('?');

async function each(count: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 6 }, worker));
}

async function chat(message: string, conversation: string, character: string, user: string): Promise<Answer> {
  return (await (await post('/v1/chat', { message, conversation, character, user })).json()) as Answer;
}

async function post(path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${troupe.address}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`);
  return response;
}

/** The same ranker with every weight the other way round, under another version. */
function turnRound(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
  const negated = (value: unknown): unknown => {
    if (typeof value === 'number') return -value;
    return Object.fromEntries(Object.entries(value as object).map(([name, of]) => [name, negated(of)]));
  };
  const { schema, margin, valence, ...weights } = JSON.parse(readFileSync(join(from, 'ranker.json'), 'utf8'));
  const text = JSON.stringify({ schema, margin, valence, ...(negated(weights) as object) });
  writeFileSync(join(to, 'ranker.json'), text);
  const manifest = JSON.parse(readFileSync(join(from, 'manifest.json'), 'utf8'));
  const sha256 = createHash('sha256').update(text).digest('hex');
  const files = manifest.files.map((file: { path: string }) =>
    file.path === 'ranker.json' ? { ...file, bytes: Buffer.byteLength(text), sha256 } : file,
  );
  writeFileSync(join(to, 'manifest.json'), JSON.stringify({ ...manifest, version: 'v2', files }));
}

async function stores(): Promise<{ DATABASE_URL: string; REDIS_URL: string }> {
  const { databaseUrl, redisUrl } = await ownStores(inject('postgresUrl'), inject('redisUrl'));
  return { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl };
}
