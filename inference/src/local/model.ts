// A language model that writes for many at once: sequences of one context, evaluated in batches, each keeping the prompt it last read.
import type { LlamaContext, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { InferenceError } from '../errors.ts';
import type { Prompt } from '../prompt.ts';
import type { Base } from './base.ts';

export interface LocalModel {
  /** Tokens that a prompt may have. */
  readonly promptTokens: number;
  /** As the model's own chat template writes it. */
  render(prompt: Prompt): Promise<Token[]>;
  /**
   * `count` replies to one prompt, seeds `seed`, `seed + 1`, …; `onPiece` gets the text of the first as it comes. Rejects with `local_busy` when too
   * many wait, `local_closed`, or the signal's reason; a reply in hand at an abort ends at its next token.
   */
  write(tokens: Token[], options: WriteTokens): Promise<Raw[]>;
  /** Sequences in use and callers that wait: both 0 when idle. */
  load(): { busy: number; waiting: number };
  close(): Promise<void>;
}

export interface WriteTokens {
  count: number;
  maxTokens: number;
  stop: readonly string[];
  seed: number;
  temperature?: number;
  signal: AbortSignal;
  onPiece?: (text: string) => void;
}

export interface Raw {
  text: string;
  tokens: number;
  end: 'stop' | 'length';
}

export interface LocalModelOptions {
  base: Base;
  adapterFile: string | null;
  sequences?: number;
  /** Of each sequence, prompt and reply together. */
  contextTokens?: number;
  replyTokens?: number;
  threads: number;
  mostWaiting?: number;
}

/** Rejects with `adapter_invalid`, or what llama.cpp says. */
export async function openLocalModel(options: LocalModelOptions): Promise<LocalModel> {
  const { base, adapterFile, sequences: wanted = 8, contextTokens = 1024, replyTokens = 96, threads, mostWaiting = 32 } = options;
  const { model } = base;
  const { resolveChatWrapper } = await import('node-llama-cpp');
  const context = await createContext(model, adapterFile, { wanted, contextTokens, threads });
  const wrapper = resolveChatWrapper(model);
  const free = Array.from({ length: wanted }, () => context.getSequence());
  const busy = new Set<LlamaContextSequence>();
  const waiting: { tokens: Token[]; take(sequence: LlamaContextSequence): void; fail(error: unknown): void }[] = [];
  let closed = false;

  /** The free one that has read most of the prompt already. */
  const nearest = (tokens: Token[]): LlamaContextSequence => {
    const known = free.map((sequence) => sequence.compareContextTokens(tokens).firstDifferentIndex);
    const [sequence] = free.splice(known.indexOf(Math.max(...known)), 1) as [LlamaContextSequence];
    busy.add(sequence);
    return sequence;
  };

  const take = (tokens: Token[], signal: AbortSignal): Promise<LlamaContextSequence> => {
    if (free.length > 0) return Promise.resolve(nearest(tokens));
    if (waiting.length >= mostWaiting)
      throw new InferenceError('local_busy', `${waiting.length} replies wait for the language model; lines answer this one`, {
        retryable: true,
      });
    return new Promise((resolve, reject) => {
      const entry = { tokens, take: resolve, fail: reject };
      waiting.push(entry);
      signal.addEventListener('abort', () => {
        const at = waiting.indexOf(entry);
        if (at >= 0) waiting.splice(at, 1);
        reject(signal.reason);
      });
    });
  };

  const giveBack = (sequence: LlamaContextSequence) => {
    busy.delete(sequence);
    free.push(sequence);
    const next = closed ? undefined : waiting.shift();
    if (next) next.take(nearest(next.tokens));
  };

  async function generate(
    sequence: LlamaContextSequence,
    tokens: Token[],
    seed: number,
    options: WriteTokens,
    onPiece?: (text: string) => void,
  ) {
    const { maxTokens, stop, temperature = 0.8, signal } = options;
    // The last token is evaluated anew: what follows it is what is asked for.
    await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
    const said: Token[] = [];
    let [text, whole] = ['', ''];
    let end: Raw['end'] = 'length';
    const show = (upTo: string) => {
      if (upTo.length <= text.length) return;
      onPiece?.(upTo.slice(text.length));
      text = upTo;
    };
    const sampling = { temperature, topP: 0.95, minP: 0.05, seed: seed >>> 0, repeatPenalty: { punishTokens: () => said, penalty: 1.1 } };
    for await (const token of sequence.evaluate(tokens.slice(sequence.nextTokenIndex), sampling)) {
      if (signal.aborted || closed) break;
      if (model.isEogToken(token)) {
        end = 'stop';
        break;
      }
      said.push(token);
      whole = model.detokenize(said, false, tokens);
      const over = stop.map((word) => whole.indexOf(word)).filter((at) => at >= 0);
      if (over.length > 0) {
        whole = whole.slice(0, Math.min(...over));
        end = 'stop';
        break;
      }
      // Half a character, and what may become a stop word, are shown when it is clear what they are.
      if (!whole.endsWith('\uFFFD')) show(whole.slice(0, whole.length - begun(whole, stop)));
      if (said.length >= maxTokens) break;
    }
    show(whole.replace(/\uFFFD+$/, ''));
    signal.throwIfAborted();
    if (closed) throw new InferenceError('local_closed', 'the language model has been closed', { retryable: true });
    return { text, tokens: said.length, end };
  }

  return {
    promptTokens: contextTokens - replyTokens,
    async render({ messages }) {
      const history = messages.map(({ role, content }) =>
        role === 'assistant' ? { type: 'model' as const, response: [content] } : { type: role, text: content },
      );
      const { contextText } = wrapper.generateContextState({ chatHistory: [...history, { type: 'model', response: [] }] });
      return contextText.tokenize(model.tokenizer);
    },
    async write(tokens, options) {
      const { count, seed, signal, onPiece } = options;
      signal.throwIfAborted();
      if (closed) throw new InferenceError('local_closed', 'the language model has been closed', { retryable: true });
      const first = await take(tokens, signal);
      // One sequence writes all, one after another, from a prompt it reads once. Others join where nobody waits for them and they know the prompt.
      const lanes = [first];
      const knows = (sequence: LlamaContextSequence) => sequence.compareContextTokens(tokens).firstDifferentIndex >= 0.8 * tokens.length;
      while (lanes.length < count && waiting.length === 0 && free.some(knows)) lanes.push(nearest(tokens));
      const replies: Raw[] = new Array(count);
      let next = 0;
      const written = await Promise.allSettled(
        lanes.map(async (sequence) => {
          try {
            for (let i = next++; i < count; i = next++)
              replies[i] = await generate(sequence, tokens, seed + i, options, i === 0 ? onPiece : undefined);
          } finally {
            giveBack(sequence);
          }
        }),
      );
      const failed = written.find((outcome) => outcome.status === 'rejected');
      if (failed) throw failed.reason;
      return replies;
    },
    load: () => ({ busy: busy.size, waiting: waiting.length }),
    async close() {
      closed = true;
      for (const { fail } of waiting.splice(0))
        fail(new InferenceError('local_closed', 'the language model has been closed', { retryable: true }));
      await context.dispose();
      await base.release();
    },
  };
}

/** The length of the longest end of the text that a stop word may begin with. */
function begun(text: string, stop: readonly string[]): number {
  const longest = Math.max(0, ...stop.map((word) => word.length - 1));
  for (let length = Math.min(longest, text.length); length > 0; length--)
    if (stop.some((word) => word.startsWith(text.slice(-length)))) return length;
  return 0;
}

async function createContext(
  model: LlamaModel,
  adapterFile: string | null,
  { wanted, contextTokens, threads }: { wanted: number; contextTokens: number; threads: number },
): Promise<LlamaContext> {
  try {
    return await model.createContext({
      sequences: wanted,
      contextSize: Math.min(contextTokens, model.trainContextSize ?? contextTokens),
      batchSize: 512,
      threads,
      ...(adapterFile && { lora: { adapters: [{ filePath: adapterFile, scale: 1 }] } }),
    });
  } catch (cause) {
    if (!adapterFile) throw cause;
    throw new InferenceError(
      'adapter_invalid',
      `${adapterFile} cannot be used: ${(cause as Error).message}; train it again for this base`,
      { cause },
    );
  }
}
