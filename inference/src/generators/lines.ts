// The generator `lines`: what the character's own corpus has to say to this message, felt like this, in this mood. lines/README.md says how it decides.
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { EMOTIONS, type Emotion } from '../contract.ts';
import { type Character, type Corpus, type Line, loadCorpus, situationTexts } from '../corpus.ts';
import type { Encoder } from '../encoder.ts';
import { InferenceError } from '../errors.ts';
import type { Draft, Generator, WriteRequest } from '../generator.ts';
import { type ActName, actOfJob, actOfSituation } from '../lines/acts.ts';
import { readCalibration } from '../lines/calibration.ts';
import { faceOf, valence } from '../lines/feelings.ts';
import { createFelt } from '../lines/felt.ts';
import { odds } from '../lines/fit.ts';
import { createSituationIndex, type SituationIndex, trustFeatures } from '../lines/situations.ts';
import type { Vectors } from '../vectors.ts';

export interface LinesOptions {
  charactersDir: string;
  vectors: Vectors;
  encoder: Encoder;
  log: Logger;
}
const light = new Set(['joy', 'amusement', 'pride']);

export function createLines({ charactersDir, vectors, encoder, log }: LinesOptions): Generator {
  let corpus: Corpus;
  let index: SituationIndex;
  let felt: ReturnType<typeof createFelt>;
  let calibration: Awaited<ReturnType<typeof readCalibration>>;
  return {
    name: 'lines',
    capabilities: { streams: false, languageModel: false },
    async load() {
      corpus = await loadCorpus(charactersDir);
      const texts = situationTexts(corpus);
      await vectors.fill(texts);
      calibration = await readCalibration(encoder.checksum, [fileURLToPath(new URL('../lines/calibration.json', import.meta.url))]);
      felt = createFelt(calibration.felt);
      index = createSituationIndex({ situations: corpus.situations, vectors: vectors.matrix(texts), dimensions: vectors.dimensions, calibration });
      log.info({ situations: corpus.situations.length, characters: corpus.characters.size }, 'lines loaded');
    },
    async candidates(request) {
      const { job, embedding, emotions } = request;
      const character = corpus.characters.get(job.character);
      if (!character) throw new InferenceError('character_unknown', `there is no character "${job.character}" in CHARACTERS_DIR`);
      if (job.act === 'language') {
        const replies = character.replies.get('what-languages');
        if (replies) return pick(request, replies, 'what-languages', 1, 'another language');
      }
      if (job.act) return acted(request, character, actOfJob(job.act));
      if (job.facts) return job.facts.act ? acted(request, character, actOfJob(job.facts.act)) : [];
      const heard = index.hear(job.text, embedding, felt(embedding, Float32Array.from(EMOTIONS, (label) => emotions[label])));
      const form = heard.cues.form;
      if (form === 'instructions') return acted(request, character, 'prompt-kept');
      if (form === 'mash' || form === 'dots' || form === 'marks') return acted(request, character, 'gibberish');
      if (form === 'code' || form === 'link') return acted(request, character, 'unclear');
      const matches = index.rank(heard, 5);
      const best = matches[0];
      const sure = best ? odds(calibration.trust, trustFeatures(best)) : 0;
      const drafts: Draft[] = [];
      for (const [i, match] of matches.entries()) {
        const trust = i === 0 ? sure : sure * 0.5 * match.share;
        const fits = i === 0 && sure >= calibration.floor;
        const replies = character.replies.get(match.situation.id) ?? [];
        drafts.push(...pick(request, replies, match.situation.id, fits ? 0.5 + trust / 2 : trust / 2, `${match.situation.id} ${(trust * 100).toFixed(0)} %`));
        const act = fits ? actOfSituation(match.situation.id) : undefined;
        if (act) drafts.push(...acted(request, character, act).map((d) => ({ ...d, score: 0.52 * d.score })));
      }
      const strongest = EMOTIONS.reduce<Emotion>((a, b) => (heard.felt.emotions[EMOTIONS.indexOf(b)]! > heard.felt.emotions[EMOTIONS.indexOf(a)]! ? b : a), 'neutral');
      const feeling = strongest === 'neutral' && job.mood.intensity > 0.3 ? job.mood.label : strongest;
      const lines = character.feelings.get(feeling) ?? [];
      drafts.push(...lines.filter((l) => !request.isUsed(l.id)).filter(() => true).map((line, i) => draft(line, { generator: 'lines', kind: 'universal', id: null }, 0.48 - ((hash(job.turnId) + i * 7) % 11) / 1000, `true of ${feeling}`)));
      if (strongest === 'neutral' && job.mood.intensity <= 0.3) drafts.push(...acted(request, character, 'unclear').map((d) => ({ ...d, score: 0.47 * d.score })));
      const allowed = drafts.filter((d) => !(job.grave && light.has(d.expression)));
      return allowed.sort((a, b) => b.score - a.score).slice(0, 12);
    },
    failing: () => (index ? null : 'the corpus is still being read'),
    async close() {},
  };

  function acted(request: WriteRequest, character: Character, act: ActName): Draft[] {
    const lines = character.acts.get(act) ?? [];
    const fresh = lines.filter((line) => !request.isUsed(line.id));
    const start = hash(request.job.turnId);
    return (fresh.length ? fresh : lines).map((line, i, all) => draft(all[(i + start) % all.length]!, { generator: 'lines', kind: 'universal', id: null }, 1 - i * 0.01, act));
  }

  function pick(request: WriteRequest, replies: readonly Line[], situation: string, score: number, why: string): Draft[] {
    const { job } = request;
    const words = job.text.split(/\s+/).length;
    const wanted = words <= 3 ? 0 : words <= 14 ? 1 : 2;
    return replies.flatMap((line, i) => {
      if (request.isUsed(line.id) || (job.grave && light.has(line.expression))) return [];
      const tone = job.mood.valence < -0.2 && light.has(line.expression) ? 0.04 : job.mood.valence > 0.2 && line.expression === 'caring' ? 0.01 : 0;
      return [draft(line, { generator: 'lines', kind: 'situation', id: situation }, Math.max(0, score - Math.abs(i - wanted) * 0.01 - tone), why)];
    });
  }
}

function draft(line: Line, source: Draft['source'], score: number, why: string): Draft {
  return { text: line.text, line: line.id, source, score, why, expression: line.expression, tokens: 0 };
}

function hash(text: string): number {
  let sum = 7;
  for (const char of text) sum = (sum * 31 + char.charCodeAt(0)) % 100_003;
  return sum;
}
void faceOf;
void valence;
