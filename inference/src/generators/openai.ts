// Any server that speaks OpenAI's chat completions (vLLM, SGLang, llama.cpp, Ollama), streamed.
import OpenAI from 'openai';
import type { Logger } from 'pino';
import { type Breaker, createBreaker } from '../breaker.ts';
import type { Card } from '../cards.ts';
import { InferenceError } from '../errors.ts';
import type { Sentence, StreamingGenerator, WriteRequest } from '../generator.ts';
import { buildPrompt } from '../prompt.ts';

export interface OpenAiOptions {
  /** Up to and with /v1. */
  baseUrl: string;
  apiKey: string;
  model: string;
  cards: ReadonlyMap<string, Card>;
  log: Logger;
  timeouts?: Partial<Timeouts>;
  /** Repetitions after 408, 409, 429, 5xx and failed connections, with growing, jittered pauses; Retry-After is heeded. */
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

/**
 * Rejects with `openai_timeout`, `openai_unreachable`, `openai_refused` (4xx), `openai_failed` (5xx, 429), `openai_broken` (no stream that can be read,
 * or half of one), `openai_paused` (the breaker is open), or the caller's reason. All but `openai_refused` are retryable.
 */
export function createOpenAi(options: OpenAiOptions): StreamingGenerator {
  const {
    baseUrl,
    apiKey,
    model,
    cards,
    log,
    maxRetries = 2,
    promptTokens = 3000,
    maxReplyTokens = 200,
    breaker = createBreaker(),
  } = options;
  const timeouts: Timeouts = { connectMs: 5000, firstTokenMs: 8000, totalMs: 20_000, ...options.timeouts };
  const client = new OpenAI({ baseURL: baseUrl, apiKey, maxRetries, timeout: timeouts.connectMs, logLevel: 'off' });

  async function* sentences(request: WriteRequest, signal: AbortSignal): AsyncGenerator<Sentence> {
    const card = cards.get(request.job.character);
    if (!card) throw new InferenceError('character_unknown', `there is no character "${request.job.character}" in CHARACTERS_DIR`);
    if (!breaker.allows())
      throw new InferenceError('openai_paused', `${baseUrl} failed several times in a row and is left alone for a while`, {
        retryable: true,
      });
    const clock = startClock(timeouts, signal);
    try {
      const { messages, stop } = buildPrompt(request, card, promptTokens);
      const stream = await client.chat.completions.create(
        {
          model,
          messages,
          stop,
          stream: true,
          max_completion_tokens: undefined,
          max_tokens: maxReplyTokens,
          temperature: 0.8,
          top_p: 0.95,
        },
        { signal: clock.signal },
      );
      let pending = '';
      let tokens = 0;
      let finished: string | null = null;
      for await (const chunk of stream) {
        const choice = chunk.choices?.[0];
        const piece = choice?.delta?.content ?? '';
        if (piece) {
          clock.sawToken();
          pending += piece;
          tokens++;
        }
        finished = choice?.finish_reason ?? finished;
        for (let end = sentenceEnd(pending); end > 0; end = sentenceEnd(pending)) {
          yield { text: pending.slice(0, end), tokens };
          pending = pending.slice(end);
          tokens = 0;
        }
      }
      clock.signal.throwIfAborted();
      if (!finished) throw new InferenceError('openai_broken', `${baseUrl} ended its stream in the middle of a reply`, { retryable: true });
      // A reply that ran into its length keeps its whole sentences.
      if (finished !== 'length' && pending.trim()) yield { text: pending, tokens };
      breaker.succeeded();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      breaker.failed();
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

  return {
    name: 'openai',
    capabilities: { streams: true, languageModel: true },
    load: async () => {},
    async candidates(request, signal) {
      let text = '';
      let tokens = 0;
      for await (const sentence of sentences(request, signal)) {
        text += sentence.text;
        tokens += sentence.tokens;
      }
      const source = { generator: 'openai', kind: 'model' as const, id: null };
      return text.trim() ? [{ text: text.trim(), line: null, source, score: 0, why: model, expression: 'neutral', tokens }] : [];
    },
    sentences,
    failing: () => (breaker.open ? `${baseUrl} does not answer; lines answer instead` : null),
    close: async () => {},
  };
}

/** Where the first whole sentence ends, its white space included; 0 while there is none. */
function sentenceEnd(text: string): number {
  const found = /[.!?…]["'”’)*]*\s+(?=\S)|\n+(?=\S)/.exec(text);
  return found ? found.index + found[0].length : 0;
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
  return {
    signal: AbortSignal.any([own.signal, signal]),
    sawToken: () => clearTimeout(first),
    expired: () => what,
    stop() {
      clearTimeout(first);
      clearTimeout(total);
    },
  };
}

function toCoded(error: unknown, expired: string | null, baseUrl: string): InferenceError {
  if (error instanceof InferenceError) return error;
  const coded = (code: string, message: string, retryable = true) => new InferenceError(code, `${baseUrl} ${message}`, { retryable });
  if (expired) return coded('openai_timeout', `took too long for the ${expired}`);
  if (error instanceof OpenAI.APIConnectionTimeoutError) return coded('openai_timeout', 'took too long to accept the request');
  if (error instanceof OpenAI.APIConnectionError) return coded('openai_unreachable', 'cannot be reached');
  if (error instanceof OpenAI.APIError && error.status) {
    const passing = error.status === 408 || error.status === 429 || error.status >= 500;
    return coded(passing ? 'openai_failed' : 'openai_refused', `answered ${error.status}`, passing);
  }
  return coded('openai_broken', 'sent something that is no reply');
}
