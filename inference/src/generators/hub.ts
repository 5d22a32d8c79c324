// A language model of transformers.js, from the Hugging Face hub or a folder, in a thread of its own: onnxruntime blocks the thread it runs on.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Breaker, createBreaker } from '../breaker.ts';
import type { Card } from '../cards.ts';
import { InferenceError } from '../errors.ts';
import type { Sentence, StreamingGenerator, WriteRequest } from '../generator.ts';
import { type HubModel, openHubModel } from '../hub-model.ts';
import { buildPrompt } from '../prompt.ts';
import { cut, wholeOf } from '../sentences.ts';

export interface HubOptions {
  /** `owner/name` on the hub, or an absolute folder. */
  model: string;
  /** Where what comes from the hub is kept. */
  cacheDir: string;
  cards: ReadonlyMap<string, Card>;
  log: Logger;
  /** Cores for one reply. */
  threads?: number;
  /** Replies that may wait for the one that is being written; one more is refused, and lines answer. */
  mostWaiting?: number;
  /** A whole reply, waiting and loading included. */
  totalMs?: number;
  promptTokens?: number;
  maxReplyTokens?: number;
  /** How much chance has a say in the words; 0 for none. */
  temperature?: number;
  breaker?: Breaker;
  /** For tests: another hub. */
  remoteHost?: string;
}

/**
 * The model is loaded when the first reply is asked for; until it is there, and whenever it fails, lines answer.
 * `load` rejects with `hub_incomplete` where a folder lacks a file. Replies reject with `hub_incomplete`, `hub_missing` (the hub has no such model),
 * `hub_offline`, `hub_failed`, `hub_lost` (its thread died), `hub_busy`, `hub_timeout`, `hub_paused`, `hub_closed`, `character_unknown` or the caller's reason.
 */
export function createHub(options: HubOptions): StreamingGenerator {
  const { model: name, cacheDir, cards, log, threads = 1, mostWaiting = 8, totalMs = 20_000, remoteHost } = options;
  const { promptTokens = 3000, maxReplyTokens = 200, temperature = 0.8, breaker = createBreaker({ failures: 2 }) } = options;
  const isFolder = name.startsWith('/') || /^[a-z]:\\/i.test(name);
  let opening: Promise<HubModel> | undefined;
  let closed = false;
  let asked = 0;

  /** Opened anew after a failure, once the breaker lets it. */
  const open = (): Promise<HubModel> => {
    opening ??= (async () => {
      const dtypes = isFolder ? weightsOf(name) : preferred;
      return openHubModel({ name, isFolder, dtypes, cacheDir, threads, log, onLost: forget, ...(remoteHost && { remoteHost }) });
    })();
    opening.catch(forget);
    return opening;
  };
  const forget = () => {
    opening = undefined;
  };

  async function* sentences(request: WriteRequest, signal: AbortSignal): AsyncGenerator<Sentence> {
    const { job } = request;
    const card = cards.get(job.character);
    if (!card) throw new InferenceError('character_unknown', `there is no character "${job.character}" in CHARACTERS_DIR`);
    if (closed) throw new InferenceError('hub_closed', `${name} has been closed`);
    if (asked > mostWaiting)
      throw new InferenceError('hub_busy', `${asked} replies wait for ${name}; lines answer this one`, { retryable: true });
    if (!breaker.allows())
      throw new InferenceError('hub_paused', `${name} failed several times in a row and is left alone for a while`, { retryable: true });
    asked++;
    const limit = AbortSignal.timeout(totalMs);
    const either = AbortSignal.any([signal, limit]);
    try {
      const model = await settled(open(), either);
      const budget = Math.min(promptTokens, (model.context ?? Number.POSITIVE_INFINITY) - maxReplyTokens);
      const { messages, stop } = buildPrompt(request, card, budget);
      let said = '';
      let taken = 0;
      let tokens = 0;
      let ended = 'stop';
      for await (const piece of model.write({ messages, maxTokens: maxReplyTokens, temperature }, either)) {
        if (piece.end) ended = piece.end;
        said += piece.text;
        tokens += piece.tokens;
        const over = firstOf(said, stop);
        if (over >= 0) said = said.slice(0, over);
        for (const sentence of cut(said.slice(taken)).whole) {
          taken += sentence.length;
          yield { text: sentence, tokens };
          tokens = 0;
        }
        if (over >= 0) break;
      }
      // A reply that ran into its length keeps its whole sentences.
      const rest = ended === 'length' ? wholeOf(said.slice(taken)) : said.slice(taken);
      if (rest.trim()) yield { text: rest, tokens };
      breaker.succeeded();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      breaker.failed();
      const coded = limit.aborted
        ? new InferenceError('hub_timeout', `${name} took longer than ${totalMs / 1000} s for a reply`, { retryable: true })
        : (error as InferenceError);
      log.warn({ code: coded.code, err: coded, character: card.slug, turnId: job.turnId }, 'the language model gave no reply');
      throw coded;
    } finally {
      asked--;
    }
  }

  return {
    name: 'hub',
    capabilities: { streams: true, languageModel: true },
    async load() {
      if (isFolder) checkFolder(name);
    },
    async candidates(request, signal) {
      let text = '';
      let tokens = 0;
      for await (const sentence of sentences(request, signal)) {
        text += sentence.text;
        tokens += sentence.tokens;
      }
      const source = { generator: 'hub', kind: 'model' as const, id: null };
      return text.trim() ? [{ text: text.trim(), line: null, source, score: 0, why: name, expression: 'neutral', tokens }] : [];
    },
    sentences,
    failing: () => (breaker.open ? `${name} gives no replies; lines answer instead` : null),
    async close() {
      closed = true;
      const model = await opening?.catch(() => undefined);
      await model?.close();
    },
  };
}

/** The smallest that a core is quick with come first; as transformers.js calls them, with the ends of their files' names. */
const dtypes: Record<string, string> = {
  q4: '_q4',
  q8: '_quantized',
  int8: '_int8',
  uint8: '_uint8',
  fp32: '',
  fp16: '_fp16',
  q4f16: '_q4f16',
  bnb4: '_bnb4',
};
const preferred = Object.keys(dtypes);

function weightsOf(folder: string): string[] {
  return preferred.filter((dtype) => existsSync(join(folder, 'onnx', `model${dtypes[dtype]}.onnx`)));
}

function checkFolder(folder: string): void {
  const layout = 'expected the layout of transformers.js: config.json, tokenizer.json, tokenizer_config.json and onnx/model….onnx';
  const refuse = (what: string): never => {
    throw new InferenceError('hub_incomplete', `GENERATOR: ${folder} ${what}; ${layout}. Give such a folder, or a name on the hub`);
  };
  if (!existsSync(folder)) refuse('is not there');
  for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
    if (!existsSync(join(folder, file))) refuse(`has no ${file}`);
  if (weightsOf(folder).length > 0) return;
  const onnx = join(folder, 'onnx');
  const found = existsSync(onnx) ? readdirSync(onnx).join(', ') || 'nothing' : 'no such folder';
  refuse(`has no weights (in onnx: ${found})`);
}

/** Rejects with the signal's reason, whatever becomes of the work. */
function settled<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Where the first of them begins; −1 where none is there. */
function firstOf(text: string, parts: readonly string[]): number {
  const found = parts.map((part) => text.indexOf(part)).filter((at) => at >= 0);
  return found.length > 0 ? Math.min(...found) : -1;
}
