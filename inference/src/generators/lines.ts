// The generator `lines`: a character's own written lines, chosen by what was said, how it is felt and what went before. lines.md says how.
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { EMOTIONS, type Emotion } from '../contract.ts';
import { type Character, type Corpus, dialogueTexts, loadCorpus, situationTexts } from '../corpus.ts';
import type { Encoder } from '../encoder.ts';
import { InferenceError } from '../errors.ts';
import type { Draft, Generator, WriteRequest } from '../generator.ts';
import { calibrationFile, readCalibration } from '../lines/calibration.ts';
import { actLines, chooseLines, type Means } from '../lines/choose.ts';
import { createDialogueIndex } from '../lines/dialogues.ts';
import { agreed, createFelt } from '../lines/felt.ts';
import { momentOf } from '../lines/moment.ts';
import { createSituationIndex } from '../lines/situations.ts';
import type { Vectors } from '../vectors.ts';

export interface LinesOptions {
  charactersDir: string;
  vectors: Vectors;
  encoder: Pick<Encoder, 'checksum' | 'situations' | 'encode'>;
  log: Logger;
  /** Tried in order; the first one made for the encoder counts. */
  calibrationFiles?: readonly string[];
}

/** `load` rejects with `corpus_invalid`, `card_invalid`, or the encoder's error. Candidates reject with `character_unknown`. */
export function createLines({ charactersDir, vectors, encoder, log, calibrationFiles = [calibrationFile] }: LinesOptions): Generator {
  const stopped = new AbortController();
  let ready: Ready | undefined;
  const recent = new Map<string, Float32Array>();

  return {
    name: 'lines',
    capabilities: { streams: false, languageModel: false },
    async load() {
      const corpus = await loadCorpus(charactersDir);
      const calibration = await readCalibration(encoder.checksum, calibrationFiles);
      if (!calibration.encoder)
        log.warn({ encoder: encoder.checksum }, 'lines are not calibrated for this encoder; run inference/src/lines/calibrate.ts');
      const texts = situationTexts(corpus);
      await vectors.fill(texts, { signal: stopped.signal });
      const index = createSituationIndex({
        situations: corpus.situations,
        vectors: vectors.matrix(texts),
        dimensions: vectors.dimensions,
        calibration,
        learned: encoder.situations,
      });
      ready = { corpus, felt: createFelt(calibration.felt), means: new Map(), shared: { index, calibration, dialogues: null } };
      void fillDialogues(ready, vectors, stopped.signal, log);
    },
    async candidates(request, signal) {
      if (!ready) throw new InferenceError('lines_not_loaded', 'the lines are still being loaded', { retryable: true });
      const { job } = request;
      const before = job.act || job.facts ? undefined : job.history.findLast(({ role }) => role === 'user')?.text;
      const embedding = before && (recent.get(keyOf(before)) ?? (await encoder.encode([before], { signal })).embeddings[0]);
      // The next turn asks for what this one's message meant: most often it is still here.
      recent.set(keyOf(job.text), request.embedding);
      if (recent.size > mostRecent) recent.delete(recent.keys().next().value as string);
      return answer(ready, request, embedding || null);
    },
    failing: () => (ready ? null : 'the lines are being loaded'),
    async close() {
      stopped.abort(new InferenceError('closed', 'the lines are closed'));
    },
  };
}

/** Messages whose embedding is kept, 1.5 kB each. */
const mostRecent = 1000;

/** Nobody's words are kept for longer than their turn. */
function keyOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

interface Ready {
  corpus: Corpus;
  felt: ReturnType<typeof createFelt>;
  shared: Means;
  /** By slug, once the vectors of a character's dialogues are known. */
  means: Map<string, Means>;
}

function answer(
  { corpus, felt, shared, means }: Ready,
  { job, embedding, emotions, isUsed }: WriteRequest,
  before: Float32Array | null,
): Draft[] {
  const character = corpus.characters.get(job.character);
  if (!character) {
    const known = [...corpus.characters.keys()].join(', ');
    throw new InferenceError('character_unknown', `there is no character "${job.character}" in CHARACTERS_DIR, which has ${known}`);
  }
  const read = Float32Array.from(EMOTIONS, (label) => emotions[label] ?? 0);
  const answered = answeredBy(corpus, character);
  const alone = shared.index.hear(job.text, embedding, read, felt(embedding, read));
  const matches = shared.index.rank(alone);
  const heard = {
    ...alone,
    felt: agreed(
      alone.felt,
      matches.map(({ share, situation }) => ({ share, emotion: situation.emotion })),
      job.text,
    ),
  };
  const moment = { ...momentOf(job, heard, (text) => answered.get(text)), before };
  if (job.act) return actLines(character, job.act, moment, isUsed);
  // The writer puts the facts after the line of their act, letter for letter.
  if (job.facts) return job.facts.act ? actLines(character, job.facts.act, moment, isUsed) : [];
  return chooseLines(character, moment, matches, isUsed, means.get(character.slug) ?? shared);
}

/** Which feeling each of a character's lines answers, by its text. */
function answeredBy({ situations }: Corpus, character: Character): ReadonlyMap<string, Emotion> {
  const known = answers.get(character);
  if (known) return known;
  const emotionOf = new Map(situations.map(({ id, emotion }) => [id, emotion]));
  const answered = new Map<string, Emotion>();
  for (const [emotion, lines] of character.feelings) for (const { text } of lines) answered.set(text, emotion);
  for (const { turns } of character.dialogues) for (const { answer, emotion } of turns) answered.set(answer, emotion);
  for (const [id, lines] of character.replies) for (const { text } of lines) answered.set(text, emotionOf.get(id) ?? 'neutral');
  answers.set(character, answered);
  return answered;
}

const answers = new WeakMap<Character, ReadonlyMap<string, Emotion>>();

/**
 * Dialogues join when their openings' vectors are there; until then, and if that fails, the situations answer alone. What follows an opening is
 * looked up when its turn comes, and known once everything is.
 */
async function fillDialogues({ corpus, shared, means }: Ready, vectors: Vectors, signal: AbortSignal, log: Logger): Promise<void> {
  try {
    for (const character of corpus.characters.values()) {
      await vectors.fill(
        character.dialogues.flatMap(({ turns }) => turns.slice(0, 1).map(({ user }) => user)),
        { signal },
      );
      means.set(character.slug, { ...shared, dialogues: createDialogueIndex(character, vectors) });
    }
    await vectors.fill(dialogueTexts(corpus), { signal });
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, 'the vectors of some dialogues are missing; situations answer alone');
  }
}
