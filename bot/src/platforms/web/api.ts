// The rest of /v1: reading without answering, feedback, characters, models, and a conversation's past.
import { z } from 'zod';
import { personOf } from './chat.ts';
import { Problem } from './problem.ts';
import {
  BatchAnswer,
  BatchBody,
  CharactersAnswer,
  ConversationAnswer,
  ConversationParams,
  ConversationQuery,
  FeedbackBody,
  json,
  ModelsAnswer,
  PredictBody,
  PredictionAnswer,
  problems,
} from './schemas.ts';
import type { Web } from './server.ts';

/** 256 texts of 4,000 characters, written with escapes. */
const BATCH_LIMIT = 8 * 1024 * 1024;

export function apiRoutes(app: Web['app'], { services, inbound, now }: Web): void {
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
  });

  app.post(
    '/v1/predict',
    {
      schema: {
        operationId: 'predict',
        tags: ['reading'],
        summary: 'Reads a text: emotions, sentiment, intent',
        body: PredictBody,
        response: { 200: json('What the text means', PredictionAnswer), ...problems(400, 401, 413, 429, 503) },
      },
    },
    async (request) => {
      const [prediction] = await services.predict([request.body.text]);
      if (!prediction) throw new Problem('internal', 'The text was not read.');
      return prediction;
    },
  );

  app.post(
    '/v1/predict/batch',
    {
      bodyLimit: BATCH_LIMIT,
      schema: {
        operationId: 'predictBatch',
        tags: ['reading'],
        summary: 'Reads up to 256 texts; results in their order',
        body: BatchBody,
        response: { 200: json('What the texts mean', BatchAnswer), ...problems(400, 401, 413, 429, 503) },
      },
    },
    async (request) => ({ results: await services.predict(request.body.texts) }),
  );

  app.post(
    '/v1/feedback',
    {
      schema: {
        operationId: 'feedback',
        tags: ['chat'],
        summary: 'A thumb on a reply; again replaces it, null takes it back',
        body: FeedbackBody,
        response: { 204: z.undefined().describe('Stored'), ...problems(400, 401, 403, 404, 429, 503) },
      },
    },
    async (request, reply) => {
      const { reply: replyId, value, user, reason } = request.body;
      if (!(await services.hasReply(replyId))) throw new Problem('unknown-reply', 'No reply has this id.');
      const person = user === undefined ? { id: 'anonymous', name: 'guest' } : personOf(user, '');
      await inbound.vote({ workspace: 'web', person, target: { replyId }, value, reason, via: 'api', atMs: now() });
      return reply.code(204).send();
    },
  );

  app.get(
    '/v1/characters',
    {
      schema: {
        operationId: 'characters',
        tags: ['chat'],
        summary: 'Who can be talked to',
        response: { 200: json('The characters', CharactersAnswer), ...problems(401) },
      },
    },
    async () => ({ characters: services.characters() }),
  );

  app.get(
    '/v1/models',
    {
      schema: {
        operationId: 'models',
        tags: ['operations'],
        summary: 'Which model versions are live',
        response: { 200: json('The models', ModelsAnswer), ...problems(401, 503) },
      },
    },
    async () => services.models(),
  );

  app.get(
    '/v1/conversations/:id',
    {
      schema: {
        operationId: 'conversation',
        tags: ['chat'],
        summary: 'What was said in a conversation, oldest first; empty for one that never was',
        params: ConversationParams,
        querystring: ConversationQuery,
        response: { 200: json('The conversation', ConversationAnswer), ...problems(400, 401, 503) },
      },
    },
    async (request) => ({
      conversation: request.params.id,
      entries: await services.history(request.params.id, request.query.limit),
    }),
  );
}
