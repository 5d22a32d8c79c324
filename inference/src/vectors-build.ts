// Writes lines.vectors beside the live encoder: what a first start needs first, as much of it as may ship.
import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { corpusTexts } from './corpus.ts';
import { openEncoder } from './onnx-encoder.ts';
import { readRegistry } from './registry.ts';
import type { Settings } from './settings.ts';
import { readSkillExamples } from './skill-examples.ts';
import { writeVectors } from './vectors.ts';

export interface BuildVectorsOptions {
  settings: Pick<Settings, 'modelsDir' | 'charactersDir' | 'skillsDir' | 'threads'>;
  log: Logger;
  progress?: (done: number, total: number) => void;
  /** 396 bytes each, in the repository's history for ever. What comes after is encoded behind the first replies. */
  mostTexts?: number;
}

/** Resolves with the file and how many texts it holds; the manifest lists it, so that a damaged one stops the start. */
export async function buildVectors({
  settings,
  log,
  progress,
  mostTexts = 15_000,
}: BuildVectorsOptions): Promise<{ file: string; texts: number }> {
  const registry = await readRegistry(settings.modelsDir);
  const encoder = await openEncoder({ registry, threads: settings.threads, log });
  try {
    const skills = await readSkillExamples(settings.skillsDir);
    const texts = [...new Set([...skills.flatMap(({ examples }) => examples), ...(await corpusTexts(settings.charactersDir))])].slice(
      0,
      mostTexts,
    );
    const file = join(settings.modelsDir, 'encoder', encoder.version, 'lines.vectors');
    const count = await writeVectors(file, encoder, texts, progress);
    await list(join(dirname(file), 'manifest.json'), file);
    return { file, texts: count };
  } finally {
    await encoder.close();
  }
}

async function list(manifestFile: string, file: string): Promise<void> {
  const manifest = JSON.parse(await readFile(manifestFile, 'utf8')) as { files: { path: string; bytes: number; sha256: string }[] };
  const bytes = await readFile(file);
  const entry = { path: basename(file), bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  manifest.files = [...manifest.files.filter(({ path }) => path !== entry.path), entry];
  await writeFile(`${manifestFile}.new`, `${JSON.stringify(manifest, null, 1)}\n`);
  await rename(`${manifestFile}.new`, manifestFile);
}
