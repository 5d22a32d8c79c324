// Who of the troupe speaks: a released classifier of how a reply is written. training/voice_features.py and voice_model.py compute the same.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { InferenceError } from './errors.ts';
import { type Registry, type VerifiedModel, verifyLive } from './registry.ts';

export interface Voice {
  /** As in the registry. */
  readonly version: string;
  readonly characters: readonly string[];
  /** Natural logarithms of what adds up to 1, in the order of `characters`. */
  logProbabilities(text: string): number[];
  /** Whether the text sounds more like another character by more than the margin. Never of a character it does not know. */
  strays(text: string, character: string): boolean;
}

const Config = z.object({
  schema: z.literal(1),
  bits: z.number().int().min(8).max(20),
  characters: z.array(z.string()).min(2),
  rarityScale: z.number().positive(),
  scales: z.array(z.number()),
  biases: z.array(z.number()),
  temperature: z.number().positive(),
  margin: z.number(),
});
type Config = z.infer<typeof Config>;

/** The registry's live one; null where it names none. Rejects with `model_missing`, `model_damaged` or `model_invalid`. */
export async function openVoice(registry: Registry): Promise<Voice | null> {
  if (!registry.models.some(({ task, live }) => task === 'voice' && live)) return null;
  return readVoice(await verifyLive(registry, 'voice'));
}

/** Rejects with `model_invalid` where a version cannot serve. */
export async function readVoice({ folder, version }: VerifiedModel): Promise<Voice> {
  try {
    const config = Config.parse(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')));
    const bytes = await readFile(join(folder, 'voice.int8'));
    const wanted = (2 << config.bits) * (1 + config.characters.length);
    if (bytes.length !== wanted) throw new Error(`voice.int8 has ${bytes.length} bytes; expected ${wanted}`);
    return createVoice(version, config, bytes);
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new InferenceError('model_invalid', `${folder} is no voice of schema 1: ${why}. Restore the version, or choose another`, {
      cause,
    });
  }
}

function createVoice(version: string, config: Config, bytes: Buffer): Voice {
  const { bits, characters, rarityScale, scales, biases, temperature, margin } = config;
  const count = 2 << bits;
  const rarity = bytes.subarray(0, count);
  const weights = new Int8Array(bytes.buffer, bytes.byteOffset + count, count * characters.length);

  const logProbabilities = (text: string): number[] => {
    const sums = characters.map(() => 0);
    for (const part of buckets(text, bits)) {
      const values = [...part].map(([bucket, hits]) => [bucket, (1 + Math.log(hits)) * (rarity[bucket] as number) * rarityScale] as const);
      const length = Math.sqrt(values.reduce((sum, [, value]) => sum + value * value, 0)) || 1;
      for (const [bucket, value] of values)
        for (let k = 0; k < characters.length; k++)
          (sums[k] as number) += (value / length) * (weights[bucket * characters.length + k] as number);
    }
    return logSoftmax(sums.map((sum, k) => (sum * (scales[k] as number) + (biases[k] as number)) / temperature));
  };

  return {
    version,
    characters,
    logProbabilities,
    strays(text, character) {
      const own = characters.indexOf(character);
      if (own < 0) return false;
      const found = logProbabilities(text);
      const others = found.filter((_, k) => k !== own);
      return Math.max(...others) - (found[own] as number) > margin;
    },
  };
}

/** How often each bucket is hit, by n-grams of 1 to 5 letters and of 1 to 3 words. */
function buckets(text: string, bits: number): Map<number, number>[] {
  const plain = text
    .replace(/[’‘]/g, "'")
    .replace(/[“”]/g, '"')
    .replace(/[ \t\r\n]+/g, ' ')
    .replace(/^ | $/g, '');
  const letters = [...` ${plain} `];
  const words = ['<', ...(plain.match(/[A-Za-z0-9']+|[^ A-Za-z0-9']/gu) ?? []).map(lower), '>'];
  const mask = (1 << bits) - 1;
  return [hits(letters, 5, '', 'c', (sum) => sum & mask), hits(words, 3, ' ', 'w', (sum) => (sum & mask) + mask + 1)];
}

function hits(
  pieces: readonly string[],
  longest: number,
  between: string,
  mark: string,
  bucketOf: (sum: number) => number,
): Map<number, number> {
  const found = new Map<number, number>();
  for (let n = 1; n <= longest; n++)
    for (let at = 0; at + n <= pieces.length; at++) {
      const bucket = bucketOf(crc32(mark + pieces.slice(at, at + n).join(between)));
      found.set(bucket, (found.get(bucket) ?? 0) + 1);
    }
  return found;
}

/** ASCII alone: other scripts' rules differ between languages' libraries. */
function lower(word: string): string {
  return /^[\0-\x7f]*$/.test(word) ? word.toLowerCase() : word;
}

function logSoftmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const sum = Math.log(scores.reduce((total, score) => total + Math.exp(score - most), 0));
  return scores.map((score) => score - most - sum);
}
