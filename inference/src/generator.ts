// The generator port: something that offers candidates for a reply. A generator is a file in generators/.
import type { Candidate, Emotion, WriteJob } from './contract.ts';
import { decodeEmbedding } from './encoder.ts';

/** A candidate before the choice: what the contract reports, and the face that goes with it. */
export interface Draft extends Candidate {
  /** neutral joy amusement caring sadness surprise anger curiosity pride embarrassment */
  expression: string;
  /** Tokens a language model wrote for it; 0 for lines. */
  tokens: number;
}

export interface WriteRequest {
  job: WriteJob;
  /** `job.read.embedding`, decoded, L2-normalised. */
  embedding: Float32Array;
  /** Calibrated probability of every label. */
  emotions: Record<Emotion, number>;
  /** Whether this person has already been told the line in this conversation. Such a line is never offered again. */
  isUsed(line: string): boolean;
  /** The lines' best drafts for this request, best first: few-shot exemplars for language models. Empty when `lines` itself is asked. */
  exemplars: readonly Draft[];
}

export interface Generator {
  /** As in GENERATOR and in a reply's source: `lines`, `openai`, `hub`. */
  readonly name: string;
  readonly capabilities: Capabilities;
  /** Called once before the first request; rejects with an InferenceError that says what is missing. */
  load(): Promise<void>;
  /**
   * Best first, at most 12, none of them in `used`; an empty list says "nothing fitting". Rejects with a coded error or the signal's reason;
   * the writer then answers with lines. A job with an `act` is only ever given to `lines`, which offers universal lines of that act and nothing else.
   * When `job.grave` is set nothing light is offered.
   */
  candidates(request: WriteRequest, signal: AbortSignal): Promise<Draft[]>;
  /** What keeps it from answering now, in a few words for /readyz; null when nothing does. */
  failing(): string | null;
  close(): Promise<void>;
}

/** Declares `streams`: can hand over its single candidate sentence by sentence while it writes. */
export interface StreamingGenerator extends Generator {
  readonly capabilities: Capabilities & { streams: true };
  /** Whole sentences with the white space between them: joined, they are the reply. Ends early or rejects where the model does. */
  sentences(request: WriteRequest, signal: AbortSignal): AsyncIterable<Sentence>;
}

export interface Sentence {
  text: string;
  /** Tokens written for it. */
  tokens: number;
}

export interface Capabilities {
  streams: boolean;
  /** Its words are written by a language model: they pass the check before they are candidates. */
  languageModel: boolean;
}

export function streams(generator: Generator): generator is StreamingGenerator {
  return generator.capabilities.streams;
}

export function toRequest(job: WriteJob, exemplars: readonly Draft[] = []): WriteRequest {
  const used = new Set(job.used);
  return {
    job,
    embedding: decodeEmbedding(job.read.embedding),
    emotions: Object.fromEntries(job.read.emotions.map(({ label, score }) => [label, score])) as Record<Emotion, number>,
    isUsed: (line) => used.has(line),
    exemplars,
  };
}
