// A language model in this process: any GGUF by llama.cpp, with the LoRA adapter that the registry names. local.md says what to expect.
import type { Logger } from 'pino';
import { type Breaker, createBreaker } from '../breaker.ts';
import type { Card } from '../cards.ts';
import { InferenceError } from '../errors.ts';
import type { Draft, Sentence, StreamingGenerator, WriteRequest } from '../generator.ts';
import type { Adapter } from '../local/adapter.ts';
import { openBase } from '../local/base.ts';
import { type LocalModel, openLocalModel, type Raw } from '../local/model.ts';
import { buildPrompt, type Prompt } from '../prompt.ts';
import { cut, wholeOf } from '../sentences.ts';

export interface LocalOptions {
  /** A GGUF file. */
  baseFile: string;
  /** One that fits the base, or none: the base as it is. */
  adapter: Adapter | null;
  cards: ReadonlyMap<string, Card>;
  log: Logger;
  threads: number;
  /** Replies that compete; with one, deltas come sentence by sentence. */
  candidates?: number;
  maxReplyTokens?: number;
  contextTokens?: number;
  sequences?: number;
  mostWaiting?: number;
  /** A whole reply, waiting included. */
  totalMs?: number;
  breaker?: Breaker;
  availableBytes?: number;
}

export interface LocalGenerator extends StreamingGenerator {
  /** Sequences in use and requests that wait. */
  busy(): { busy: number; waiting: number };
}

/**
 * `load` rejects with `base_missing`, `base_invalid`, `base_too_large` or `adapter_invalid`, naming file and fix. Replies reject with
 * `local_busy`, `local_timeout`, `local_paused`, `local_closed`, `local_prompt_too_long`, `character_unknown`, or the caller's reason; all but the last three are retryable.
 */
export function createLocal(options: LocalOptions): LocalGenerator {
  const { baseFile, adapter, cards, log, threads, candidates: count = 3, maxReplyTokens = 60, totalMs = 15_000 } = options;
  const { contextTokens = 640, sequences: wide = 8, mostWaiting = 32, availableBytes, breaker = createBreaker({ failures: 3 }) } = options;
  let model: LocalModel | undefined;

  const open = async () => {
    const base = await openBase(baseFile, threads, availableBytes);
    try {
      model = await openLocalModel({
        ...{ base, adapterFile: adapter?.file ?? null, threads },
        ...{ sequences: wide, contextTokens, replyTokens: maxReplyTokens, mostWaiting },
      });
    } catch (error) {
      await base.release();
      throw error;
    }
  };

  async function write(request: WriteRequest, signal: AbortSignal, replies: number, onPiece?: (text: string) => void) {
    const { job } = request;
    const card = cards.get(job.character);
    if (!card) throw new InferenceError('character_unknown', `there is no character "${job.character}" in CHARACTERS_DIR`);
    if (!model) throw new InferenceError('local_closed', 'the language model is not loaded', { retryable: true });
    if (!breaker.allows())
      throw new InferenceError('local_paused', 'the language model failed several times in a row and is left alone for a while', {
        retryable: true,
      });
    const limit = AbortSignal.timeout(totalMs);
    try {
      const { tokens, stop } = await fitted(model, request, card);
      const either = AbortSignal.any([signal, limit]);
      const seed = seedOf(job.turnId);
      const written = await model.write(tokens, {
        count: replies,
        maxTokens: maxReplyTokens,
        stop,
        seed,
        signal: either,
        ...(onPiece && { onPiece }),
      });
      breaker.succeeded();
      return written;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const coded = limit.aborted
        ? new InferenceError('local_timeout', `the language model took longer than ${totalMs / 1000} s for a reply`, { retryable: true })
        : error;
      // Being busy is no fault of the model's.
      if ((coded as InferenceError).code !== 'local_busy') breaker.failed();
      log.warn({ code: (coded as InferenceError).code, turnId: job.turnId, character: card.slug }, 'the language model gave no reply');
      throw coded;
    }
  }

  return {
    name: 'local',
    capabilities: { streams: count === 1, languageModel: true } as LocalGenerator['capabilities'],
    load: open,
    async candidates(request, signal) {
      const written = await write(request, signal, count);
      return written.flatMap(({ text, tokens, end }): Draft[] => {
        const whole = (end === 'length' ? wholeOf(text) : text).trim();
        const source = { generator: 'local', kind: 'model' as const, id: null };
        return whole ? [{ text: whole, line: null, source, score: 0, why: adapter?.version ?? 'base', expression: 'neutral', tokens }] : [];
      });
    },
    async *sentences(request, signal): AsyncGenerator<Sentence> {
      const pieces = channel<string>();
      const writing = write(request, signal, 1, pieces.put).finally(pieces.end);
      writing.catch(() => {});
      let said = '';
      let taken = 0;
      for await (const piece of pieces) {
        said += piece;
        for (const sentence of cut(said.slice(taken)).whole) {
          taken += sentence.length;
          yield { text: sentence, tokens: 0 };
        }
      }
      const [{ tokens, end }] = (await writing) as [Raw];
      const rest = end === 'length' ? wholeOf(said.slice(taken)) : said.slice(taken);
      if (rest.trim()) yield { text: rest, tokens };
    },
    busy: () => model?.load() ?? { busy: 0, waiting: 0 },
    failing: () => (breaker.open ? 'the language model gives no replies; lines answer instead' : null),
    async close() {
      await model?.close();
      model = undefined;
    },
  };
}

/**
 * One core is left to everything else: threads of llama.cpp wait for each other, spinning, at every layer, and where one of two cores is busy with
 * something else two threads take ten times as long as one.
 */
export function localThreads(cores: number): number {
  return Math.max(1, cores - 1);
}

/** The prompt in tokens. Budgets are estimates: where the real count is over the context, a smaller one is tried, and the card and last message stay. */
async function fitted(
  model: LocalModel,
  request: WriteRequest,
  card: Card,
): Promise<Pick<Prompt, 'stop'> & { tokens: Awaited<ReturnType<LocalModel['render']>> }> {
  for (const share of [1, 0.75, 0.5, 0.25, 0]) {
    const prompt = buildPrompt(request, card, Math.round(model.promptTokens * share));
    const tokens = await model.render(prompt);
    if (tokens.length <= model.promptTokens) return { tokens, stop: prompt.stop };
  }
  throw new InferenceError(
    'local_prompt_too_long',
    `the card of ${card.slug} and the message alone have more than the ${model.promptTokens} tokens that fit; lines answer`,
  );
}

/** FNV-1a: the same turn is written the same way. */
function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** What one side puts, the other iterates. */
function channel<T>() {
  const items: T[] = [];
  let ended = false;
  let wake = () => {};
  return {
    put(item: T) {
      items.push(item);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (items.length > 0) yield items.shift() as T;
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
