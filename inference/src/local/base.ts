// The base model: loaded once for all contexts that use it, so that a change of adapter costs a context and not the weights.
import { open, stat } from 'node:fs/promises';
import process from 'node:process';
import type { Llama, LlamaModel } from 'node-llama-cpp';
import { InferenceError } from '../errors.ts';

export interface Base {
  readonly model: LlamaModel;
  /** Gives the weights back when nobody else uses them. */
  release(): Promise<void>;
}

interface Loaded {
  model: Promise<LlamaModel>;
  users: number;
}

const loaded = new Map<string, Loaded>();
let llama: Promise<Llama> | undefined;

/**
 * Rejects with `base_missing`, `base_invalid` (no GGUF, cut short, an architecture llama.cpp does not know) or `base_too_large`; the message names the
 * file and what to do. `availableBytes` is what the machine can still give.
 */
export async function openBase(file: string, threads: number, availableBytes = process.availableMemory()): Promise<Base> {
  await check(file, availableBytes);
  const entry = loaded.get(file) ?? { model: loadModel(file, threads), users: 0 };
  loaded.set(file, entry);
  entry.users++;
  const release = async () => {
    if (--entry.users > 0) return;
    loaded.delete(file);
    await entry.model.then((model) => model.dispose()).catch(() => {});
  };
  try {
    return { model: await entry.model, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** The file that an `hf:` address names, fetched once; a file is itself. Rejects with `base_missing`. */
export async function localFile(base: string, cacheDir: string): Promise<string> {
  if (!base.startsWith('hf:')) {
    await statOf(base);
    return base;
  }
  const { resolveModelFile } = await import('node-llama-cpp');
  try {
    return await resolveModelFile(base, { directory: cacheDir, cli: false });
  } catch (cause) {
    throw new InferenceError(
      'base_missing',
      `BASE_MODEL: ${base} cannot be fetched: ${(cause as Error).message}; check the address and the network, or name a file`,
      {
        cause,
      },
    );
  }
}

/** The library, loaded on first use: `lines` never needs it. */
export function openLlama(threads: number): Promise<Llama> {
  llama ??= import('node-llama-cpp').then(({ getLlama, LlamaLogLevel }) =>
    // Prebuilt libraries only: a compiler is nothing that a user should need.
    getLlama({ build: 'never', progressLogs: false, logLevel: LlamaLogLevel.error, maxThreads: threads, logger: () => {} }),
  );
  llama.catch(() => {
    llama = undefined;
  });
  return llama;
}

async function loadModel(file: string, threads: number): Promise<LlamaModel> {
  const library = await openLlama(threads);
  try {
    return await library.loadModel({ modelPath: file });
  } catch (cause) {
    throw new InferenceError(
      'base_invalid',
      `${file} cannot be loaded: ${(cause as Error).message}. Expected a whole GGUF of an architecture that llama.cpp knows; fetch it again (npx troupe models fetch) or set BASE_MODEL`,
      { cause },
    );
  }
}

async function check(file: string, availableBytes: number): Promise<void> {
  const { size } = await statOf(file);
  const handle = await open(file);
  const magic = Buffer.alloc(4);
  await handle.read(magic, 0, 4, 0).finally(() => handle.close());
  if (magic.toString('latin1') !== 'GGUF')
    throw new InferenceError(
      'base_invalid',
      `${file} is no GGUF: it begins with ${JSON.stringify(magic.toString('latin1'))}. Set BASE_MODEL to one`,
    );
  if (size > availableBytes)
    throw new InferenceError(
      'base_too_large',
      `${file} has ${mb(size)} MB and the machine ${mb(availableBytes)} MB to give; set BASE_MODEL to a smaller or more strongly quantised GGUF`,
    );
}

async function statOf(file: string) {
  const info = await stat(file).catch(() => undefined);
  if (info?.isFile()) return info;
  throw new InferenceError('base_missing', `${file} is not here; fetch it with npx troupe models fetch, or set BASE_MODEL to a GGUF file`);
}

function mb(bytes: number): number {
  return Math.round(bytes / 1e6);
}
