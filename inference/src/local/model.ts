// A language model that writes for many at once: sequences of one context, which go on together, a token each, in one batch.
import type { LlamaContext, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { InferenceError } from '../errors.ts';
import type { Prompt } from '../prompt.ts';
import type { Base } from './base.ts';
import { createPace } from './pace.ts';
import { createSequences, gone } from './sequences.ts';

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
  /** Tokens evaluated so far, read and written. */
  evaluated(): number;
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
  const pace = createPace();
  const sequences = createSequences(context, wanted, mostWaiting, pace);
  let closed = false;

  async function generate(
    sequence: LlamaContextSequence,
    tokens: Token[],
    seed: number,
    options: WriteTokens,
    onPiece?: (text: string) => void,
  ) {
    const { maxTokens, stop, temperature = 0.8, signal } = options;
    await sequences.read(sequence, tokens, signal);
    const said: Token[] = [];
    let [text, whole] = ['', ''];
    const show = (upTo: string) => {
      if (upTo.length <= text.length) return;
      onPiece?.(upTo.slice(text.length));
      text = upTo;
    };
    const sampling = { temperature, topP: 0.95, minP: 0.05, seed: seed >>> 0, repeatPenalty: { punishTokens: () => said, penalty: 1.1 } };
    let end: Raw['end'] = 'stop';
    for await (const token of pace.each(sequence.evaluate(tokens.slice(sequence.nextTokenIndex), sampling))) {
      if (signal.aborted || closed) break;
      said.push(token);
      whole = model.detokenize(said, false, tokens);
      const over = stop.map((word) => whole.indexOf(word)).filter((at) => at >= 0);
      if (over.length > 0) {
        whole = whole.slice(0, Math.min(...over));
        break;
      }
      // Half a character, and what may become a stop word, are shown when it is clear what they are.
      if (!whole.endsWith('\uFFFD')) show(whole.slice(0, whole.length - begun(whole, stop)));
      if (said.length < maxTokens) continue;
      end = 'length';
      break;
    }
    show(whole.replace(/\uFFFD+$/, ''));
    signal.throwIfAborted();
    if (closed) throw gone();
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
      // Each candidate is written in a sequence of its own where one is free, and otherwise after another.
      const lanes = [await sequences.take(tokens, signal)];
      while (lanes.length < count) {
        const lane = sequences.another(tokens);
        if (!lane) break;
        lanes.push(lane);
      }
      const replies: Raw[] = new Array(count);
      let next = 0;
      const written = await Promise.allSettled(
        lanes.map(async (sequence) => {
          try {
            for (let i = next++; i < count; i = next++)
              replies[i] = await generate(sequence, tokens, seed + i, options, i === 0 ? onPiece : undefined);
          } finally {
            sequences.giveBack(sequence);
          }
        }),
      );
      const failed = written.find((outcome) => outcome.status === 'rejected');
      if (failed) throw closed ? gone() : failed.reason;
      return replies;
    },
    load: sequences.load,
    evaluated: sequences.evaluated,
    async close() {
      closed = true;
      sequences.close();
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
