// The generator `lines`: a character's own written lines, chosen by what was said, how it is felt and what went before. lines.md says how.
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { type Corpus, dialogueTexts, loadCorpus, situationTexts } from '../corpus.ts';
import type { Encoder } from '../encoder.ts';
import { InferenceError } from '../errors.ts';
import type { Draft, Generator, WriteRequest } from '../generator.ts';
import { calibrationFile, readCalibration } from '../lines/calibration.ts';
import { actLines, chooseLines, type Means } from '../lines/choose.ts';
import { createDialogueIndex } from '../lines/dialogues.ts';
import { beforeIn, createListener, emotionsOf, type Listen, type Reading, type Readings } from '../lines/listen.ts';
import { createSituationIndex } from '../lines/situations.ts';
import { readWeighing } from '../lines/weigh.ts';
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
  const recent = new Map<string, Reading>();
  const read = async (text: string, signal: AbortSignal): Promise<Reading> => {
    const { embeddings, emotions } = await encoder.encode([text], { signal });
    return { embedding: embeddings[0] as Float32Array, emotions: emotions[0] as Float32Array };
  };

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
      ready = {
        corpus,
        listen: createListener(corpus, index, calibration),
        means: new Map(),
        shared: { index, calibration, weighing: await readWeighing(encoder), dialogues: null },
      };
      void fillDialogues(ready, vectors, stopped.signal, log);
    },
    async candidates(request, signal) {
      if (!ready) throw new InferenceError('lines_not_loaded', 'the lines are still being loaded', { retryable: true });
      const { job } = request;
      const said = job.act || job.facts ? undefined : beforeIn(job.history);
      const message = { embedding: request.embedding, emotions: emotionsOf(request.emotions) };
      // The next turn asks for what this one's message meant: most often it is still here.
      const kept = said === undefined ? undefined : recent.get(keyOf(said));
      recent.set(keyOf(job.text), message);
      if (recent.size > mostRecent) recent.delete(recent.keys().next().value as string);
      const before = kept ?? (said === undefined ? null : await read(said, signal));
      return answer(ready, request, { message, before });
    },
    failing: () => (ready ? null : 'the lines are being loaded'),
    async close() {
      stopped.abort(new InferenceError('closed', 'the lines are closed'));
    },
  };
}

/** Messages whose reading is kept, 1.7 kB each. */
const mostRecent = 1000;

/** Nobody's words are kept for longer than their turn. */
function keyOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

interface Ready {
  corpus: Corpus;
  listen: Listen;
  shared: Means;
  /** By slug, once the vectors of a character's dialogues are known. */
  means: Map<string, Means>;
}

function answer({ corpus, listen, shared, means }: Ready, { job, isUsed }: WriteRequest, readings: Readings): Draft[] {
  const character = corpus.characters.get(job.character);
  if (!character) {
    const known = [...corpus.characters.keys()].join(', ');
    throw new InferenceError('character_unknown', `there is no character "${job.character}" in CHARACTERS_DIR, which has ${known}`);
  }
  const view = listen(character, job, readings);
  if (job.act) return actLines(character, job.act, view.moment, isUsed);
  // The writer puts the facts after the line of their act, letter for letter.
  if (job.facts) return job.facts.act ? actLines(character, job.facts.act, view.moment, isUsed) : [];
  return chooseLines(character, view, isUsed, means.get(character.slug) ?? shared);
}

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
