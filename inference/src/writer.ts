// The write: candidates from the generators, one choice, one reply. `lines` always takes part and is what remains when another fails.
import type { Logger } from 'pino';
import type { Card } from './cards.ts';
import { type CheckContext, check } from './check.ts';
import type { Candidate, WriteJob, Written } from './contract.ts';
import { dot, type Encoder } from './encoder.ts';
import { InferenceError } from './errors.ts';
import { type Draft, type Generator, type StreamingGenerator, streams, toRequest, type WriteRequest } from './generator.ts';
import { harm } from './harm.ts';
import { faceOf } from './lines/feelings.ts';
import { persona } from './prompt.ts';
import type { Ranker } from './ranker.ts';
import { detected, safetyScores, sorted } from './reader.ts';
import type { Voice } from './voice.ts';
import { windowsOf } from './windows.ts';

export interface Writer {
  /**
   * Rejects with `nothing_to_say` when not even a plain line is left, `character_unknown`, or the signal's reason.
   * `onDelta` gets a streaming model's sentences as they pass the check, once the reply is theirs; they add up to its text. A reply that is there
   * whole brings none.
   */
  write(job: WriteJob, options: WriteOptions): Promise<Written>;
}

export interface WriteOptions {
  signal: AbortSignal;
  onDelta?: (delta: string) => void;
}

export interface WriterOptions {
  lines: Generator;
  /** What GENERATOR names besides lines; null when it is lines. */
  other: Generator | null;
  encoder: Encoder;
  /** What votes have taught; null or absent: candidates stand as the generators scored them. */
  ranker?: Ranker | null;
  /** Tells who of the troupe a text sounds like; null or absent: nobody asks. */
  voice?: Voice | null;
  cards: ReadonlyMap<string, Card>;
  /** Which model versions write. */
  versions: Record<string, string>;
  log: Logger;
}

export function createWriter({ lines, other, encoder, ranker = null, voice = null, cards, versions, log }: WriterOptions): Writer {
  return {
    async write(job, { signal, onDelta }) {
      const request = toRequest(job);
      const own = (await lines.candidates(request, signal)).filter(({ line }) => line === null || !request.isUsed(line));
      signal.throwIfAborted();
      if (job.facts) return told(framed(job, own[0]), []);
      // What is performed (a greeting, a hand-off, a limit) has its lines; a model would only say something else.
      const model = job.act ? null : other;
      const asked = { ...request, exemplars: own.slice(0, 6) };
      if (model && onDelta && streams(model)) return streamed(model, asked, own, signal, onDelta);
      const drafts = ranked(request, model ? [...(await offered(model, asked, signal)), ...own] : own);
      return told(drafts[0], drafts.slice(1));
    },
  };

  /** Best first. Taste has no say in what is performed, nor in a grave moment. */
  function ranked(request: WriteRequest, drafts: readonly Draft[]): readonly Draft[] {
    const scored = [...drafts].sort((a, b) => b.score - a.score);
    return ranker && !request.job.act && !request.job.grave ? ranker.rank(request, scored) : scored;
  }

  /** It stands whole: pieces of it would come no earlier than the reply itself. */
  function told(chosen: Draft | undefined, others: readonly Draft[]): Written {
    if (!chosen) throw new InferenceError('nothing_to_say', 'no line is left for this turn; add universal lines to the character’s folder');
    return written(chosen, others);
  }

  function written(chosen: Draft, others: readonly Draft[]): Written {
    const { text, expression, line, source, tokens } = chosen;
    return { text, expression, line, source, tokens, versions, candidates: [chosen, ...others].slice(0, mostCandidates).map(toCandidate) };
  }

  /** The model's drafts that pass the check, scored; none when it fails. */
  async function offered(model: Generator, request: WriteRequest, signal: AbortSignal): Promise<Draft[]> {
    try {
      const drafts = await model.candidates(request, signal);
      const passed = drafts.flatMap((draft) => {
        const text = passes(draft.text, request.job, model.name);
        return text === null ? [] : [{ ...draft, text }];
      });
      const different = passed.filter(({ text }, i) => passed.findIndex((other) => other.text === text) === i);
      const all = await Promise.all(different.map((draft) => judged(draft, request, signal)));
      return all.filter((draft) => draft !== null);
    } catch (error) {
      standIn(error, request.job, model, signal);
      return [];
    }
  }

  /**
   * The first sentence competes with the lines; once it has won, the rest is said as it comes. A sentence that fails the check, or a model that
   * breaks off, ends the reply at what has been said.
   */
  async function streamed(
    model: StreamingGenerator,
    request: WriteRequest,
    own: readonly Draft[],
    signal: AbortSignal,
    onDelta: (delta: string) => void,
  ): Promise<Written> {
    const source = { generator: model.name, kind: 'model' as const, id: null };
    let draft: Draft | undefined;
    let raw = '';
    let tokens = 0;
    try {
      for await (const sentence of model.sentences(request, signal)) {
        raw += sentence.text;
        tokens += sentence.tokens;
        // What begins with a quotation mark may be wrapped in them: that is seen at its end.
        if (!draft && (/^\s*["“]/.test(raw) || silent(raw, request.job))) continue;
        const text = passes(raw, request.job, model.name);
        if (text === null) break;
        const next = await judged({ text, line: null, source, score: 0, why: '', expression: 'neutral', tokens }, request, signal);
        if (!next) break;
        if (!draft) {
          if (ranked(request, [next, ...own])[0]?.source !== source) break;
          draft = { ...next, text: '' };
        }
        if (!text.startsWith(draft.text)) break;
        if (text !== draft.text) onDelta(text.slice(draft.text.length));
        draft = { ...next, score: draft.score };
      }
    } catch (error) {
      standIn(error, request.job, model, signal);
    }
    if (draft) return written(draft, own);
    const text = /^\s*["“]/.test(raw) ? passes(raw, request.job, model.name) : null;
    const late =
      text === null ? null : await judged({ text, line: null, source, score: 0, why: '', expression: 'neutral', tokens }, request, signal);
    const drafts = ranked(request, late ? [late, ...own] : own);
    return told(drafts[0], drafts.slice(1));
  }

  /** Whether nothing has been said yet: a stage direction comes first. */
  function silent(raw: string, job: WriteJob): boolean {
    const outcome = check(raw, contextOf(job));
    return 'refused' in outcome && outcome.refused === 'empty';
  }

  /** The text as it may be said, or null. */
  function passes(raw: string, job: WriteJob, generator: string): string | null {
    const outcome = check(raw, contextOf(job));
    if ('text' in outcome) return outcome.text;
    log.info({ turnId: job.turnId, generator, refused: outcome.refused }, 'a candidate was refused');
    return null;
  }

  function contextOf(job: WriteJob): CheckContext {
    const card = cards.get(job.character);
    const namesOf = ({ nickname, name }: Card) => [nickname, name];
    return {
      names: card ? namesOf(card) : [],
      others: [...cards.values()].filter(({ slug }) => slug !== job.character).flatMap(namesOf),
      prompt: card ? persona(card) : '',
      history: job.history,
      text: job.text,
      grave: job.grave,
      strays: (text) => voice?.strays(text, job.character) ?? false,
    };
  }

  /** Score, face and whether it does harm from one pass of the encoder; null where it may not be said. */
  async function judged(draft: Draft, { embedding, job }: WriteRequest, signal: AbortSignal): Promise<Draft | null> {
    const { embeddings, emotions, safety } = await encoder.encode(windowsOf(draft.text), { signal });
    const heads = encoder.config.safety;
    const label = safety && heads && harm(safetyScores(safety, encoder.config), job.read, job.grave, heads);
    if (label) {
      log.info({ turnId: job.turnId, generator: draft.source.generator, refused: label }, 'a candidate was refused');
      return null;
    }
    const near = Math.max(0, dot(embeddings[0] as Float32Array, embedding));
    const face = faceOf(detected(sorted(emotions[0] as Float32Array, encoder.config), encoder.config)[0] ?? 'neutral');
    const expression = job.grave && !graveFaces.has(face) ? 'caring' : face;
    return {
      ...draft,
      expression,
      score: Math.min(1, modelPrior + modelFit * near),
      why: `written for this message; ${near.toFixed(2)} near it`,
    };
  }

  function standIn(error: unknown, { turnId }: WriteJob, model: Generator, signal: AbortSignal): void {
    if (signal.aborted) throw signal.reason;
    log.warn(
      { turnId, generator: model.name, code: (error as { code?: string }).code ?? 'failed' },
      'the language model gave nothing; lines stand in',
    );
  }
}

/**
 * Lines score 0.5 and more when they fit, 1 when they fit for sure. A language model was asked for on purpose: without any nearness to the
 * message it still beats lines that are unsure.
 */
const modelPrior = 0.65;
const modelFit = 0.65;
const mostCandidates = 12;
const graveFaces = new Set(['neutral', 'caring', 'sadness']);

/** The facts verbatim, after the character's own line of their act where one is asked for. */
function framed({ facts }: WriteJob, frame: Draft | undefined): Draft {
  if (!facts) throw new InferenceError('job_invalid', 'there are no facts to frame');
  const lead = facts.act ? frame : undefined;
  return {
    text: lead ? `${lead.text} ${facts.text}` : facts.text,
    line: lead?.line ?? null,
    source: { generator: 'lines', kind: 'skill', id: facts.skill },
    score: 1,
    why: 'the facts of the skill, as they stand',
    expression: lead?.expression ?? 'neutral',
    tokens: 0,
  };
}

function toCandidate({ text, line, source, score, why, leansOn }: Draft): Candidate {
  return { text, line, source, score, why, ...(leansOn && { leansOn }) };
}
