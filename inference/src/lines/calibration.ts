// What depends on the encoder, as calibrate.ts found it for one: how the features weigh, how far to trust a match, what messages feel like.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type FeltWeights, unpackFelt } from './felt.ts';
import { featureNames, trustNames } from './situations.ts';

export interface Calibration {
  /** sha256 of the model file it was made for. */
  encoder: string;
  /** Of the situation features, in their order. */
  weights: number[];
  /** Of the trust features, the bias last: the odds that the best situation fits. */
  trust: number[];
  /** From this probability on the best situation answers in a grave moment. */
  floor: number;
  /** From this similarity on a dialogue's message and ours are alike. */
  alike: number;
  felt: FeltWeights | null;
}

/** For an encoder nobody has calibrated: careful, and feelings as they were read. */
export const uncalibrated: Calibration = {
  encoder: '',
  weights: [7, 6, 4.5, 7, 0.8, 0.1, -2, 1.3, 0.5, -0.5, 0, -1.3, -0.9, 0, 0, 8],
  trust: [0.6, -0.5, 0.3, 2, 3, -2, -1, -4],
  floor: 0.5,
  alike: 0.72,
  felt: null,
};

const File = z.object({
  encoder: z.string(),
  weights: z.array(z.number()).length(featureNames.length),
  trust: z.array(z.number()).length(trustNames.length + 1),
  floor: z.number(),
  alike: z.number(),
  dimensions: z.number().int(),
  felt: z.string(),
  words: z.string(),
});

export const calibrationFile = fileURLToPath(new URL('./calibration.json', import.meta.url));

/** The first file that was made for the encoder, or the careful one. */
export async function readCalibration(checksum: string, files: readonly string[]): Promise<Calibration> {
  for (const file of files) {
    const json = await readFile(file, 'utf8').catch(() => undefined);
    if (json === undefined) continue;
    const parsed = File.safeParse(JSON.parse(json));
    if (!parsed.success || parsed.data.encoder !== checksum) continue;
    const { dimensions, felt, words, ...rest } = parsed.data;
    return { ...rest, felt: felt === '' ? null : unpackFelt(felt, dimensions, words === '' ? [] : words.split(' ')) };
  }
  return uncalibrated;
}
