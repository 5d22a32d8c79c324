// The ranker: what votes say about a reply's manner, added to what the generators think of its fit. training/ranker_model.py is the same and says more.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Emotion } from './contract.ts';
import { InferenceError } from './errors.ts';
import type { Draft, WriteRequest } from './generator.ts';
import { type Registry, type VerifiedModel, verifyLive } from './registry.ts';

export interface Ranker {
  /** As in the registry. */
  readonly version: string;
  /**
   * `drafts`, best first by the generators, in the new order and with the new scores. Those within the margin of the first move by less than it:
   * what fits clearly worse than the first never comes before it.
   */
  rank(request: Pick<WriteRequest, 'job' | 'emotions'>, drafts: readonly Draft[]): Draft[];
}

const Weights = z.record(z.string(), z.number());
const RankerFile = z.object({
  schema: z.literal(1),
  margin: z.number().min(0).max(1),
  /** 1 for a bright emotion, −1 for a low one. */
  valence: Weights,
  common: Weights,
  low: Weights,
  bright: Weights,
  characters: z.record(z.string(), Weights),
  lines: Weights,
});
export type RankerFile = z.infer<typeof RankerFile>;

/** The registry's live ranker; null where it names none. Rejects with `model_missing`, `model_damaged` or `model_invalid`. */
export async function openRanker(registry: Registry): Promise<Ranker | null> {
  if (!registry.models.some(({ task, live }) => task === 'ranker' && live)) return null;
  const model = await verifyLive(registry, 'ranker');
  return createRanker(model.version, await readRankerFile(model));
}

/** Rejects with `model_invalid` where a version cannot serve. */
export async function readRankerFile({ folder }: VerifiedModel): Promise<RankerFile> {
  const file = join(folder, 'ranker.json');
  try {
    return RankerFile.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new InferenceError('model_invalid', `${file} is no ranker of schema 1: ${why}. Restore the version, or choose another`, {
      cause,
    });
  }
}

export function createRanker(version: string, file: RankerFile): Ranker {
  const { margin } = file;
  return {
    version,
    rank({ job, emotions }, drafts) {
      const [first] = drafts;
      if (!first || drafts.length === 1) return [...drafts];
      const tone = toneOf(file, emotions, job.mood);
      const worth = (draft: Draft) => worthOf(file, draft, tone, job.character);
      const usual = worth(first);
      return drafts
        .map((draft) => {
          if (draft.score < first.score - margin) return draft;
          const moved = margin * Math.tanh(sway * (worth(draft) - usual));
          return moved === 0 ? draft : { ...draft, score: draft.score + moved, why: `${draft.why}; votes ${signed(moved)}` };
        })
        .sort((a, b) => b.score - a.score);
    },
  };
}

/** Of a difference in log-odds: half of one is three quarters of the margin. */
const sway = 2;

/** −1 (low) .. 1 (bright): what was read, and how the person has been lately. */
function toneOf({ valence }: RankerFile, emotions: Partial<Record<Emotion, number>>, mood: WriteRequest['job']['mood']): number {
  const now = Object.entries(emotions).reduce((sum, [label, score]) => sum + (valence[label] ?? 0) * score, 0);
  return Math.max(-1, Math.min(1, now + mood.valence * mood.intensity));
}

/** Log-odds of a thumb up, up to what is the same for every candidate. */
function worthOf(file: RankerFile, draft: Draft, tone: number, character: string): number {
  const own = file.characters[character] ?? {};
  const [low, bright] = [Math.max(0, -tone), Math.max(0, tone)];
  let total = draft.line === null ? 0 : (file.lines[draft.line] ?? 0);
  for (const [name, value] of styleOf(draft)) {
    const always = (file.common[name] ?? 0) + (own[name] ?? 0);
    total += value * (always + low * (file.low[name] ?? 0) + bright * (file.bright[name] ?? 0));
  }
  return total;
}

/** A reply's features; those that are not named are 0. Length: 0 at 17 words, 1 at twice that. */
function styleOf({ text, expression, source }: Draft): [name: string, value: number][] {
  const words = text.split(/\s+/).filter(Boolean).length;
  const length = Math.log2(Math.max(1, words) / 17);
  return [
    ['length', length],
    ['length2', length * length],
    ['asks', /\?["')\]]*\s*$/.test(text) ? 1 : 0],
    ['exclaims', text.includes('!') ? 1 : 0],
    [`face.${expression}`, 1],
    [`kind.${source.kind}`, 1],
  ];
}

function signed(number: number): string {
  return `${number < 0 ? '−' : '+'}${Math.abs(number).toFixed(3)}`;
}
