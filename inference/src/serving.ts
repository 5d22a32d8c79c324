// What serves now, and its change to what the registry names next, without a stop: the new is loaded beside the old, jobs in hand end on the old.
import type { Logger } from 'pino';
import type { Minds } from './index.ts';
import type { Reader } from './reader.ts';
import { type Registry, readRegistry } from './registry.ts';
import type { Writer } from './writer.ts';

export interface Serving {
  reader: Reader;
  writer: Writer;
  /** What takes the next job. */
  readonly minds: Minds;
  /**
   * Resolves once what the registry names is served, or is known not to be loadable: then the old goes on serving and the log says so. What
   * failed is tried again at every twentieth look, and at one that is `urgent`. Never rejects.
   */
  look(urgent?: boolean): Promise<void>;
  /** Jobs have to be at their ends. */
  close(): Promise<void>;
}

export interface ServingOptions {
  modelsDir: string;
  load(): Promise<Minds>;
  /** At the start, at every change and when the registry lists other versions. */
  onServe?(minds: Minds): void;
  log: Logger;
}

/** Rejects with what `load` rejects with. */
export async function openServing({ modelsDir, load, onServe = () => {}, log }: ServingOptions): Promise<Serving> {
  let current = inUse(await load());
  const retiring = new Set<Minds>();
  let failed: { names: string; looks: number } | undefined;
  let looking: Promise<void> | undefined;
  let again = false;
  let closed = false;
  onServe(current.minds);

  /** Told once for each thing that fails. */
  const keepTheOld = (names: string, error: unknown) => {
    if (failed?.names !== names) log.error({ err: error, serving: current.minds.version }, 'the registry names what cannot be loaded');
    failed = { names, looks: 0 };
  };

  const lookOnce = async (): Promise<void> => {
    let registry: Registry;
    try {
      registry = await readRegistry(modelsDir);
    } catch (error) {
      return keepTheOld('registry', error);
    }
    const names = namesOf(registry);
    if (names === namesOf(current.minds.registry)) {
      failed = undefined;
      current.minds.registry = registry;
      return onServe(current.minds);
    }
    if (failed?.names === names && ++failed.looks < looksBetweenTries) return;
    try {
      const next = await load();
      if (closed) return await next.close();
      const old = current;
      current = inUse(next);
      failed = undefined;
      onServe(next);
      log.info({ from: liveIn(old.minds.registry), to: liveIn(next.registry) }, 'another model version serves');
      retiring.add(old.minds);
      void old.idle().then(() => retire(old.minds));
    } catch (error) {
      keepTheOld(names, error);
    }
  };

  const retire = async (minds: Minds): Promise<void> => {
    if (!retiring.delete(minds)) return;
    await minds.close().catch((error) => log.warn({ err: error, version: minds.version }, 'a retired model was not closed in order'));
  };

  return {
    reader: { read: (text, signal) => current.use(({ reader }) => reader.read(text, signal)) },
    writer: {
      write: (job, options) =>
        current.use(async ({ reader, writer, version }) => {
          // Embeddings of two encoders cannot be compared: what another one read is read again.
          const own = job.read.versions.encoder === version;
          const read = own ? job.read : await reader.read(job.text, options.signal);
          return writer.write({ ...job, read }, options);
        }),
    },
    get minds() {
      return current.minds;
    },
    look(urgent = false) {
      if (urgent) failed = undefined;
      if (looking) again = true;
      looking ??= (async () => {
        do {
          again = false;
          await lookOnce();
        } while (again && !closed);
      })().finally(() => {
        looking = undefined;
      });
      return looking;
    },
    async close() {
      closed = true;
      await Promise.all([current.minds.close(), ...[...retiring].map(retire)]);
    },
  };
}

const looksBetweenTries = 20;

/** What decides whether something has to be loaded. */
function namesOf(registry: Registry): string {
  return JSON.stringify([registry.defaultGenerator, liveIn(registry)]);
}

/** Version by task. */
function liveIn({ models }: Registry): Record<string, string> {
  return Object.fromEntries(models.filter(({ live }) => live).map(({ task, version }) => [task, version]));
}

interface InUse {
  readonly minds: Minds;
  use<Result>(work: (minds: Minds) => Promise<Result>): Promise<Result>;
  /** Resolves when no job is at it; nobody may begin one by then. */
  idle(): Promise<void>;
}

function inUse(minds: Minds): InUse {
  let jobs = 0;
  let last = () => {};
  return {
    minds,
    async use(work) {
      jobs++;
      try {
        return await work(minds);
      } finally {
        if (--jobs === 0) last();
      }
    },
    idle: () =>
      new Promise((resolve) => {
        last = resolve;
        if (jobs === 0) resolve();
      }),
  };
}
