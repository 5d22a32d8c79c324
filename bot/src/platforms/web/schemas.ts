// The API's bodies and answers. Requests are checked with these; for answers they are the documentation, and the tests hold answers against them.
import { Candidate, Emotion, EmotionScore, Mood, Prediction, Read, Source, Versions } from '@troupe/inference/contract';
import { z } from 'zod';
import { characters, clean, isBlank } from './text.ts';

const MAX_TEXT = 4000;

/** What somebody wrote: 1 to 4,000 characters, at least one of them visible. */
const Text = z
  .string()
  .refine((text) => characters(text) <= MAX_TEXT, `at most ${MAX_TEXT} characters`)
  .refine((text) => !isBlank(text), 'must not be blank')
  .meta({ minLength: 1, maxLength: MAX_TEXT })
  .transform(clean);

/** A name the caller chose. */
const Name = z
  .string()
  .refine((name) => characters(name) <= 200, 'at most 200 characters')
  .refine((name) => !isBlank(name), 'must not be blank')
  .meta({ minLength: 1, maxLength: 200 })
  .transform(clean);

export const ChatBody = z
  .object({
    message: Text,
    conversation: Name.optional().describe('Goes on with this conversation. Without one a new one begins; its id is in the answer.'),
    user: Name.optional().describe('Known across conversations. Without one, a person known only in this conversation.'),
    character: z.string().max(200).optional().describe('A slug of GET /v1/characters.'),
  })
  .meta({ id: 'ChatBody' });

export const ChatHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .min(8)
    .max(200)
    .optional()
    .describe('The same key in the same conversation is the same message: sending again after a lost connection gives the same reply.'),
});

export const PredictBody = z.object({ text: Text }).meta({ id: 'PredictBody' });
export const BatchBody = z.object({ texts: z.array(Text).min(1).max(256) }).meta({ id: 'BatchBody' });

export const FeedbackBody = z
  .object({
    reply: z.string().min(1).max(200).describe('The reply’s id.'),
    value: z.enum(['up', 'down']).nullable().describe('null takes the vote back.'),
    user: Name.optional().describe('Whose vote. The same reply and user again replaces it.'),
    reason: z.string().max(1000).transform(clean).optional(),
  })
  .meta({ id: 'FeedbackBody' });

export const SessionBody = z.object({ key: z.string().min(1).max(1000) }).meta({ id: 'SessionBody' });
export const ConversationParams = z.object({ id: Name });
export const ConversationQuery = z.object({ limit: z.coerce.number().int().min(1).max(500).default(200) });

const TurnIntent = z
  .object({
    name: z.string().nullable(),
    confidence: z.number().min(0).max(1),
    decidedBy: z.enum(['rule', 'model', 'clarify', 'handoff']),
  })
  .meta({ id: 'TurnIntent' });
const Sentiment = Read.shape.sentiment;

export const Answer = z
  .object({
    reply: z.object({ id: z.string(), text: z.string(), character: z.string(), expression: z.string(), emotion: Emotion, source: Source }),
    emotion: EmotionScore.describe('The strongest feeling of what was said.'),
    emotions: z.array(EmotionScore),
    detected: z.array(z.string()).describe('Labels over their own thresholds.'),
    sentiment: Sentiment.optional(),
    intent: TurnIntent,
    mood: Mood.describe('How this person has been in this conversation lately.'),
    candidates: z.array(Candidate).describe('What might have been said instead, best first.'),
    versions: Versions,
    timing: z.object({ queueMs: z.number(), readMs: z.number(), writeMs: z.number(), totalMs: z.number() }),
  })
  .meta({ id: 'Answer' });

export const ChatAnswer = Answer.extend({ conversation: z.string() }).meta({ id: 'ChatAnswer' });

export const ReadEvent = z
  .object({
    conversation: z.string(),
    emotion: EmotionScore,
    emotions: z.array(EmotionScore),
    detected: z.array(z.string()),
    sentiment: Sentiment.optional(),
    intent: TurnIntent,
  })
  .meta({ id: 'ReadEvent' });

/** The `data` of the events of a chat, in their order. */
export const ChatEvents = z.union([ReadEvent, z.object({ text: z.string() }), ChatAnswer]).meta({ id: 'ChatEvents' });

const HistoryEntry = z
  .discriminatedUnion('role', [
    z.object({ role: z.literal('user'), id: z.string(), text: z.string().nullable(), atMs: z.number() }),
    z.object({
      role: z.literal('character'),
      id: z.string(),
      text: z.string().nullable().describe('null once it is no longer kept.'),
      atMs: z.number(),
      vote: z.enum(['up', 'down']).nullable(),
      answer: Answer,
    }),
  ])
  .meta({ id: 'HistoryEntry' });

export const ConversationAnswer = z.object({ conversation: z.string(), entries: z.array(HistoryEntry) }).meta({ id: 'ConversationAnswer' });

export const PredictionAnswer = Prediction.meta({ id: 'Prediction' });
export const BatchAnswer = z.object({ results: z.array(PredictionAnswer) }).meta({ id: 'BatchAnswer' });

export const CharactersAnswer = z
  .object({ characters: z.array(z.object({ slug: z.string(), name: z.string(), description: z.string(), default: z.boolean() })) })
  .meta({ id: 'CharactersAnswer' });

export const ModelsAnswer = z
  .object({
    models: z.array(z.object({ task: z.string(), version: z.string(), arm: z.string(), live: z.boolean() })),
    generator: z.string(),
  })
  .meta({ id: 'ModelsAnswer' });

export const SessionAnswer = z.object({ required: z.boolean(), active: z.boolean() }).meta({ id: 'SessionAnswer' });
export const MetricsText = z.string();
export const HealthAnswer = z.object({ alive: z.literal(true) }).meta({ id: 'HealthAnswer' });
export const ReadyAnswer = z
  .object({ ready: z.literal(true), failing: z.array(z.object({ name: z.string(), reason: z.string() })) })
  .meta({ id: 'ReadyAnswer' });

const ProblemDocument = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string().describe('Stable: match on this.'),
    instance: z.string().describe('This occurrence, as in the log and in x-request-id.'),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    failing: z.array(z.object({ name: z.string(), reason: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

/** The refusals a route documents. */
export function problems(...statuses: number[]) {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: SAYS[status] ?? 'Refused', content: { 'application/problem+json': { schema: ProblemDocument } } },
    ]),
  );
}

const SAYS: Record<number, string> = {
  400: 'The body or a field of it is wrong',
  401: 'The API key is missing or wrong',
  403: 'The request comes from another site',
  404: 'There is no such thing',
  409: 'The bot is silent here',
  413: 'The body is too large',
  429: 'Too much; Retry-After says how long to wait',
  503: 'Not ready or overloaded; Retry-After says how long to wait',
  504: 'The reply is late and will be in the conversation’s history',
};

/** A JSON answer in the documentation. */
export function json<T extends z.ZodType>(description: string, schema: T) {
  return { description, content: { 'application/json': { schema } } };
}
