// Which models are live, as models/registry.json says: for a bot whose inference runs elsewhere.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { TroupeError } from './errors.ts';
import type { Services } from './platform.ts';

const RegistryFile = z.object({
  tasks: z.record(z.string(), z.object({ live: z.string(), versions: z.array(z.string()) })),
  generator: z.object({ default: z.string() }),
});

/** Read anew for every call, so that a release shows at once. Rejects with `models-unreadable`. */
export function releasedModels(modelsDir: string, generator: string | undefined): Services['models'] {
  return async () => {
    const file = join(modelsDir, 'registry.json');
    try {
      const registry = RegistryFile.parse(JSON.parse(await readFile(file, 'utf8')));
      const models = Object.entries(registry.tasks).flatMap(([task, { live, versions }]) =>
        versions.map((version) => ({ task, version, arm: version === live ? 'live' : 'kept', live: version === live })),
      );
      return { models, generator: !generator || generator === 'auto' ? registry.generator.default : generator };
    } catch (cause) {
      throw new TroupeError('models-unreadable', `${file} is not a model registry; MODELS_DIR must name the folder that holds it`, {
        cause,
      });
    }
  };
}
