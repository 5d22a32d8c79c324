// What `lines` offers to wordings it has never seen, with its own scores: what a ranker must not spoil.
//   npx tsx inference/src/offers.ts [--all] [--out FILE]
// Writes FILE, by default training/runs/ranker/offers.jsonl: each situation's held-out wording to one character in turn, with --all to every character.
// The held-out wordings are taken out of a copy of the characters first.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import type { WriteJob } from './contract.ts';
import { loadCorpus } from './corpus.ts';
import { toRequest } from './generator.ts';
import { createLines } from './generators/lines.ts';
import { heldOut } from './lines/bench.ts';
import { openEncoder } from './onnx-encoder.ts';
import { createReader } from './reader.ts';
import { readRegistry } from './registry.ts';
import { readSettings } from './settings.ts';
import { openVectors } from './vectors.ts';

const { values: given } = parseArgs({ options: { all: { type: 'boolean' }, out: { type: 'string' } } });
const file = given.out ?? fileURLToPath(new URL('../../training/runs/ranker/offers.jsonl', import.meta.url));
const settings = readSettings(process.env);
const log = pino({ level: 'warn' }, pino.destination(2));
const charactersDir = mkdtempSync(join(tmpdir(), 'troupe-offers-'));

cpSync(settings.charactersDir, charactersDir, { recursive: true });
const { situations, characters } = await loadCorpus(charactersDir);
const { kept } = heldOut(situations);
const apart = new Set(kept.map(({ text }) => text));
rewrite<{ examples: string[] }>('situations.jsonl', (row) => ({ ...row, examples: row.examples.filter((text) => !apart.has(text)) }));
rewrite<{ text: string }>('wordings.jsonl', (row) => (apart.has(row.text) ? null : row));

const encoder = await openEncoder({ registry: await readRegistry(settings.modelsDir), threads: settings.threads, log });
const shippedFile = join(settings.modelsDir, 'encoder', encoder.version, 'lines.vectors');
const lines = createLines({
  charactersDir,
  vectors: await openVectors({ encoder, shippedFile, cacheDir: settings.cacheDir, log }),
  encoder,
  log,
});
await lines.load();
const reader = createReader({ encoder, intents: { version: 'none', classify: () => ({ name: null, confidence: 0, alternatives: [] }) } });

const slugs = [...characters.keys()];
const written: string[] = [];
for (const [i, { id, text }] of kept.entries()) {
  const read = await reader.read(text);
  const emotions = Object.fromEntries(read.emotions.map(({ label, score }) => [label, Math.round(score * 1e4) / 1e4]));
  for (const character of given.all ? slugs : [slugs[i % slugs.length] as string]) {
    const turnId = `${character}-${id}`;
    const job: WriteJob = {
      ...{ contract: 1, turnId, conversation: turnId, character, text, read, history: [], used: [], facts: null, act: null },
      mood: { label: 'neutral', valence: 0, intensity: 0, turns: 0 },
      ...{ grave: false, stream: false },
    };
    const drafts = await lines.candidates(toRequest(job), new AbortController().signal);
    const candidates = drafts.map(({ text, line, source, score, expression }) => ({ text, line, source, score, expression }));
    written.push(JSON.stringify({ encoder: encoder.checksum, id, character, message: text, emotions, mood: job.mood, candidates }));
  }
}
mkdirSync(dirname(file), { recursive: true });
writeFileSync(`${file}.new`, `${written.join('\n')}\n`);
renameSync(`${file}.new`, file);
console.log(`${file}: ${written.length} offers`);
await lines.close();
await encoder.close();
rmSync(charactersDir, { recursive: true });

/** Rows that become null are left out. */
function rewrite<T>(name: string, change: (row: T) => T | null): void {
  const path = join(charactersDir, name);
  const rows = readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => change(JSON.parse(line) as T) ?? []);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}
