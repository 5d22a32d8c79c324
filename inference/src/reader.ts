// The read: what a message means, from one pass of the encoder.
import type { Emotion, EmotionScore, Intent, Read } from './contract.ts';
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
      const { embeddings, emotions } = await encoder.encode(windowsOf(text), signal ? { signal } : {});
      const embedding = mean(embeddings);
      const scores = sorted(strongest(emotions, encoder.config), encoder.config);
      return {
        emotions: scores,
        detected: detected(scores, encoder.config),
        sentiment: sentiment(scores, encoder.config),
        intent: intents.classify(embedding),
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
 * A side speaks when its likeliest feeling does. Both sides detected make it mixed; none makes it neutral.
 * The score is the calibrated probability of what decided.
 */
export function sentiment(scores: readonly EmotionScore[], config: EncoderConfig): Read['sentiment'] {
  const felt = new Set(detected(scores, config));
  const best = (labels: readonly Emotion[], among: (label: Emotion) => boolean = () => true) =>
    Math.max(0, ...scores.filter(({ label }) => labels.includes(label) && among(label)).map(({ score }) => score));
  const isFelt = (label: Emotion) => felt.has(label);
  const positive = best(config.sentiment.positive, isFelt);
  const negative = best(config.sentiment.negative, isFelt);
  if (positive > 0 && negative > 0) return { label: 'mixed', score: Math.min(positive, negative) };
  if (positive > 0) return { label: 'positive', score: positive };
  if (negative > 0) return { label: 'negative', score: negative };
  return { label: 'neutral', score: Math.min(1, Math.max(0, 1 - best([...config.sentiment.positive, ...config.sentiment.negative]))) };
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
