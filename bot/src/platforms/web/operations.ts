// What machines ask: is it alive, is it ready, how is it doing.
import { Problem } from './problem.ts';
import { HealthAnswer, json, MetricsText, problems, ReadyAnswer } from './schemas.ts';
import type { Web } from './server.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    pressureHandler?: () => void;
  }
}

/** An overloaded process still says that it lives; a probe that heard otherwise would restart it. */
const evenUnderPressure = { pressureHandler: () => {} };

export function healthRoutes(app: Web['app'], web: Web): void {
  app.get(
    '/healthz',
    {
      config: evenUnderPressure,
      schema: {
        operationId: 'alive',
        tags: ['operations'],
        summary: 'The process is alive',
        response: { 200: json('Alive', HealthAnswer) },
      },
    },
    async () => ({ alive: true as const }),
  );

  app.get(
    '/readyz',
    {
      config: evenUnderPressure,
      schema: {
        operationId: 'ready',
        tags: ['operations'],
        summary: 'Every dependency is reachable and the models are loaded',
        response: { 200: json('Ready', ReadyAnswer), ...problems(503) },
      },
    },
    async () => {
      const { ready, failing } = await web.services.ready();
      if (ready) return { ready: true as const, failing };
      const detail = failing.map((part) => `${part.name}: ${part.reason}`).join('; ');
      throw new Problem('not-ready', detail || 'Something is still starting.', { failing, retryAfterS: 5 });
    },
  );
}

export function metricsRoute(app: Web['app'], web: Web): void {
  app.get(
    '/metrics',
    {
      config: evenUnderPressure,
      schema: {
        operationId: 'metrics',
        tags: ['operations'],
        summary: 'Metrics in Prometheus’ text format',
        security: [{ key: [] }, {}],
        response: { 200: { description: 'Metrics', content: { 'text/plain': { schema: MetricsText } } }, ...problems(401) },
      },
    },
    async (_request, reply) => {
      const { text, contentType } = await web.services.metrics();
      return reply.header('content-type', contentType).send(text);
    },
  );
}
