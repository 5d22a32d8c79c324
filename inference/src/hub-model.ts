// One model of transformers.js in its thread: replies one after another, in the order they were asked for, each of them can be cancelled.
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { InferenceError } from './errors.ts';
import type { Prompt } from './prompt.ts';
import { tellNobody } from './session.ts';

export interface HubModel {
  /** Tokens of prompt and reply together; null where the model does not say. */
  readonly context: number | null;
  /** Text as it is written; the last piece says how it ended. Leaving the loop cancels it. Rejects with `hub_failed`, `hub_lost`, `hub_closed` or the signal's reason. */
  write(asked: Asked, signal: AbortSignal): AsyncGenerator<Piece>;
  /** Ends what is being written and gives the memory back. */
  close(): Promise<void>;
}

export interface Asked {
  messages: Prompt['messages'];
  maxTokens: number;
  temperature: number;
}

export interface Piece {
  text: string;
  /** Written for it. */
  tokens: number;
  end?: 'stop' | 'length';
}

export interface HubModelOptions {
  name: string;
  isFolder: boolean;
  /** As transformers.js calls them; the first that is there is taken. */
  dtypes: string[];
  cacheDir: string;
  threads: number;
  log: Logger;
  remoteHost?: string;
  /** Called once when the thread dies by itself. */
  onLost(): void;
}

/** Rejects with `hub_offline`, `hub_missing`, `hub_incomplete` or `hub_failed`. */
export async function openHubModel({ log, onLost, ...workerData }: HubModelOptions): Promise<HubModel> {
  tellNobody();
  const worker = new Worker(new URL('./hub-thread.mjs', import.meta.url), { workerData, execArgv: [] });
  const { context } = await started(worker, workerData);
  const waiting: Job[] = [];
  let running: Job | undefined;
  let nextId = 0;
  let over: InferenceError | undefined;

  const next = () => {
    running = waiting.shift();
    if (running) worker.postMessage({ id: running.id, ...running.asked, cancel: running.cancel });
  };
  worker.on('message', ({ id, text, tokens, end, error }: Message) => {
    const job = running;
    if (job?.id !== id || !job) return;
    if (text !== undefined) job.give({ text, tokens: tokens ?? 0 });
    if (end) job.give({ text: '', tokens: 0, end });
    if (error) job.fail(new InferenceError('hub_failed', `the model gave no reply: ${error}`, { retryable: true }));
    if (end || error) next();
  });
  const lost = (why: string) => {
    if (over) return;
    log.warn({ why }, 'the language model’s thread ended; it is started again with the next reply');
    end(new InferenceError('hub_lost', `the model's thread ended (${why})`, { retryable: true }));
    onLost();
  };
  const end = (error: InferenceError) => {
    over = error;
    for (const job of [running, ...waiting.splice(0)]) job?.fail(error);
    running = undefined;
  };
  worker.on('error', (error) => lost(error.message));
  worker.on('exit', (code) => lost(`exit code ${code}`));

  return {
    context,
    async *write(asked, signal) {
      if (over) throw over;
      const pieces: Piece[] = [];
      let failed: unknown;
      let wake = () => {};
      const job: Job = {
        id: nextId++,
        asked,
        cancel: new Int32Array(new SharedArrayBuffer(4)),
        give(piece) {
          pieces.push(piece);
          wake();
        },
        fail(error) {
          failed ??= error;
          wake();
        },
      };
      const stop = () => job.fail(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      try {
        signal.throwIfAborted();
        waiting.push(job);
        if (!running) next();
        for (;;) {
          if (failed) throw failed;
          const piece = pieces.shift();
          if (piece) {
            yield piece;
            if (piece.end) return;
          } else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      } finally {
        signal.removeEventListener('abort', stop);
        Atomics.store(job.cancel, 0, 1);
        if (waiting.includes(job)) waiting.splice(waiting.indexOf(job), 1);
      }
    },
    async close() {
      if (over) return;
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      if (running) Atomics.store(running.cancel, 0, 1);
      end(new InferenceError('hub_closed', 'the model has been closed'));
      worker.postMessage({ release: true });
      await ended;
    },
  };
}

interface Job {
  id: number;
  asked: Asked;
  cancel: Int32Array<SharedArrayBuffer>;
  give(piece: Piece): void;
  fail(error: unknown): void;
}

interface Message {
  id: number;
  text?: string;
  tokens?: number;
  end?: 'stop' | 'length';
  error?: string;
}

/** Its first word: it is ready, or why it is not. */
async function started(worker: Worker, { name, isFolder }: { name: string; isFolder: boolean }): Promise<{ context: number | null }> {
  const first = await new Promise<{ context?: number | null; failed?: string; kind?: string }>((resolve) => {
    worker.once('message', resolve);
    worker.once('error', ({ message }) => resolve({ failed: message }));
    worker.once('exit', (code) => resolve({ failed: `the thread ended with ${code}` }));
  });
  for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
  if (first.failed === undefined) return { context: first.context ?? null };
  await worker.terminate();
  const { failed, kind } = first;
  if (kind === 'offline')
    throw new InferenceError(
      'hub_offline',
      `${name} is not kept here and the hub cannot be reached: ${failed}. Connect once, or give a folder: GENERATOR=hub:/path/to/model`,
      { retryable: true },
    );
  if (kind === 'missing' && !isFolder)
    throw new InferenceError(
      'hub_missing',
      `the hub has no ${name} for transformers.js, or not for everybody: ${failed} Look for a name with ONNX files; HF_TOKEN opens private ones`,
    );
  if (kind === 'missing') throw new InferenceError('hub_incomplete', `${name} lacks a file: ${failed}`);
  throw new InferenceError('hub_failed', `${name} cannot be loaded: ${failed}`);
}
