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
  /** One user, the card read already: a whole write, all candidates. */
  oneUser: { p50Ms: number; p95Ms: number; firstDeltaMs: number; tokensPerSecond: number };
  /** So many users at once, one reply each. */
  manyUsers: { users: number; repliesPerSecond: number; tokensPerSecond: number };
  /** Chat sessions one after another: the same prompts, one reply each. */
  sessions: { repliesPerSecond: number; tokensPerSecond: number };
  /** manyUsers against sessions, tokens per second. */
  ratio: number;
  /** Resident bytes with the model and its context above those without. */
  memoryBytes: number;
}

export async function benchWrite(settings: Settings, { writes = 12, users = 16, tokens = 40, candidates = 3 } = {}): Promise<WriteFigures> {
  const log = pino({ level: 'error' }, pino.destination(2));
  const cards = await readCards(settings.charactersDir);
  const [card] = cards.values();
  if (!card) throw new Error(`${settings.charactersDir} holds no character`);
  const baseFile = await localFile(settings.baseModel, settings.cacheDir);
  const adapter = await fitting(await readAdapter(await readRegistry(settings.modelsDir)), baseFile, log);
  const threads = localThreads(settings.threads);
  const before = process.memoryUsage().rss;
  const given = { baseFile, adapter, cards, log, threads, maxReplyTokens: tokens, totalMs: 120_000 };
  const many = createLocal({ ...given, candidates, mostWaiting: users });
  await many.load();
  const never = new AbortController().signal;

  const ask = (i: number) => requestOf(card, i);
  await many.candidates(ask(0), never);
  const times: number[] = [];
  let [written, firstDeltaMs] = [0, 0];
  for (let i = 1; i <= writes; i++) {
    const from = performance.now();
    const drafts = await many.candidates(ask(i), never);
    times.push(performance.now() - from);
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
  const crowdFrom = performance.now();
  const crowd = await Promise.all(Array.from({ length: users }, (_, i) => one.candidates(ask(i + 100), never)));
  const crowdSeconds = (performance.now() - crowdFrom) / 1000;
  const crowdTokens = crowd.flat().reduce((sum, draft) => sum + draft.tokens, 0);
  await one.close();

  const sessions = await plainSessions(baseFile, adapter, card, { users, tokens, threads });
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] as number;
  const manyUsers = { users, repliesPerSecond: users / crowdSeconds, tokensPerSecond: crowdTokens / crowdSeconds };
  return {
    ...{ base: baseFile.split('/').at(-1) as string, adapter: adapter?.version ?? null, candidates, tokens },
    oneUser: { p50Ms: at(0.5), p95Ms: at(0.95), firstDeltaMs, tokensPerSecond: written / seconds },
    ...{ manyUsers, sessions, ratio: manyUsers.tokensPerSecond / sessions.tokensPerSecond, memoryBytes },
  };
}

/** What anybody would write first: a session for each reply, one after another. */
async function plainSessions(
  file: string,
  adapter: Adapter | null,
  card: Card,
  { users, tokens, threads }: { users: number; tokens: number; threads: number },
): Promise<WriteFigures['sessions']> {
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
  const from = performance.now();
  let written = 0;
  for (let i = 0; i < users; i++) written += await reply(i + 100);
  const seconds = (performance.now() - from) / 1000;
  await context.dispose();
  await base.release();
  return { repliesPerSecond: users / seconds, tokensPerSecond: written / seconds };
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
