// The encoder on an ONNX session: texts are tokenised here, batched by length, and come back as embeddings and emotions.
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { createBatcher } from './batch.ts';
import type { Encoder, EncoderConfig } from './encoder.ts';
import { InferenceError } from './errors.ts';
import { type Registry, readEncoderConfig, readSituationVectors, verifyLive } from './registry.ts';
import { openThreadSession, type Session } from './session.ts';
import { openTokenizer, type Tokenize } from './tokenizer.ts';

export interface OnnxEncoder extends Encoder {
  close(): Promise<void>;
}

export interface OnnxEncoderOptions {
  registry: Registry;
  threads: number;
  log: Logger;
  onBatch?: (size: number) => void;
}

/** Rejects with the registry's errors, or `session_failed`. */
export async function openEncoder({ registry, threads, log, onBatch }: OnnxEncoderOptions): Promise<OnnxEncoder> {
  const model = await verifyLive(registry, 'encoder');
  const config = await readEncoderConfig(model);
  const tokenize = await openTokenizer(model.folder, config.maxTokens);
  const session = await openThreadSession({ modelFile: join(model.folder, modelFile), threads, log });
  const checksum = model.sha256[modelFile];
  if (!checksum) throw new InferenceError('model_invalid', `${model.folder}/manifest.json does not list ${modelFile}`);
  const situations = await readSituationVectors(model, config.dimensions);
  return createEncoder({ version: model.version, situations, checksum, config, tokenize, session, onBatch });
}

interface Parts {
  version: string;
  situations?: Encoder['situations'];
  checksum: string;
  config: EncoderConfig;
  tokenize: Tokenize;
  session: Session;
  onBatch?: ((size: number) => void) | undefined;
}

export function createEncoder({ version, situations, checksum, config, tokenize, session, onBatch }: Parts): OnnxEncoder {
  const batcher = createBatcher<number[], Encoding>({
    run: (batch) => runBatch(session, batch, config),
    bucketOf: (ids) => buckets.find((limit) => ids.length <= limit) ?? ids.length,
    lanes: session.lanes,
    quietMs: 200,
    ...(onBatch ? { onBatch } : {}),
  });
  return {
    version,
    checksum,
    config,
    situations,
    async encode(texts, options) {
      // Every text listens to it.
      if (options?.signal) setMaxListeners(0, options.signal);
      const encodings = await Promise.all(texts.map((text) => batcher.submit(tokenize(text), options)));
      return {
        embeddings: encodings.map(({ embedding }) => embedding),
        emotions: encodings.map(({ emotions }) => emotions),
        ...(config.safety && { safety: encodings.map(({ safety }) => safety) }),
      };
    },
    close: () => session.release(),
  };
}

const modelFile = 'model.int8.onnx';
/** Padding costs as much as words do: texts share a batch only with texts of about their length. */
const buckets = [8, 16, 24, 32, 48, 64];

interface Encoding {
  embedding: Float32Array;
  emotions: Float32Array;
  /** Empty where the model has no such heads. */
  safety: Float32Array;
}

async function runBatch(session: Session, batch: number[][], { dimensions, labels, safety: heads }: EncoderConfig): Promise<Encoding[]> {
  const length = Math.max(...batch.map((ids) => ids.length));
  const dims = [batch.length, length];
  const ids = new BigInt64Array(batch.length * length);
  const mask = new BigInt64Array(batch.length * length);
  batch.forEach((row, r) => {
    row.forEach((id, i) => {
      ids[r * length + i] = BigInt(id);
      mask[r * length + i] = 1n;
    });
  });
  const outputs = await session.run({
    input_ids: { type: 'int64', data: ids, dims },
    attention_mask: { type: 'int64', data: mask, dims },
  });
  const embedding = output(outputs.embedding?.data, batch.length * dimensions);
  const emotion = output(outputs.emotion?.data, batch.length * labels.length);
  const heard = heads?.labels.length ?? 0;
  const safety = heard > 0 ? output(outputs.safety?.data, batch.length * heard) : new Float32Array(0);
  return batch.map((_, r) => ({
    embedding: embedding.slice(r * dimensions, (r + 1) * dimensions),
    emotions: emotion.slice(r * labels.length, (r + 1) * labels.length),
    safety: safety.slice(r * heard, (r + 1) * heard),
  }));
}

function output(data: BigInt64Array | Float32Array | undefined, length: number): Float32Array {
  if (data instanceof Float32Array && data.length === length) return data;
  throw new InferenceError(
    'run_failed',
    `the model answered ${data?.length ?? 0} numbers where ${length} were expected; its config.json is another model's`,
  );
}
