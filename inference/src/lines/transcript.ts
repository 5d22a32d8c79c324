// Lets characters answer messages and prints what they say and why, for reading:
//   npx tsx inference/src/lines/transcript.ts messages.txt [slug,slug…]
// One message a line; `> ` before a line makes it a turn of the same talk as the one before.
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { EMOTIONS, type Emotion, type EmotionScore, type Mood, type Utterance, type WriteJob } from '../contract.ts';
import { encodeEmbedding } from '../encoder.ts';
import { toRequest } from '../generator.ts';
import { createLines } from '../generators/lines.ts';
import { openVectors } from '../vectors.ts';
import { openBench } from './bench.ts';
import { valence } from './feelings.ts';

const [file, slugs] = process.argv.slice(2);
const messages = readFileSync(file ?? '/dev/stdin', 'utf8')
  .split('\n')
  .filter((line) => line.trim() !== '');
const bench = await openBench();
const log = pino({ level: 'warn' }, pino.destination(2));
const vectors = await openVectors({ encoder: bench.encoder, shippedFile: '', cacheDir: join(tmpdir(), 'troupe-bench'), log });
const lines = createLines({ charactersDir: bench.charactersDir, vectors, encoder: bench.encoder, log });
await lines.load();
const signal = new AbortController().signal;

for (const slug of slugs?.split(',') ?? [...bench.corpus.characters.keys()]) {
  console.log(`\n# ${slug}`);
  let talk: Talk = begin();
  for (const [n, raw] of messages.entries()) {
    const goesOn = raw.startsWith('> ');
    if (!goesOn) talk = begin();
    const text = goesOn ? raw.slice(2) : raw;
    const [reading] = await bench.read([text]);
    const emotions: EmotionScore[] = EMOTIONS.map((label, i) => ({ label, score: reading?.emotions[i] ?? 0 })).sort(
      (a, b) => b.score - a.score,
    );
    talk = felt(talk, emotions);
    const job: WriteJob = {
      contract: 1,
      turnId: `${slug}-${n}`,
      conversation: slug,
      character: slug,
      text,
      read: {
        emotions,
        detected: ['neutral'],
        sentiment: { label: 'neutral', score: 1 },
        intent: { name: null, confidence: 0, alternatives: [] },
        embedding: encodeEmbedding(reading?.embedding ?? new Float32Array(384)),
        versions: {},
      },
      mood: talk.mood,
      history: talk.history.slice(-12),
      used: talk.used,
      facts: null,
      act: null,
      grave: false,
      stream: false,
    };
    const [first] = await lines.candidates(toRequest(job), signal);
    console.log(
      `${goesOn ? '   > ' : '- '}${text}\n     [${first?.source.kind} ${first?.source.id ?? ''} ${first?.score.toFixed(2)} · ${first?.why}] (${first?.expression})\n     ${first?.text}`,
    );
    if (first)
      talk = {
        ...talk,
        used: [...talk.used, first.line ?? ''],
        history: [...talk.history, { role: 'user', text }, { role: 'character', text: first.text }],
      };
  }
}
await lines.close();
await bench.close();

interface Talk {
  history: Utterance[];
  used: string[];
  sums: Partial<Record<Emotion, number>>;
  mood: Mood;
}

function begin(): Talk {
  return { history: [], used: [], sums: {}, mood: { label: 'neutral', valence: 0, intensity: 0, turns: 0 } };
}

/** As the bot keeps it, without the fading by time. */
function felt(talk: Talk, emotions: readonly EmotionScore[]): Talk {
  const sums = Object.fromEntries(
    emotions.map(({ label, score }) => [label, (talk.sums[label] ?? 0) * 0.6 + (score < 0.08 ? 0 : score)]),
  ) as Record<Emotion, number>;
  const all = Object.values(sums).reduce((a, b) => a + b, 0);
  const tilt = EMOTIONS.reduce((sum, label) => sum + sums[label] * valence[label], 0);
  const [label, most] = EMOTIONS.filter((e) => e !== 'neutral').reduce<[Emotion, number]>(
    (best, e) => (sums[e] > best[1] ? [e, sums[e]] : best),
    ['neutral', 0],
  );
  const mood: Mood = {
    label: most >= 0.15 && most >= sums.neutral * 0.5 ? label : 'neutral',
    valence: Math.max(-1, Math.min(1, tilt / Math.max(all, 0.5))),
    intensity: 1 - Math.exp(-1.5 * (all - sums.neutral)),
    turns: talk.mood.turns + 1,
  };
  return { ...talk, sums, mood };
}
