// The two sides by name: a setting of GENERATOR through the worker's own code, the plain baseline, or talks that were recorded.
import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { corpusTexts, loadCorpus } from '../../inference/src/corpus.ts';
import { loadMinds } from '../../inference/src/index.ts';
import { openEncoder } from '../../inference/src/onnx-encoder.ts';
import { readRegistry } from '../../inference/src/registry.ts';
import { readSettings, type Settings } from '../../inference/src/settings.ts';
import { openVectors, type Vectors } from '../../inference/src/vectors.ts';
import { nearest } from './judge-nearest.ts';
import { type Answer, type Asked, bad, parsed, type Talk, Transcript, talk } from './judge-talks.ts';

export interface SideOptions {
  env: Record<string, string | undefined>;
  log: Logger;
  progress?(done: number, total: number): void;
}

/** All the side says, character by character. Rejects naming the setting or file to mend. */
export async function perform(side: string, asked: readonly Asked[], characters: readonly string[], options: SideOptions) {
  if (side.startsWith('file:')) return recorded(side.slice('file:'.length), asked, characters);
  const { env, log, progress } = options;
  const settings = readSettings({ ...env, GENERATOR: side === 'nearest' ? 'lines' : side });
  const { answer, reader, versions, close } = await open(side, settings, log);
  try {
    const talks: Talk[] = [];
    for (const character of characters)
      for (const one of asked) {
        talks.push(await talk(one, character, reader, answer));
        progress?.(talks.length, characters.length * asked.length);
      }
    return { schema: 1, side, versions, talks } satisfies Transcript;
  } finally {
    await close();
  }
}

/** Every vector is there before the first reply, so that the same seed and files give the same talks. */
async function open(side: string, settings: Settings, log: Logger) {
  const vectors = await filled(settings, log);
  const minds = await loadMinds(settings, log);
  const versions: Record<string, string> = { encoder: minds.version };
  const signal = new AbortController().signal;
  const answer: Answer =
    side === 'nearest'
      ? nearest(await loadCorpus(settings.charactersDir), vectors)
      : async (job) => {
          const written = await minds.writer.write(job, { signal });
          Object.assign(versions, written.versions);
          return written;
        };
  return { answer, reader: minds.reader, versions, close: () => minds.close() };
}

async function filled(settings: Settings, log: Logger): Promise<Vectors> {
  const { modelsDir, charactersDir, cacheDir, threads } = settings;
  const encoder = await openEncoder({ registry: await readRegistry(modelsDir), threads, log });
  try {
    const vectors = await openVectors({ encoder, shippedFile: `${modelsDir}/encoder/${encoder.version}/lines.vectors`, cacheDir, log });
    await vectors.fill(await corpusTexts(charactersDir));
    return vectors;
  } finally {
    await encoder.close();
  }
}

async function recorded(file: string, asked: readonly Asked[], characters: readonly string[]): Promise<Transcript> {
  const json = await readFile(file, 'utf8').catch((cause) => {
    throw bad(`${file} cannot be read; a side \`file:…\` is a transcript that \`judge write\` has left in sealed/`, cause);
  });
  const { side, versions, talks } = parsed(json, Transcript, `${file}: expected a transcript that \`judge write\` has left`);
  const keyOf = (character: string, turns: readonly string[]) => JSON.stringify([character, turns]);
  const known = new Map(
    talks.map((one) => [
      keyOf(
        one.character,
        one.turns.map(({ user }) => user),
      ),
      one,
    ]),
  );
  const found = characters.flatMap((character) =>
    asked.map(({ id, kind, turns }): Talk => {
      const one = known.get(keyOf(character, turns));
      if (!one) throw bad(`${file} has nothing of ${character} to ${JSON.stringify(turns[0])}; record that side again with these files`);
      return { ...one, id, kind };
    }),
  );
  return { schema: 1, side, versions, talks: found };
}
