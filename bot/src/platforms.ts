// Where the bot talks: every folder of platforms/ is one. Wrong credentials stop that platform alone.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Logger } from 'pino';
import { TroupeError } from './errors.ts';
import type { HttpMount, Inbound, Platform, PlatformContext, PlatformModule } from './platform.ts';

/** Throws a TroupeError that names the folder and the fix. */
export async function discoverPlatforms(folder = fileURLToPath(new URL('./platforms/', import.meta.url))): Promise<PlatformModule[]> {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort();
  const modules: PlatformModule[] = [];
  for (const name of names) {
    const file = join(folder, name, 'index.ts');
    let loaded: { platform?: PlatformModule };
    try {
      loaded = await import(pathToFileURL(file).href);
    } catch (cause) {
      throw new TroupeError('platform-broken', `${file} cannot be loaded (${String(cause)}); mend it, or remove the folder`, { cause });
    }
    if (loaded.platform?.name !== name)
      throw new TroupeError(
        'platform-broken',
        `${file} must export \`platform\` with the name "${name}", its folder's; see bot/src/platform.ts`,
      );
    modules.push(loaded.platform);
  }
  return modules;
}

export interface PlatformState {
  name: string;
  connected: boolean;
  /** The address, what is missing, or why not. */
  detail: string;
  /** Off by its settings: nothing is wrong. */
  off: boolean;
}

export interface Platforms {
  of(name: string): Platform | undefined;
  states(): PlatformState[];
  /** Starts all that their settings turn on. Rejects only for one that is always on: what needs no setting is needed. */
  start(inbound: (name: string) => Omit<Inbound, 'connection'>): Promise<void>;
  mounts(): HttpMount[];
  stop(): Promise<void>;
}

export interface PlatformsOptions {
  modules: readonly PlatformModule[];
  /** Parsed, by name; null is off. */
  settings: Record<string, unknown>;
  context(name: string): PlatformContext;
  connected(name: string, connected: boolean): void;
  log: Logger;
  /** How long after a failure that may pass it is tried again. */
  retryMs?: number;
}

export async function createPlatforms({
  modules,
  settings,
  context,
  connected,
  log,
  retryMs = 30_000,
}: PlatformsOptions): Promise<Platforms> {
  const running = new Map<string, Platform>();
  const states = new Map<string, PlatformState>();
  const retries = new Set<NodeJS.Timeout>();
  const alwaysOn = new Set(modules.filter((module) => (module.settings.safeParse({}).data ?? null) !== null).map(({ name }) => name));
  let stopped = false;

  for (const module of modules) {
    const wanted = settings[module.name] ?? null;
    states.set(module.name, {
      name: module.name,
      connected: false,
      detail: wanted === null ? module.howToTurnOn : 'starting',
      off: wanted === null,
    });
    if (wanted !== null) running.set(module.name, await module.create(wanted, context(module.name)));
  }

  function note(name: string, is: boolean, detail: string): void {
    states.set(name, { name, connected: is, detail, off: false });
    connected(name, is);
  }

  async function startOne(platform: Platform, inbound: Omit<Inbound, 'connection'>): Promise<void> {
    const { name } = platform;
    try {
      await platform.start({ ...inbound, connection: (is, reason = is ? 'connected' : 'disconnected') => note(name, is, reason) });
      const state = states.get(name);
      if (state?.detail === 'starting') note(name, true, 'connected');
    } catch (err) {
      const { message, retryable } = err as TroupeError;
      note(name, false, message);
      log.error({ err, platform: name }, 'platform not started');
      if (alwaysOn.has(name)) throw err;
      if (!retryable || stopped) return;
      const retry = setTimeout(() => {
        retries.delete(retry);
        if (!stopped) void startOne(platform, inbound);
      }, retryMs).unref();
      retries.add(retry);
    }
  }

  return {
    of: (name) => running.get(name),
    states: () => [...states.values()],
    mounts: () => [...running.values()].flatMap(({ http }) => (http ? [http] : [])),
    async start(inbound) {
      await Promise.all([...running.values()].map((platform) => startOne(platform, inbound(platform.name))));
    },
    async stop() {
      stopped = true;
      for (const retry of retries) clearTimeout(retry);
      await Promise.all(
        [...running.values()].map((platform) =>
          platform.stop().catch((err) => log.warn({ err, platform: platform.name }, 'platform did not stop in order')),
        ),
      );
    },
  };
}
