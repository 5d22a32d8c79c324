// The sequences of one context: lent to who writes, each keeping what it read last, so that a prompt's beginning is read once for all of them.
import type { LlamaContext, LlamaContextSequence, Token } from 'node-llama-cpp';
import { InferenceError } from '../errors.ts';
import type { Pace } from './pace.ts';

export interface Sequences {
  /** One that has read much of the prompt, when there is one free. Rejects with `local_busy`, `local_closed`, or the signal's reason. */
  take(tokens: Token[], signal: AbortSignal): Promise<LlamaContextSequence>;
  /** Another one, where nobody waits for it. */
  another(tokens: Token[]): LlamaContextSequence | undefined;
  /** All but the last token: what follows that one is what is asked for. */
  read(sequence: LlamaContextSequence, tokens: Token[], signal: AbortSignal): Promise<void>;
  giveBack(sequence: LlamaContextSequence): void;
  load(): { busy: number; waiting: number };
  /** Tokens evaluated so far, read and written. */
  evaluated(): number;
  close(): void;
}

/** What the library's own decision contexts use, under no public name: where a release has it no more, each sequence reads for itself. */
type Copies = { _copyStateFromOtherSequence?(from: LlamaContextSequence, upToToken: number): Promise<boolean> };

/** A copy takes about as long as a token or two take to read. */
const worthCopying = 8;
/** So many are read in one step, and whoever is writing gets a token after each. */
const chunk = 64;

export function createSequences(context: LlamaContext, count: number, mostWaiting: number, pace: Pace): Sequences {
  const all = Array.from({ length: count }, () => context.getSequence());
  /** The one that was used longest ago first. */
  const free = [...all];
  const waiting: { tokens: Token[]; take(sequence: LlamaContextSequence): void; fail(error: unknown): void }[] = [];
  let closed = false;
  let reading: Promise<unknown> = Promise.resolve();

  const nearest = (tokens: Token[]): LlamaContextSequence => {
    const known = free.map((sequence) => (knows(sequence, tokens) < worthCopying ? 0 : knows(sequence, tokens)));
    return free.splice(known.indexOf(Math.max(...known)), 1)[0] as LlamaContextSequence;
  };

  /** Leaves in the sequence what it knows of the prompt, or what another one knows where that is more. */
  async function begin(sequence: LlamaContextSequence, tokens: Token[]): Promise<void> {
    const source = all.reduce((best, other) => (knows(other, tokens) > knows(best, tokens) ? other : best), sequence);
    const common = knows(source, tokens);
    const copies = sequence as LlamaContextSequence & Copies;
    if (copies._copyStateFromOtherSequence && !sequence.needsCheckpoints && common >= knows(sequence, tokens) + worthCopying)
      if (!(await copies._copyStateFromOtherSequence(source, common))) await sequence.clearHistory();
    await sequence.adaptStateToTokens(tokens, false);
  }

  async function readAll(sequence: LlamaContextSequence, tokens: Token[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await pace.alone(() => begin(sequence, tokens));
    while (sequence.nextTokenIndex < tokens.length) {
      const part = tokens.slice(sequence.nextTokenIndex, sequence.nextTokenIndex + chunk);
      await pace.together(() => sequence.evaluateWithoutGeneratingNewTokens(part));
      signal.throwIfAborted();
    }
  }

  return {
    take(tokens, signal) {
      signal.throwIfAborted();
      if (closed) throw gone();
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
    },
    another: (tokens) => (waiting.length === 0 && free.length > 0 ? nearest(tokens) : undefined),
    // One after another: the second finds what the first has read.
    read(sequence, tokens, signal) {
      const turn = reading.then(() => readAll(sequence, tokens.slice(0, -1), signal));
      reading = turn.catch(() => {});
      return turn;
    },
    giveBack(sequence) {
      free.push(sequence);
      const next = closed ? undefined : waiting.shift();
      if (next) next.take(nearest(next.tokens));
    },
    load: () => ({ busy: count - free.length, waiting: waiting.length }),
    evaluated: () => all.reduce((sum, { tokenMeter }) => sum + tokenMeter.usedInputTokens + tokenMeter.usedOutputTokens, 0),
    close() {
      closed = true;
      for (const { fail } of waiting.splice(0)) fail(gone());
    },
  };
}

export function gone(): InferenceError {
  return new InferenceError('local_closed', 'the language model has been closed', { retryable: true });
}

/** How much of the prompt a sequence has read. */
function knows(sequence: LlamaContextSequence, tokens: Token[]): number {
  return sequence.compareContextTokens(tokens).firstDifferentIndex;
}
