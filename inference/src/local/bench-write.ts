// How fast `local` writes here, beside plain chat sessions of the same library, one after another, in the same run.
import process from 'node:process';
import { pino } from 'pino';
import { plainMessages } from '../bench-read.ts';
import { type Card, readCards } from '../cards.ts';
import { encodeEmbedding } from '../encoder.ts';
import { toRequest, type WriteRequest } from '../generator.ts';
import { createLocal, localThreads } from '../generators/local.ts';
import { buildPrompt } from '../prompt.ts';
import { readRegistry } from '../registry.ts';
import type { Settings } from '../settings.ts';
import { type Adapter, fitting, readAdapter } from './adapter.ts';
import { localFile, openBase } from './base.ts';

export interface WriteFigures {
  base: string;
  adapter: string | null;
  /** Replies asked of each write, and tokens that one may have. */
  candidates: number;
  tokens: number;
  /** One user, the card read already: a whole write, all candidates. `processorMs` is the median of what a write takes of the processor. */
  oneUser: { p50Ms: number; p95Ms: number; processorMs: number; firstDeltaMs: number; tokensPerSecond: number };
  /** So many users at once, one reply each; the median of the rounds. */
  manyUsers: Rate & { users: number };
  /** Chat sessions one after another: the same prompts, one reply of the same length at most each; a round of them after each round of the users. */
  sessions: Rate;
  /** manyUsers against sessions, round by round. */
  ratio: { replies: Spread; tokens: Spread };
  /** Resident bytes with the model and its context above those without. */
  memoryBytes: number;
}

export interface Rate {
  repliesPerSecond: number;
  tokensPerSecond: number;
}
export interface Spread {
  least: number;
  median: number;
  most: number;
}

export async function benchWrite(
  settings: Settings,
  { writes = 12, users = 16, rounds = 3, tokens = 40, candidates = 3 } = {},
): Promise<WriteFigures> {
  const log = pino({ level: 'error' }, pino.destination(2));
  const cards = await readCards(settings.charactersDir);
  const [card] = cards.values();
  if (!card) throw new Error(`${settings.charactersDir} holds no character`);
  const baseFile = await localFile(settings.baseModel, settings.cacheDir);
  const adapter = await fitting(await readAdapter(await readRegistry(settings.modelsDir)), baseFile, log);
  const threads = localThreads(settings.threads);
  const before = process.memoryUsage().rss;
  const given = { baseFile, adapter, cards, log, threads, maxReplyTokens: tokens, totalMs: 600_000 };
  const many = createLocal({ ...given, candidates, mostWaiting: users });
  await many.load();
  const never = new AbortController().signal;

  const ask = (i: number) => requestOf(card, i);
  await many.candidates(ask(0), never);
  const times: number[] = [];
  const processor: number[] = [];
  let [written, firstDeltaMs] = [0, 0];
  for (let i = 1; i <= writes; i++) {
    const [from, used] = [performance.now(), process.cpuUsage()];
    const drafts = await many.candidates(ask(i), never);
    times.push(performance.now() - from);
    const { user, system } = process.cpuUsage(used);
    processor.push((user + system) / 1000);
    written += drafts.reduce((sum, draft) => sum + draft.tokens, 0);
  }
  const from = performance.now();
  for await (const _ of many.sentences(ask(writes + 1), never)) {
    firstDeltaMs = performance.now() - from;
    break;
  }
  const memoryBytes = process.memoryUsage().rss - before;
  const seconds = times.reduce((a, b) => a + b, 0) / 1000;
  await many.close();

  const one = createLocal({ ...given, candidates: 1, mostWaiting: users });
  await one.load();
  await one.candidates(ask(0), never);
  const sessions = await plainSessions(baseFile, adapter, card, { tokens, threads });
  const [crowds, queues]: [Rate[], Rate[]] = [[], []];
  for (let round = 1; round <= rounds; round++) {
    const asked = Array.from({ length: users }, (_, i) => round * 100 + i);
    crowds.push(
      await rate(users, async () => {
        const drafts = await Promise.all(asked.map((i) => one.candidates(ask(i), never)));
        return drafts.flat().reduce((sum, draft) => sum + draft.tokens, 0);
      }),
    );
    queues.push(
      await rate(users, async () => {
        let written = 0;
        for (const i of asked) written += await sessions.reply(i);
        return written;
      }),
    );
  }
  await one.close();
  await sessions.close();

  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] as number;
  const median = (rates: Rate[]): Rate => ({
    repliesPerSecond: spread(rates.map((each) => each.repliesPerSecond)).median,
    tokensPerSecond: spread(rates.map((each) => each.tokensPerSecond)).median,
  });
  const ratio = (of: keyof Rate) => spread(crowds.map((crowd, i) => crowd[of] / (queues[i] as Rate)[of]));
  return {
    ...{ base: baseFile.split('/').at(-1) as string, adapter: adapter?.version ?? null, candidates, tokens },
    oneUser: {
      ...{ p50Ms: at(0.5), p95Ms: at(0.95), processorMs: spread(processor).median },
      ...{ firstDeltaMs, tokensPerSecond: written / seconds },
    },
    manyUsers: { users, ...median(crowds) },
    sessions: median(queues),
    ...{ ratio: { replies: ratio('repliesPerSecond'), tokens: ratio('tokensPerSecond') }, memoryBytes },
  };
}

/** What anybody would write first: a session for each reply, one after another. `reply` gives the tokens written. */
async function plainSessions(
  file: string,
  adapter: Adapter | null,
  card: Card,
  { tokens, threads }: { tokens: number; threads: number },
): Promise<{ reply(i: number): Promise<number>; close(): Promise<void> }> {
  const { LlamaChatSession } = await import('node-llama-cpp');
  const base = await openBase(file, threads);
  const context = await base.model.createContext({
    ...{ contextSize: 640, threads },
    ...(adapter && { lora: { adapters: [{ filePath: adapter.file, scale: 1 }] } }),
  });
  const sequence = context.getSequence();
  const reply = async (i: number) => {
    const request = requestOf(card, i);
    const [system] = buildPrompt(request, card, 580).messages;
    const session = new LlamaChatSession({ contextSequence: sequence, systemPrompt: system?.content ?? '' });
    const text = await session.prompt(request.job.text, { maxTokens: tokens, temperature: 0.8, topP: 0.95, minP: 0.05, seed: i });
    session.dispose({ disposeSequence: false });
    return base.model.tokenize(text).length;
  };
  await reply(0);
  return {
    reply,
    async close() {
      await context.dispose();
      await base.release();
    },
  };
}

async function rate(replies: number, write: () => Promise<number>): Promise<Rate> {
  const from = performance.now();
  const tokens = await write();
  const seconds = (performance.now() - from) / 1000;
  return { repliesPerSecond: replies / seconds, tokensPerSecond: tokens / seconds };
}

function spread(values: number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (i: number) => sorted[i] as number;
  return { least: at(0), median: at(sorted.length >> 1), most: at(sorted.length - 1) };
}

function requestOf(card: Card, i: number): WriteRequest {
  const text = plainMessages[i % plainMessages.length] as string;
  return toRequest({
    ...{ contract: 1, turnId: `bench-${i}`, conversation: 'bench', character: card.slug, text },
    read: {
      ...{ emotions: [], detected: ['neutral'], sentiment: { label: 'neutral', score: 1 }, versions: {} },
      intent: { name: null, confidence: 0, alternatives: [] },
      embedding: encodeEmbedding(new Float32Array(384)),
    },
    mood: { label: 'neutral', valence: 0, intensity: 0, turns: 0 },
    ...{ history: [], used: [], facts: null, act: null, grave: false, stream: false },
  });
}
