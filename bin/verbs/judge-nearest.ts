// The plain baseline: the wording nearest to the message by cosine says which situation it is, and its first reply not yet used is the answer.
// No feeling, no history, no floor: what a choice of lines has to be better than.
import type { Corpus } from '../../inference/src/corpus.ts';
import { decodeEmbedding, dot } from '../../inference/src/encoder.ts';
import type { Vectors } from '../../inference/src/vectors.ts';
import type { Answer } from './judge-talks.ts';

/** `vectors` hold every wording; a wording that they lack is never the nearest. */
export function nearest({ situations, characters }: Corpus, vectors: Pick<Vectors, 'get'>): Answer {
  const wordings = situations.flatMap(({ id, examples }) =>
    examples.flatMap((text) => {
      const vector = vectors.get(text);
      return vector ? [{ id, vector }] : [];
    }),
  );
  return async (job) => {
    const replies = characters.get(job.character)?.replies ?? new Map();
    const message = decodeEmbedding(job.read.embedding);
    const best = new Map<string, number>();
    for (const { id, vector } of wordings) best.set(id, Math.max(best.get(id) ?? -1, dot(vector, message)));
    const inOrder = [...best].sort((a, b) => b[1] - a[1]).map(([id]) => id);
    for (const id of inOrder)
      for (const { id: line, text } of replies.get(id) ?? [])
        if (!job.used.includes(line)) return { text, line, source: { generator: 'nearest', kind: 'situation', id }, versions: {} };
    throw Object.assign(new Error(`nearest: ${job.character} has no reply to a situation that is not used yet`), {
      code: 'nothing_to_say',
    });
  };
}
