// The job contract: the only thing the bot and the inference role share. Both sides parse with these schemas.
import { z } from 'zod';

/** Raised with every incompatible change. A worker refuses jobs of another version by name; the bot's job ids carry it, so nothing is lost. */
export const CONTRACT_VERSION = 1;

/** Queue names. Inbox and feedback belong to the bot alone; read and write cross to inference. */
export const READ_QUEUE = 'read';
export const WRITE_QUEUE = 'write';

/** GoEmotions' 28 labels in their published order. */
export const EMOTIONS = [
  'admiration',
  'amusement',
  'anger',
  'annoyance',
  'approval',
  'caring',
  'confusion',
  'curiosity',
  'desire',
  'disappointment',
  'disapproval',
  'disgust',
  'embarrassment',
  'excitement',
  'fear',
  'gratitude',
  'grief',
  'joy',
  'love',
  'nervousness',
  'optimism',
  'pride',
  'realization',
  'relief',
  'remorse',
  'sadness',
  'surprise',
  'neutral',
] as const;
export const Emotion = z.enum(EMOTIONS);
export type Emotion = z.infer<typeof Emotion>;

export const EmotionScore = z.object({ label: Emotion, score: z.number().min(0).max(1) });
export type EmotionScore = z.infer<typeof EmotionScore>;

export const Versions = z.record(z.string(), z.string());

/** One previous utterance, oldest first in every list. */
export const Utterance = z.object({
  role: z.enum(['user', 'character']),
  text: z.string(),
  /** The id of the reply that ended its turn, where the bot tells it. */
  reply: z.string().optional(),
});
export type Utterance = z.infer<typeof Utterance>;

export const ReadJob = z.object({
  contract: z.literal(CONTRACT_VERSION),
  turnId: z.string(),
  /** Cleaned text of the turn: mentions removed, several messages joined by a newline. At most 4,000 characters. */
  text: z.string().min(1),
  /** More texts, read in the same job: predictions of many. A worker of an earlier release reads `text` alone, and so answers without them. */
  beside: z.array(z.string().min(1)).max(31).optional(),
});
export type ReadJob = z.infer<typeof ReadJob>;

export const Intent = z.object({
  /** A skill's folder name, or null when nothing reaches its threshold or the message is out of scope. */
  name: z.string().nullable(),
  confidence: z.number().min(0).max(1),
  /** Highest first, the chosen one included, `oos` never. */
  alternatives: z.array(z.object({ name: z.string(), confidence: z.number().min(0).max(1) })),
});
export type Intent = z.infer<typeof Intent>;

export const SAFETY = ['hate', 'self-harm', 'violence', 'sexual', 'harassment', 'prompt-injection'] as const;
export const SafetyScore = z.object({
  label: z.enum(SAFETY),
  /** Calibrated probability. */
  score: z.number().min(0).max(1),
  /** `likely`: one in fifty harmless messages is taken for it; `certain`: one in five hundred. */
  level: z.enum(['none', 'likely', 'certain']),
});
export type SafetyScore = z.infer<typeof SafetyScore>;

/** What a message means. */
export const Read = z.object({
  /** All 28, highest first; calibrated probabilities. */
  emotions: z.array(EmotionScore).length(28),
  /** Labels over their own thresholds, highest first; `neutral` only when no other is. */
  detected: z.array(Emotion),
  sentiment: z.object({ label: z.enum(['positive', 'negative', 'neutral', 'mixed']), score: z.number().min(0).max(1) }),
  intent: Intent,
  /** All six in SAFETY's order; absent where the encoder has no such heads. */
  safety: z.array(SafetyScore).length(SAFETY.length).optional(),
  /** 384 float32 numbers, L2-normalised, little-endian, base64. */
  embedding: z.string(),
  versions: Versions,
});
export type Read = z.infer<typeof Read>;

/** A read without what only a turn needs. */
export const Prediction = Read.omit({ embedding: true, versions: true });
export type Prediction = z.infer<typeof Prediction>;

/** What a read job answers: of its text, and of those `beside` it in their order. */
export const ReadDone = Read.extend({ beside: z.array(Prediction).optional() });
export type ReadDone = z.infer<typeof ReadDone>;

export const Mood = z.object({
  /** The feeling that dominates lately; `neutral` for a new conversation. */
  label: Emotion,
  /** −1 (low) .. 1 (bright). */
  valence: z.number().min(-1).max(1),
  /** 0 (nothing known) .. 1 (strong and recent). */
  intensity: z.number().min(0).max(1),
  turns: z.number().int().nonnegative(),
});
export type Mood = z.infer<typeof Mood>;

/** Performed instead of answering what was said; each is a kind of universal line. */
export const Act = z.enum([
  'unclear',
  'language',
  'hand-off',
  'rate-limit',
  'broke',
  'forgotten',
  'enters',
  'film',
  'unknown-fact',
  'greeting',
  'opening',
]);
export type Act = z.infer<typeof Act>;

export const Facts = z.object({
  /** The skill's folder name. */
  skill: z.string(),
  /** Appears in the reply verbatim; a generator may only frame it. */
  text: z.string().min(1),
  /** A universal line of this act comes before the facts where the character has one. */
  act: Act.optional(),
});
export type Facts = z.infer<typeof Facts>;

export const WriteJob = z.object({
  contract: z.literal(CONTRACT_VERSION),
  turnId: z.string(),
  conversation: z.string(),
  character: z.string(),
  text: z.string().min(1),
  read: Read,
  mood: Mood,
  /** The last turns before this one, oldest first, at most 12. */
  history: z.array(Utterance),
  /** Ids of lines this person has already been told in this conversation (`delia-s0001`), newest last. */
  used: z.array(z.string()),
  facts: Facts.nullable(),
  act: Act.nullable(),
  /** After a crisis message nothing light is said any more. */
  grave: z.boolean(),
  /** Whether anybody is listening for deltas. */
  stream: z.boolean(),
});
export type WriteJob = z.infer<typeof WriteJob>;

export const SourceKind = z.enum(['situation', 'exchange', 'conversation', 'universal', 'skill', 'safety', 'model']);
export type SourceKind = z.infer<typeof SourceKind>;

export const Source = z.object({
  generator: z.string(),
  kind: SourceKind,
  /** The situation's, exchange's, conversation's or skill's id; null for universal lines and models. */
  id: z.string().nullable(),
});
export type Source = z.infer<typeof Source>;

/** What of the talk so far a candidate leans on, besides the message it answers. */
export const Leaning = z.object({
  /** `fact`: what the person has told; `turn`: what was said then; `topic`: what the talk is about since then; `mood`: how the person has been lately. */
  kind: z.enum(['fact', 'turn', 'topic', 'mood']),
  /** The fact, topic or feeling in a few words ("exam: Friday", "pet-loss", "sadness"); null for a turn. */
  it: z.string().nullable(),
  /** Who said it; null for a mood. */
  role: z.enum(['user', 'character']).nullable(),
  /** The reply that ended the turn it was said in; null for a mood, and where the history did not tell. */
  reply: z.string().nullable(),
  /** 1 for the turn before this one, among those that the history has; null for a mood. */
  turnsAgo: z.number().int().positive().nullable(),
});
export type Leaning = z.infer<typeof Leaning>;

export const Candidate = z.object({
  text: z.string(),
  /** The line's own id where it has one; goes into `used`. */
  line: z.string().nullable(),
  source: Source,
  /** Comparable within one reply only; higher is better. */
  score: z.number(),
  /** Why it stands where it stands, a few words for the operator. */
  why: z.string(),
  /** Absent where the message alone decides, and where a language model does not tell. */
  leansOn: Leaning.optional(),
});
export type Candidate = z.infer<typeof Candidate>;

/** A composed reply. */
export const Written = z.object({
  text: z.string().min(1),
  /** The character's face: neutral joy amusement caring sadness surprise anger curiosity pride embarrassment. */
  expression: z.string(),
  line: z.string().nullable(),
  source: Source,
  /** Best first, the chosen one included, at most 12. */
  candidates: z.array(Candidate),
  versions: Versions,
  /** Tokens written by a language model; 0 for lines. */
  tokens: z.number().int().nonnegative(),
});
export type Written = z.infer<typeof Written>;

/** A write job's progress: a checked piece of the chosen reply. The pieces of a job add up to `Written.text`, or none is sent. */
export const Delta = z.object({ delta: z.string() });
export type Delta = z.infer<typeof Delta>;

/** What a read or write job failed with, as JSON in the job's failedReason. */
export const JobFailure = z.object({ code: z.string(), message: z.string(), retryable: z.boolean() });
export type JobFailure = z.infer<typeof JobFailure>;
