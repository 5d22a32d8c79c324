// The LoRA adapter that the registry names: models/generator/<version>/ with its manifest.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { InferenceError } from '../errors.ts';
import { type Registry, sha256Of, verifyLive } from '../registry.ts';

export interface Adapter {
  version: string;
  file: string;
  /** What it was trained on; of no use on anything else. */
  base: { name: string; sha256: string };
}

const Manifest = z.object({
  base: z.object({ name: z.string(), sha256: z.string() }),
  adapter: z.object({ file: z.string() }),
});

/** Null where the registry names none. Rejects with `model_missing`, `model_damaged` or `adapter_invalid`. */
export async function readAdapter(registry: Registry): Promise<Adapter | null> {
  if (!registry.models.some(({ task, live }) => task === 'generator' && live)) return null;
  const { version, folder } = await verifyLive(registry, 'generator');
  const parsed = Manifest.safeParse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
  if (!parsed.success || !parsed.data.adapter.file.endsWith('.gguf'))
    throw new InferenceError(
      'adapter_invalid',
      `${folder}/manifest.json names no GGUF adapter and base (${parsed.error?.issues[0]?.message ?? parsed.data?.adapter.file}); export it again with training/train_generator.py`,
    );
  const { base, adapter } = parsed.data;
  return { version, file: join(folder, adapter.file), base };
}

/**
 * The adapter, or null where it was made for another base: it is refused by name, and the base that somebody chose writes without it. Rejects with
 * `base_missing`.
 */
export async function fitting(adapter: Adapter | null, baseFile: string, log: Logger): Promise<Adapter | null> {
  if (!adapter || (await sha256Of(baseFile)) === adapter.base.sha256) return adapter;
  log.error(
    { adapter: adapter.version, madeFor: adapter.base.name, base: baseFile },
    'the adapter was made for another base and is refused; the base writes without it',
  );
  return null;
}
