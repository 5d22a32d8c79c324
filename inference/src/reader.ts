// The read: what a message means, from one pass of the encoder.
import { type Emotion, type EmotionScore, type Intent, type Read, SAFETY, type SafetyScore } from './contract.ts';
import { dot, type Encoder, type EncoderConfig, encodeEmbedding } from './encoder.ts';
import { windowsOf } from './windows.ts';

export interface Reader {
  /** Rejects with the encoder's error or the signal's reason. */
  read(text: string, signal?: AbortSignal): Promise<Read>;
}

export interface ReaderOptions {
  encoder: Encoder;
  intents: { version: string; classify(embedding: Float32Array): Intent };
}

export function createReader({ encoder, intents }: ReaderOptions): Reader {
  return {
    async read(text, signal) {
      const { embeddings, emotions, safety } = await encoder.encode(windowsOf(text), signal ? { signal } : {});
      const embedding = mean(embeddings);
      const scores = sorted(strongest(emotions, encoder.config), encoder.config);
      return {
        emotions: scores,
        detected: detected(scores, encoder.config),
        sentiment: sentiment(scores, encoder.config),
        intent: intents.classify(embedding),
        ...(safety && { safety: safetyScores(safety, encoder.config) }),
        embedding: encodeEmbedding(embedding),
        versions: { encoder: encoder.version, intents: intents.version },
      };
    },
  };
}

export function sorted(probabilities: Float32Array, { labels }: EncoderConfig): EmotionScore[] {
  return labels
    .map((label, i) => ({ label, score: Math.min(1, Math.max(0, probabilities[i] as number)) }))
    .sort((a, b) => b.score - a.score);
}

/** Labels over their own thresholds, highest first; neutral only when no other is. */
export function detected(scores: readonly EmotionScore[], { labels, thresholds }: EncoderConfig): Emotion[] {
  const over = scores.filter(({ label, score }) => label !== 'neutral' && score >= (thresholds[labels.indexOf(label)] as number));
  return over.length > 0 ? over.map(({ label }) => label) : ['neutral'];
}

/**
 * How likely any feeling of a side is, taken as independent. On half of GoEmotions' dev split 73.5 % right (macro F1 of the first three 0.737),
 * where detected labels alone give 71.5 % (0.717).
 */
export function sentiment(scores: readonly EmotionScore[], config: EncoderConfig): Read['sentiment'] {
  const anyOf = (labels: readonly Emotion[]) =>
    1 - scores.filter(({ label }) => labels.includes(label)).reduce((none, { score }) => none * (1 - score), 1);
  const positive = anyOf(config.sentiment.positive);
  const negative = anyOf(config.sentiment.negative);
  const [weaker, stronger] = [Math.min(positive, negative), Math.max(positive, negative)];
  if (stronger < feltFrom) return { label: 'neutral', score: 1 - stronger };
  if (weaker > mixedFrom * stronger) return { label: 'mixed', score: weaker };
  return { label: positive >= negative ? 'positive' : 'negative', score: stronger };
}

const feltFrom = 0.4;
/** Of the stronger side. */
const mixedFrom = 0.6;

/** What is said anywhere in a message is said in it. */
export function safetyScores(windows: readonly Float32Array[], { safety }: EncoderConfig): SafetyScore[] {
  return SAFETY.map((label) => {
    const at = safety?.labels.indexOf(label) ?? -1;
    const score = Math.max(0, ...windows.map((window) => Math.min(1, window[at] ?? 0)));
    const level = score >= (safety?.certain[at] ?? 2) ? 'certain' : score >= (safety?.thresholds[at] ?? 2) ? 'likely' : 'none';
    return { label, score, level };
  });
}

/** Of one: itself. */
function mean(embeddings: readonly Float32Array[]): Float32Array {
  const [first, ...others] = embeddings as [Float32Array, ...Float32Array[]];
  if (others.length === 0) return first;
  const sum = first.map((n, i) => others.reduce((total, embedding) => total + (embedding[i] as number), n));
  const length = Math.sqrt(dot(sum, sum)) || 1;
  return sum.map((n) => n / length);
}

/** A feeling anywhere in a message is in the message; it is neutral only where all of it is. */
function strongest(emotions: readonly Float32Array[], { labels }: EncoderConfig): Float32Array {
  return Float32Array.from(labels, (label, i) => {
    const scores = emotions.map((window) => window[i] as number);
    return label === 'neutral' ? Math.min(...scores) : Math.max(...scores);
  });
}
