// The session port: a loaded model that turns feeds into outputs off the main thread; and its implementation on onnxruntime in threads.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { InferenceError } from './errors.ts';

export interface Session {
  /** How many runs go on at the same time; more are queued. */
  readonly lanes: number;
  /**
   * Takes the feeds' buffers over: they are empty for the caller afterwards.
   * Rejects with `run_failed` (the model refused the feeds), `session_lost` (retryable: its thread died) or `session_released`.
   */
  run(feeds: Feeds): Promise<Outputs>;
  /** Lets runs in hand end, then gives the memory back. */
  release(): Promise<void>;
}

export interface TensorData {
  type: 'int64' | 'float32';
  data: BigInt64Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  dims: number[];
}
export type Feeds = Record<string, TensorData>;
export type Outputs = Record<string, TensorData>;

export interface ThreadSessionOptions {
  modelFile: string;
  /** One core each. */
  threads: number;
  log: Logger;
  /** The program of a thread; for tests of dying threads. */
  program?: URL;
  /** Wait before a thread that died at once is tried again, doubled each time up to 30 s. */
  restartDelayMs?: number;
}

/** Rejects with `session_failed` when the model cannot be loaded. */
export async function openThreadSession(options: ThreadSessionOptions): Promise<Session> {
  const { threads, log, restartDelayMs = 500 } = options;
  const lanes: Lane[] = [];
  const waiting: Run[] = [];
  let nextId = 0;
  let released = false;
  let replacing = 0;

  const assign = () => {
    for (const lane of lanes) {
      if (lane.run) continue;
      const run = waiting.shift();
      if (!run) return;
      lane.run = run;
      const buffers = Object.values(run.feeds).map(({ data }) => data.buffer);
      lane.worker.postMessage({ id: run.id, feeds: run.feeds }, buffers);
    }
  };

  const open = async (): Promise<void> => {
    const lane: Lane = { worker: await startThread(options), run: undefined };
    lane.worker.on('message', ({ id, outputs, error }: Message) => {
      const run = lane.run;
      if (!run || run.id !== id) return;
      lane.run = undefined;
      if (outputs) run.resolve(outputs);
      else run.reject(new InferenceError('run_failed', `the model refused its input: ${error}`));
      assign();
    });
    const lost = (why: string) => {
      if (!lanes.includes(lane)) return;
      lanes.splice(lanes.indexOf(lane), 1);
      lane.run?.reject(
        new InferenceError('session_lost', `the model's thread ended (${why}); the run can be repeated`, { retryable: true }),
      );
      if (released) return;
      log.warn({ why }, 'a model thread ended and is replaced');
      void replace(restartDelayMs);
    };
    lane.worker.on('error', (error) => lost(error.message));
    lane.worker.on('exit', (code) => lost(`exit code ${code}`));
    lanes.push(lane);
    assign();
  };

  const replace = async (delayMs: number): Promise<void> => {
    replacing++;
    try {
      await open();
    } catch (error) {
      log.error({ err: error }, 'a model thread could not be replaced; it is tried again');
      if (lanes.length === 0) for (const run of waiting.splice(0)) run.reject(error as Error);
      if (!released) setTimeout(() => void replace(Math.min(delayMs * 2, 30_000)), delayMs).unref();
    } finally {
      replacing--;
    }
  };

  try {
    await Promise.all(Array.from({ length: threads }, open));
  } catch (error) {
    released = true;
    await Promise.all(lanes.map(({ worker }) => worker.terminate()));
    throw error;
  }

  return {
    lanes: threads,
    run(feeds) {
      if (released) return Promise.reject(new InferenceError('session_released', 'the model has been released'));
      if (lanes.length === 0 && replacing === 0)
        return Promise.reject(
          new InferenceError('session_lost', 'no model thread is alive; one is started again soon', { retryable: true }),
        );
      return new Promise((resolve, reject) => {
        waiting.push({ id: nextId++, feeds, resolve, reject });
        assign();
      });
    },
    async release() {
      released = true;
      for (const run of waiting.splice(0)) run.reject(new InferenceError('session_released', 'the model has been released'));
      await Promise.all(
        lanes.map(async ({ worker }) => {
          const ended = once(worker, 'exit');
          worker.postMessage({ release: true });
          await ended;
        }),
      );
    },
  };
}

interface Lane {
  worker: Worker;
  run: Run | undefined;
}

interface Run {
  id: number;
  feeds: Feeds;
  resolve: (outputs: Outputs) => void;
  reject: (error: Error) => void;
}

interface Message {
  id: number;
  outputs?: Outputs;
  error?: string;
}

async function startThread({
  modelFile,
  program = new URL('./session-thread.mjs', import.meta.url),
}: ThreadSessionOptions): Promise<Worker> {
  tellNobody();
  const worker = new Worker(program, { workerData: { modelFile }, execArgv: [] });
  try {
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the thread ended with ${code} before it was ready`)));
    });
  } catch (cause) {
    await worker.terminate();
    throw new InferenceError('session_failed', `${modelFile} cannot be loaded: ${(cause as Error).message}`, { cause, retryable: true });
  }
  for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
  return worker;
}

/** onnxruntime would report to its makers what runs here and keep a device's id in the home folder; it looks once, before a process's first session. */
export function tellNobody(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}
