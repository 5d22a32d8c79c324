// Inference: the models, the generators and the two workers put together, and a handle to end them in order.
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Logger } from 'pino';
import { Registry as MetricsRegistry } from 'prom-client';
import { readCards } from './cards.ts';
import type { Generator } from './generator.ts';
import { createHub } from './generators/hub.ts';
import { createLines } from './generators/lines.ts';
import { createLocal, localThreads } from './generators/local.ts';
import { fitting, readAdapter } from './local/adapter.ts';
import { localFile } from './local/base.ts';
import { createMetrics } from './metrics.ts';
import { openEncoder } from './onnx-encoder.ts';
import { openRanker } from './ranker.ts';
import { createReader, type Reader } from './reader.ts';
import { type ModelVersion, type Registry, readRegistry } from './registry.ts';
import { watchRegistry } from './registry-watch.ts';
import { openServing } from './serving.ts';
import { hubModel, type Settings } from './settings.ts';
import { readOrdinaryChat } from './skill-examples.ts';
import { openIntents } from './skills.ts';
import { openVectors } from './vectors.ts';
import { openVoice } from './voice.ts';
import { type QueueConnection, startWorkers } from './worker.ts';
import { createWriter, type Writer } from './writer.ts';

export { readSettings, type Settings } from './settings.ts';
export type { QueueConnection } from './worker.ts';

export interface InferenceOptions {
  settings: Settings;
  /** Wanted once the models are loaded; where it is rejected, so is the start. */
  connection: QueueConnection | Promise<QueueConnection>;
  log: Logger;
  /** Its metrics go here too, in one process. */
  metrics?: MetricsRegistry;
  /** How often registry.json is looked at. */
  lookEveryMs?: number;
}

export interface Inference {
  /** `live` are those that serve, whatever the registry has named since. */
  models(): ModelVersion[];
  /** The generator in use: `lines`, `local`, `openai`, `hub`. */
  readonly generator: string;
  ready(): Promise<{ ready: boolean; failing: { name: string; reason: string }[] }>;
  /** Takes no more jobs, ends those in hand, gives the models' memory back. */
  stop(): Promise<void>;
}

export interface Minds {
  reader: Reader;
  writer: Writer;
  /** Of the encoder. */
  version: string;
  registry: Registry;
  generator: string;
  failing(): { name: string; reason: string }[];
  close(): Promise<void>;
}

/** Rejects with an InferenceError naming the file or setting to mend. */
export async function startInference(options: InferenceOptions): Promise<Inference> {
  const { settings, log, metrics: given, lookEveryMs = 3000 } = options;
  const connecting = Promise.resolve(options.connection);
  // Looked at below; until then nobody has to.
  connecting.catch(() => {});
  const metrics = createMetrics(given ?? new MetricsRegistry());
  const serving = await openServing({
    modelsDir: settings.modelsDir,
    load: () => loadMinds(settings, log, metrics.readBatch),
    onServe: ({ registry }) => metrics.models(registry.models),
    log,
  });
  try {
    const connection = await connecting;
    const workers = await startWorkers({ connection, reader: serving.reader, writer: serving.writer, log, metrics });
    const watch = watchRegistry({ look: serving.look, everyMs: lookEveryMs, ...('redisUrl' in connection ? connection : {}) });
    return {
      models: () => serving.minds.registry.models,
      get generator() {
        return serving.minds.generator;
      },
      async ready() {
        const queue = await workers.failing();
        const failing = [...(queue ? [{ name: 'queue', reason: queue }] : []), ...serving.minds.failing()];
        return { ready: failing.length === 0, failing };
      },
      async stop() {
        watch.close();
        await workers.stop();
        await serving.close();
      },
    };
  } catch (error) {
    await serving.close();
    throw error;
  }
}

/** Reader and writer without queues, as benchmarks and tests want them. */
export async function loadMinds(settings: Settings, log: Logger, onBatch?: (size: number) => void): Promise<Minds> {
  const { modelsDir, charactersDir, skillsDir, cacheDir } = settings;
  const registry = await readRegistry(modelsDir);
  const cards = await readCards(charactersDir);
  const encoder = await openEncoder({ registry, threads: settings.threads, log, ...(onBatch ? { onBatch } : {}) });
  try {
    const shippedFile = join(modelsDir, 'encoder', encoder.version, 'lines.vectors');
    const vectors = await openVectors({ encoder, shippedFile, cacheDir, log });
    const chat = await readOrdinaryChat(charactersDir);
    // Before the lines, which go on filling vectors behind the first replies.
    const intents = await openIntents({ skillsDir, chat, vectors, encoderChecksum: encoder.checksum, cacheDir, log });
    const lines = createLines({ charactersDir, vectors, encoder, log });
    await lines.load();
    const ranker = await openRanker(registry);
    const voice = await openVoice(registry);
    const [other, generator] = await loadOther(settings, registry, cards, log);
    const versions = {
      encoder: encoder.version,
      generator,
      ...(ranker && { ranker: ranker.version }),
      ...(voice && { voice: voice.version }),
    };
    return {
      reader: createReader({ encoder, intents }),
      writer: createWriter({ lines, other, encoder, ranker, voice, cards, versions, log }),
      version: encoder.version,
      registry,
      generator: other?.name ?? lines.name,
      failing() {
        // A language model that is away is no reason to take no messages: lines stand in.
        const reason = lines.failing();
        return reason ? [{ name: 'lines', reason }] : [];
      },
      async close() {
        await Promise.all([lines.close(), other?.close()]);
        await encoder.close();
      },
    };
  } catch (error) {
    await encoder.close();
    throw error;
  }
}

type Cards = Awaited<ReturnType<typeof readCards>>;
type Other = [other: Generator | null, version: string];

/** What somebody asked for by name has to be there; `auto` is what there is, and lines where it cannot be loaded. */
async function loadOther(settings: Settings, registry: Registry, cards: Cards, log: Logger): Promise<Other> {
  try {
    const [other, version] = await openOther(settings, registry, cards, log);
    await other?.load();
    return [other, version];
  } catch (error) {
    if (settings.generator !== 'auto') throw error;
    log.error({ err: error, wanted: registry.defaultGenerator }, 'the registry names a generator that cannot be loaded; lines answer');
    return [null, 'lines'];
  }
}

/**
 * What GENERATOR names besides lines, and the version that replies carry. `auto` is what the registry names, and lines while that is not in this
 * build or not set up.
 */
async function openOther(settings: Settings, registry: Registry, cards: Cards, log: Logger): Promise<Other> {
  const wanted = settings.generator === 'auto' ? registry.defaultGenerator : settings.generator;
  if (wanted === 'openai' && settings.openai) {
    // Its client weighs several MB: only whoever asks for it has it.
    const { createOpenAi } = await import('./generators/openai.ts');
    return [createOpenAi({ ...settings.openai, cards, log }), `openai/${settings.openai.model}`];
  }
  if (wanted === 'local' && (settings.generator === 'local' || /^hf:/.test(settings.baseModel) || existsSync(settings.baseModel))) {
    const baseFile = await localFile(settings.baseModel, join(settings.cacheDir, 'base'));
    const adapter = await fitting(await readAdapter(registry), baseFile, log);
    const version = `local/${basename(settings.baseModel, '.gguf')}${adapter ? `+${adapter.version}` : ''}`;
    return [
      createLocal({
        baseFile,
        adapter,
        cards,
        threads: localThreads(settings.threads),
        log,
      }),
      version,
    ];
  }
  const model = hubModel(wanted);
  if (model)
    return [
      createHub({ model, cacheDir: join(settings.cacheDir, 'hub'), threads: settings.threads, cards, log }),
      `hub/${model.startsWith('/') ? basename(model) : model}`,
    ];
  if (wanted !== 'lines') log.warn({ wanted }, 'the registry names a generator that is not set up here; lines answer');
  return [null, 'lines'];
}
