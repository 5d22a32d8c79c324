// What the generator `lines` answers to messages it has never seen, for training/evaluate.py:
//   python -m training.evaluation_sets && npx tsx inference/src/lines/answer.ts
// Reads training/runs/evaluation/held-out.jsonl and writes replies.lines.jsonl beside it. The held-out wordings and exchanges are taken out of
// a copy of the characters first: with them it would only say its lesson.
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { readCards } from '../cards.ts';
import type { WriteJob } from '../contract.ts';
import { loadCorpus } from '../corpus.ts';
import { createLines } from '../generators/lines.ts';
import { openEncoder } from '../onnx-encoder.ts';
import { createReader } from '../reader.ts';
import { readRegistry } from '../registry.ts';
import { readSettings } from '../settings.ts';
import { openVectors } from '../vectors.ts';
import { createWriter } from '../writer.ts';

interface Asked {
  kind: 'wording' | 'exchange';
  /** The situation's or the exchange's. */
  id: string;
  character: string;
  message: string;
  references: string[];
}

const runs = fileURLToPath(new URL('../../../training/runs/evaluation', import.meta.url));
const asked = rows<Asked>(join(runs, 'held-out.jsonl'));
const settings = readSettings(process.env);
const log = pino({ level: 'warn' }, pino.destination(2));
const charactersDir = mkdtempSync(join(tmpdir(), 'troupe-held-out-'));

// ── The characters without what is asked ──────────────────────────────────────────────────────────────────────────────
cpSync(settings.charactersDir, charactersDir, { recursive: true });
const cards = await readCards(charactersDir);
const wordings = new Set(asked.filter(({ kind }) => kind === 'wording').map(({ message }) => message));
const exchanges = new Set(asked.filter(({ kind }) => kind === 'exchange').map(({ id }) => id));
rewrite<{ examples: string[] }>('situations.jsonl', (row) => ({ ...row, examples: row.examples.filter((text) => !wordings.has(text)) }));
rewrite<{ text: string }>('wordings.jsonl', (row) => (wordings.has(row.text) ? null : row));
for (const slug of cards.keys()) rewrite<{ id: string }>(join(slug, 'exchanges.jsonl'), (row) => (exchanges.has(row.id) ? null : row));

// ── The writer as it ships ────────────────────────────────────────────────────────────────────────────────────────────
const encoder = await openEncoder({ registry: await readRegistry(settings.modelsDir), threads: settings.threads, log });
const shippedFile = join(settings.modelsDir, 'encoder', encoder.version, 'lines.vectors');
const vectors = await openVectors({ encoder, shippedFile, cacheDir: join(tmpdir(), 'troupe-bench'), log });
// Dialogues join behind the first replies; here every reply shall have them, so their openings come first and then one turn for each character.
const { characters } = await loadCorpus(charactersDir);
await vectors.fill(
  [...characters.values()].flatMap(({ dialogues }) => dialogues.flatMap(({ turns }) => turns.slice(0, 1).map(({ user }) => user))),
);
const lines = createLines({ charactersDir, vectors, encoder, log });
await lines.load();
for (const _ of characters.keys()) await vectors.fill([]);
const reader = createReader({ encoder, intents: { version: 'none', classify: () => ({ name: null, confidence: 0, alternatives: [] }) } });
const writer = createWriter({ lines, other: null, encoder, cards, versions: { encoder: encoder.version }, log });

const written: string[] = [];
for (const [i, { kind, id, character, message, ...rest }] of asked.entries()) {
  const job: WriteJob = {
    contract: 1,
    turnId: `${character}-${id}`,
    conversation: `${character}-${id}`,
    character,
    text: message,
    read: await reader.read(message),
    mood: { label: 'neutral', valence: 0, intensity: 0, turns: 0 },
    history: [],
    used: [],
    facts: null,
    act: null,
    grave: false,
    stream: false,
  };
  const { text, expression, source } = await writer.write(job, { signal: new AbortController().signal });
  written.push(JSON.stringify({ encoder: encoder.checksum, kind, id, character, message, ...rest, reply: text, expression, source }));
  if (process.stderr.isTTY) process.stderr.write(`\r${i + 1} of ${asked.length} `);
}
const file = join(runs, 'replies.lines.jsonl');
writeFileSync(`${file}.new`, `${written.join('\n')}\n`);
renameSync(`${file}.new`, file);
console.log(`${file}: ${written.length} replies`);
await lines.close();
await encoder.close();
rmSync(charactersDir, { recursive: true });

function rows<T>(path: string): T[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

/** Rows that become null are left out. */
function rewrite<T>(name: string, change: (row: T) => T | null): void {
  const path = join(charactersDir, name);
  const kept = rows<T>(path)
    .map(change)
    .filter((row) => row !== null);
  writeFileSync(path, kept.map((row) => `${JSON.stringify(row)}\n`).join(''));
}
