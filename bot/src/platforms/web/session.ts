// Signing in on the page: the key once, then a cookie that scripts cannot read.
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { json, problems, SessionAnswer, SessionBody } from './schemas.ts';
import type { Web } from './server.ts';

export function sessionRoutes(app: Web['app'], web: Web, limited: (request: FastifyRequest, signIn: () => void) => Promise<void>): void {
  const tags = ['session'];

  app.get(
    '/v1/session',
    {
      schema: {
        operationId: 'session',
        tags,
        summary: 'Whether a key is required and this browser has shown it',
        response: { 200: json('The state', SessionAnswer) },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return web.access.status(request);
    },
  );

  app.post(
    '/v1/session',
    {
      schema: {
        operationId: 'signIn',
        tags,
        summary: 'Exchanges the API key for a session cookie (HttpOnly, SameSite=Strict)',
        body: SessionBody,
        response: { 204: z.undefined().describe('Signed in'), ...problems(400, 401, 403, 429) },
      },
    },
    async (request, reply) => {
      await limited(request, () => web.access.signIn(request.body.key, request, reply));
      return reply.code(204).send();
    },
  );

  app.delete(
    '/v1/session',
    {
      schema: {
        operationId: 'signOut',
        tags,
        summary: 'Ends the session',
        response: { 204: z.undefined().describe('Signed out'), ...problems(403) },
      },
    },
    async (request, reply) => {
      web.access.signOut(request, reply);
      return reply.code(204).send();
    },
  );
}
