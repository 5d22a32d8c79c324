// Watching for drift as an operator does: people write to a running Troupe, its reads are exported beside it, and training/drift.py tells how far they
// have moved, in words, for Prometheus, and to whoever asked to train again then.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { readEncoderConfig, readRegistry, verifyLive } from '../inference/src/registry.ts';
import { openMeasures } from '../inference/src/tokenizer.ts';
import { startTroupe, type Troupe } from '../start.ts';
import { python, stage, troupeVerb } from './python.ts';
import { ownStores } from './services.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-drift-'));
const at = (...names: string[]) => join(folder, ...names);
let env: Record<string, string>;
let troupe: Troupe;

beforeAll(async () => {
  const { databaseUrl, redisUrl } = await ownStores(inject('postgresUrl'), inject('redisUrl'));
  env = {
    ...{ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, DATA_DIR: at('data'), PORT: '0', GENERATOR: 'lines', LIMIT_PER_PERSON: 'off' },
  };
  troupe = await startTroupe(env, pino({ level: 'silent' }));
});
afterAll(async () => {
  await troupe?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(!python)(
  'live reads are exported, held against earlier ones, and start a training where that was asked for',
  { timeout: 300_000 },
  async () => {
    const everyday = [
      'my day was long',
      'what should i cook tonight',
      'i am a bit nervous about tomorrow',
      'thanks, that was kind',
      'it rains again',
    ];
    const glad = 'WOOHOO i got the jobbbb!!! best day ever, we r celebrating all niiight with everybody from the old team omg';
    await each(40, (n) => say(`${everyday[n % 5]} ${n % 7 === 0 ? 'friend' : ''}`, `before-${n}`));
    const before = troupeVerb(['export', '--reads', '--out', at('before')], env);
    expect(before).toMatchObject({ reads: 40, file: at('before', 'reads.jsonl'), trainOn: 'derived' });
    const since = new Date(Date.parse(before.to as string) + 1).toISOString();

    const drift = (live: string, ...more: string[]) =>
      stage('drift', [
        '--live',
        at(live, 'reads.jsonl'),
        '--reference',
        at('before', 'reads.jsonl'),
        '--out',
        at('out'),
        '--least',
        '40',
        ...more,
      ]);
    const trained = at('trained');
    const training = ['--repro-above', '0.1', '--command', `touch ${trained}`];
    expect(drift('before', ...training)).toMatch(/40 reads against 40 of .*\n[\s\S]*total +the largest +0\.0000/);
    expect(existsSync(trained)).toBe(false);

    await each(40, (n) => say(`${glad} ${n % 3 === 0 ? 'yesss' : ''}`, `after-${n}`));
    expect(troupeVerb(['export', '--reads', '--since', since, '--out', at('after')], env)).toMatchObject({ reads: 40 });
    const rows = readFileSync(at('after', 'reads.jsonl'), 'utf8');
    expect(rows).not.toMatch(/jobbbb|celebrating|after-/);
    expect(drift('after', ...training)).toContain(`is above 0.1: touch ${trained}`);
    expect(existsSync(trained)).toBe(true);
    const metrics = readFileSync(at('out', 'drift.prom'), 'utf8');
    expect(metrics).toMatch(/^troupe_drift_reads 40$/m);
    for (const feature of ['emotion', 'length', 'unknown', 'total'])
      expect(Number(new RegExp(`^troupe_drift_score\\{feature="${feature}"\\} (\\S+)$`, 'm').exec(metrics)?.[1])).toBeGreaterThan(0.1);
    expect(metrics).toMatch(/^troupe_drift_score\{feature="intent"\} /m);
  },
);

test.skipIf(!python)('a text is measured here as the reference was measured there', async () => {
  const model = await verifyLive(await readRegistry('models'), 'encoder');
  const { maxTokens } = await readEncoderConfig(model);
  const measure = await openMeasures(model.folder, maxTokens);
  const texts = [
    'the rain is nice 👍',
    'zxqwv blorptastic rain',
    '',
    '   ',
    "i can't, won't — don't!",
    '日本 ok',
    `${'word '.repeat(80)}blorptastic`,
  ];
  const program = `import json, sys, pathlib; from training.drift import measures; print(json.dumps(measures(json.load(sys.stdin), pathlib.Path(sys.argv[1]), ${maxTokens})))`;
  const there = execFileSync(python as string, ['-c', program, model.folder], { input: JSON.stringify(texts), encoding: 'utf8' });
  expect(texts.map(measure)).toEqual(JSON.parse(there));
});

async function each(count: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 6 }, worker));
}

async function say(message: string, conversation: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ message, conversation, user: conversation });
  const response = await fetch(`${troupe.address}/v1/chat`, { method: 'POST', headers, body });
  if (!response.ok) throw new Error(`POST /v1/chat answered ${response.status}: ${await response.text()}`);
}
