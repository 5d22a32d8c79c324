// The web server: one fastify instance with its guards, and every route mounted on it.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getHeapStatistics } from 'node:v8';
import cookie from '@fastify/cookie';
import rateLimit from '@fastify/rate-limit';
import underPressure from '@fastify/under-pressure';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
  type RawServerDefault,
} from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { Inbound, Services } from '../../platform.ts';
import { type Access, createAccess } from './access.ts';
import { apiRoutes } from './api.ts';
import { chatRoute } from './chat.ts';
import { type BeforeStop, closeGently } from './closing.ts';
import { docs } from './docs.ts';
import { mountAll } from './mounts.ts';
import { healthRoutes, metricsRoute } from './operations.ts';
import { page } from './page.ts';
import { answerProblem, handleErrors, Problem, toProblem } from './problem.ts';
import { sessionRoutes } from './session.ts';

/** What every route is given. */
export interface Web {
  app: FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>;
  inbound: Pick<Inbound, 'message' | 'vote'>;
  services: Services;
  access: Access;
  now: () => number;
  /** A chat call waits this long for its reply. */
  timeoutMs: number;
  pollMs: number;
  onStop(before: BeforeStop): void;
}

export interface WebOptions {
  apiKey?: string | undefined;
  inbound: Inbound;
  services: Services;
  log: Logger;
  now: () => number;
  timeoutMs?: number;
  pollMs?: number;
  graceMs?: number;
  /** When it is overloaded. */
  pressure?: { maxEventLoopDelay: number; sampleInterval: number };
}

const BODY_LIMIT = 256 * 1024;
/** Far above what people or the benchmark do: it stops a loop gone wild, LIMIT_PER_PERSON is what people meet. */
const REQUESTS_PER_IP = { max: 10_000, timeWindow: 10_000 };
const WRONG_KEYS_PER_IP = { max: 30, timeWindow: 60_000 };

/** Ready to listen. `close()` refuses new calls, gives those in hand `graceMs`, then ends. */
export async function createServer(options: WebOptions): Promise<FastifyInstance> {
  const { services, now, timeoutMs = 60_000, pollMs = 1000, graceMs = 5000 } = options;
  const app = fastify({
    loggerInstance: options.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    requestTimeout: 60_000,
    genReqId: () => randomUUID(),
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1000 },
    frameworkErrors: (error, request, reply) =>
      void answerProblem(toProblem(error), request as unknown as FastifyRequest, reply as unknown as FastifyReply),
  }).withTypeProvider<ZodTypeProvider>();
  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(validatorCompiler);
  // Answers are typed; checking each again would only turn a rounding error into a 500.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  handleErrors(app);

  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ ...HEADERS, 'x-request-id': request.id });
  });
  const { onStop, inHand } = closeGently(app, graceMs);
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions } = request;
    request.log.debug({ method, route: routeOptions.url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'Answered');
  });

  await app.register(cookie);
  await app.register(rateLimit, {
    ...REQUESTS_PER_IP,
    addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    addHeaders: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    errorResponseBuilder: (_request, { ttl }) =>
      new Problem('too-many-requests', 'Too many requests from this address.', { retryAfterS: ttl / 1000 }),
  });
  // Mean delays over five seconds: only a loop that hardly turns counts, not one long collection or query.
  await app.register(underPressure, {
    maxEventLoopDelay: 1000,
    sampleInterval: 5000,
    ...options.pressure,
    maxHeapUsedBytes: Math.floor(getHeapStatistics().heap_size_limit * 0.95),
    retryAfter: 5,
  });

  const web: Web = {
    app,
    inbound: {
      message: (event) => inHand(options.inbound.message(event)),
      vote: (event) => inHand(options.inbound.vote(event)),
    },
    services,
    access: createAccess(options.apiKey, now),
    now,
    timeoutMs,
    pollMs,
    onStop,
  };
  await docs(app);
  const wrongKeys = app.createRateLimit(WRONG_KEYS_PER_IP);
  await app.register(async (scope) => {
    scope.addHook('onRequest', (request) => limitWrongKeys(wrongKeys, request, () => web.access.check(request)));
    const guarded = scope.withTypeProvider<ZodTypeProvider>();
    chatRoute(guarded, web);
    apiRoutes(guarded, web);
    metricsRoute(guarded, web);
  });
  sessionRoutes(app, web, (request, signIn) => limitWrongKeys(wrongKeys, request, signIn));
  healthRoutes(app, web);
  await page(app);
  await mountAll(app, services.mounts?.() ?? []);
  return app;
}

/** Guessing is slowed down; a right key is never held up by somebody else's wrong ones. */
async function limitWrongKeys(limit: ReturnType<FastifyInstance['createRateLimit']>, request: FastifyRequest, check: () => void) {
  try {
    check();
  } catch (error) {
    const wrong = error instanceof Problem && error.status === 401 && (request.headers.authorization ?? request.body) !== undefined;
    const tried = wrong ? await limit(request) : undefined;
    if (tried && !tried.isAllowed && tried.isExceeded)
      throw new Problem('too-many-attempts', 'Too many wrong keys from this address.', { retryAfterS: tried.ttlInSeconds });
    throw error;
  }
}

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
};
