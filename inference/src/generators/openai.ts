// Any server that speaks OpenAI's chat completions (vLLM, SGLang, llama.cpp, Ollama), streamed.
import OpenAI from 'openai';
import type { Logger } from 'pino';
import { type Breaker, createBreaker } from '../breaker.ts';
import type { Card } from '../cards.ts';
import { InferenceError } from '../errors.ts';
import type { Draft, Generator, Sentence, StreamingGenerator, WriteRequest } from '../generator.ts';
import { boundedFetch, toCoded, waitMs } from '../openai-failures.ts';
import { buildPrompt } from '../prompt.ts';
import { cut, wholeOf } from '../sentences.ts';

export interface OpenAiOptions {
  /** Up to and with /v1. */
  baseUrl: string;
  apiKey: string;
  /** `{character}` in it becomes the character's slug: a server of adapters (vLLM's --enable-lora) has a model name for each. */
  model: string;
  cards: ReadonlyMap<string, Card>;
  log: Logger;
  /** How many replies compete. One is streamed sentence by sentence where somebody listens; of several the best is said whole. */
  replies?: number;
  timeouts?: Partial<Timeouts>;
  /** Repetitions after 408, 409, 429, 5xx and failed connections, with growing, jittered pauses; a Retry-After of up to five seconds is waited for. */
  maxRetries?: number;
  /** For system prompt, history and exemplars together. */
  promptTokens?: number;
  maxReplyTokens?: number;
  breaker?: Breaker;
}

export interface Timeouts {
  /** Until the server has accepted the request. */
  connectMs: number;
  firstTokenMs: number;
  /** The whole reply, repetitions included. */
  totalMs: number;
}

/** A piece of one of the replies that were asked for; `finish` says why it ends there. */
interface Piece {
  index: number;
  text: string;
  finish: string | null;
}

/**
 * Rejects with `openai_timeout`, `openai_unreachable`, `openai_refused` (4xx), `openai_failed` (5xx, 429), `openai_broken` (no stream that can be read,
 * or half of one), `openai_paused` (the breaker is open), or the caller's reason. All but `openai_refused` are retryable.
 */
export function createOpenAi(options: OpenAiOptions): Generator & Pick<StreamingGenerator, 'sentences'> {
  const { baseUrl, apiKey, model, cards, log, replies = 1, maxRetries = 2, promptTokens = 3000, maxReplyTokens = 200 } = options;
  const { breaker = createBreaker() } = options;
  const timeouts: Timeouts = { connectMs: 5000, firstTokenMs: 8000, totalMs: 20_000, ...options.timeouts };
  const client = new OpenAI({ baseURL: baseUrl, apiKey, maxRetries, timeout: timeouts.connectMs, fetch: boundedFetch, logLevel: 'off' });
  // A server that goes on after the length it was given is left there.
  const mostCharacters = maxReplyTokens * 8;
  let ignoresN = false;

  async function* pieces(request: WriteRequest, n: number, signal: AbortSignal): AsyncGenerator<Piece> {
    const card = cards.get(request.job.character);
    if (!card) throw new InferenceError('character_unknown', `there is no character "${request.job.character}" in CHARACTERS_DIR`);
    if (!breaker.allows())
      throw new InferenceError('openai_paused', `${baseUrl} failed several times in a row and is left alone for a while`, {
        retryable: true,
      });
    const clock = startClock(timeouts, signal);
    try {
      const { messages, stop } = buildPrompt(request, card, promptTokens);
      const stream = await clock.within(
        client.chat.completions.create(
          {
            model: model.replaceAll('{character}', card.slug),
            messages,
            stop,
            stream: true,
            max_tokens: maxReplyTokens,
            temperature: 0.8,
            top_p: 0.95,
            ...(n > 1 && { n }),
          },
          { signal: clock.signal },
        ),
      );
      const lengths = Array.from({ length: n }, () => 0);
      const open = new Set<number>();
      let ended = 0;
      for await (const { choices } of stream) {
        for (const { index = 0, delta, finish_reason: finish = null } of choices ?? []) {
          const before = lengths[index];
          if (before === undefined || before > mostCharacters) continue;
          const text = delta?.content ?? '';
          if (text) clock.sawToken();
          lengths[index] = before + text.length;
          const over = lengths[index] > mostCharacters ? 'length' : null;
          if (finish || over) {
            ended++;
            open.delete(index);
          } else open.add(index);
          if (text || finish || over) yield { index, text, finish: finish ?? over };
        }
        if (ended > 0 && open.size === 0 && lengths.some((length) => length > mostCharacters)) break;
      }
      clock.signal.throwIfAborted();
      if (ended === 0)
        throw new InferenceError('openai_broken', `${baseUrl} ended its stream in the middle of a reply`, { retryable: true });
      breaker.succeeded();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      // A model that is not served for one character says nothing about the server.
      if (!(error instanceof OpenAI.NotFoundError)) breaker.failed(waitMs(error));
      const coded = toCoded(error, clock.expired(), baseUrl);
      log.warn(
        { code: coded.code, character: card.slug, turnId: request.job.turnId, paused: breaker.open },
        'the language model gave no reply',
      );
      throw coded;
    } finally {
      clock.stop();
    }
  }

  async function* sentences(request: WriteRequest, signal: AbortSignal): AsyncGenerator<Sentence> {
    let pending = '';
    let tokens = 0;
    for await (const { text, finish } of pieces(request, 1, signal)) {
      if (text) tokens++;
      const { whole, rest } = cut(pending + text);
      for (const sentence of whole) {
        yield { text: sentence, tokens };
        tokens = 0;
      }
      pending = rest;
      // A reply that ran into its length keeps its whole sentences.
      if (finish === 'length') pending = wholeOf(pending);
    }
    if (pending.trim()) yield { text: pending, tokens };
  }

  /** As many of the `n` replies as came to their ends. */
  async function drafts(request: WriteRequest, n: number, signal: AbortSignal): Promise<Draft[]> {
    const written = Array.from({ length: n }, () => ({ text: '', tokens: 0, whole: false }));
    for await (const { index, text, finish } of pieces(request, n, signal)) {
      const one = written[index] as (typeof written)[number];
      one.text += text;
      if (text) one.tokens++;
      if (finish === 'length') one.text = wholeOf(one.text);
      one.whole ||= finish !== null;
    }
    const source = { generator: 'openai', kind: 'model' as const, id: null };
    return written
      .filter(({ text, whole }) => whole && text.trim())
      .map(({ text, tokens }) => ({ text: text.trim(), line: null, source, score: 0, why: model, expression: 'neutral', tokens }));
  }

  /** In one request where the server knows `n`; otherwise side by side, and from then on at once. */
  async function several(request: WriteRequest, signal: AbortSignal): Promise<Draft[]> {
    const first = ignoresN
      ? []
      : await drafts(request, replies, signal).catch((error) => {
          // "Only one completion choice is allowed."
          if (error.cause instanceof OpenAI.BadRequestError || error.cause instanceof OpenAI.UnprocessableEntityError) return [];
          throw error;
        });
    if (first.length >= replies || (first.length > 1 && !ignoresN)) return first;
    ignoresN = true;
    const asked = Array.from({ length: replies - first.length }, () => drafts(request, 1, signal));
    const settled = await Promise.allSettled(asked);
    const found = [...first, ...settled.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))];
    const lost = settled.find((one) => one.status === 'rejected');
    if (found.length === 0 && lost) throw lost.reason;
    return found;
  }

  return {
    name: 'openai',
    capabilities: { streams: replies === 1, languageModel: true },
    load: async () => {},
    candidates: (request, signal) => (replies === 1 ? drafts(request, 1, signal) : several(request, signal)),
    sentences,
    failing: () => (breaker.open ? `${baseUrl} does not answer; lines answer instead` : null),
    close: async () => {},
  };
}

/** One signal for the caller's wish and the two later time limits. */
function startClock({ firstTokenMs, totalMs }: Timeouts, signal: AbortSignal) {
  const own = new AbortController();
  let what: string | null = null;
  const expire = (name: string) => () => {
    what = name;
    own.abort(new Error(name));
  };
  const first = setTimeout(expire('first token'), firstTokenMs);
  const total = setTimeout(expire('whole reply'), totalMs);
  const either = AbortSignal.any([own.signal, signal]);
  return {
    signal: either,
    /** The client hears of no signal while it waits for its next attempt. */
    within: <T>(work: Promise<T>): Promise<T> =>
      Promise.race([
        work,
        new Promise<never>((_, reject) => {
          either.addEventListener('abort', () => reject(either.reason), { once: true });
          if (either.aborted) reject(either.reason);
        }),
      ]),
    sawToken: () => clearTimeout(first),
    expired: () => what,
    stop() {
      clearTimeout(first);
      clearTimeout(total);
    },
  };
}
