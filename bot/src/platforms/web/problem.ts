// Every refusal of the API as an RFC 9457 problem document: one table of codes, one error handler.
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { TroupeError } from '../../errors.ts';

/** Stable codes with their status and title. A turn's own failure brings a code of the core's. */
const KINDS = {
  'malformed-json': [400, 'The body is not JSON'],
  'invalid-body': [400, 'The body is not what this route takes'],
  'invalid-request': [400, 'The request is not what this route takes'],
  'unknown-character': [400, 'No such character'],
  'key-required': [401, 'An API key is required'],
  'cross-site': [403, 'Requests from other sites are refused'],
  'host-not-allowed': [403, 'This name is not served without an API key'],
  'channel-not-allowed': [403, 'The bot does not speak in this conversation'],
  'not-found': [404, 'No such route'],
  'unknown-reply': [404, 'No such reply'],
  stopped: [409, 'The bot is silent in this conversation'],
  'handed-off': [409, 'A person was called'],
  deleted: [409, 'The message was deleted'],
  'body-too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body must be JSON'],
  'rate-limited': [429, 'Too many turns'],
  'too-many-requests': [429, 'Too many requests'],
  'too-many-attempts': [429, 'Too many wrong keys'],
  gone: [499, 'The client hung up'],
  internal: [500, 'Something broke'],
  'not-ready': [503, 'Not ready'],
  overloaded: [503, 'Overloaded'],
  stopping: [503, 'Shutting down'],
  'turn-failed': [503, 'The turn failed'],
  late: [504, 'The reply is late'],
} as const satisfies Record<string, [number, string]>;
export type ProblemKind = keyof typeof KINDS;

export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  instance: string;
  /** The fields that are wrong, for a 400. */
  errors?: { path: string; message: string }[];
  /** What is not ready, for a 503 of /readyz. */
  failing?: { name: string; reason: string }[];
}

export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly code: string;
  readonly retryAfterS: number | undefined;
  readonly more: Pick<ProblemDocument, 'errors' | 'failing'>;

  constructor(
    kind: ProblemKind,
    detail: string,
    options: { code?: string; retryAfterS?: number; cause?: unknown } & Pick<ProblemDocument, 'errors' | 'failing'> = {},
  ) {
    super(detail, { cause: options.cause });
    this.name = 'Problem';
    [this.status, this.title] = KINDS[kind];
    this.code = options.code ?? kind;
    this.retryAfterS = options.retryAfterS;
    this.more = { ...(options.errors && { errors: options.errors }), ...(options.failing && { failing: options.failing }) };
  }

  document(requestId: string): ProblemDocument {
    const { title, status, code } = this;
    return {
      type: `urn:troupe:problem:${code}`,
      title,
      status,
      detail: this.message,
      code,
      instance: `urn:uuid:${requestId}`,
      ...this.more,
    };
  }
}

/** Any error as a problem. Only a Problem's or a TroupeError's sentence reaches the client; everything else is said in ours. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TroupeError)
    return new Problem(error.retryable ? 'not-ready' : 'internal', error.message, {
      code: error.code,
      retryAfterS: error.retryable ? 5 : undefined,
      cause: error,
    });
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map((v) => ({ path: v.instancePath.slice(1), message: v.message ?? 'invalid' }));
    const detail = errors.map((e) => (e.path ? `${e.path}: ${e.message}` : e.message)).join('; ');
    return new Problem(error.validationContext === 'body' ? 'invalid-body' : 'invalid-request', detail, { errors });
  }
  const { code, statusCode } = error as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new Problem('body-too-large', 'Send a smaller body; a message has at most 4,000 characters.');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new Problem('unsupported-media-type', 'Send content-type: application/json.');
  if (code === 'FST_UNDER_PRESSURE') return new Problem('overloaded', 'Too much to do at once; try again in a moment.', { retryAfterS: 5 });
  if (code === 'FST_ERR_CTP_INVALID_JSON_BODY' || code === 'FST_ERR_CTP_EMPTY_JSON_BODY' || error instanceof SyntaxError)
    return new Problem('malformed-json', 'The body could not be read as JSON.');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new Problem('invalid-request', 'The request could not be read.', { cause: error });
  return new Problem('internal', 'Something broke on our side; the log has it under this instance.', { cause: error });
}

export function handleErrors(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => answerProblem(toProblem(error), request, reply));
  app.setNotFoundHandler((request, reply) =>
    answerProblem(new Problem('not-found', `${request.method} ${request.url.split('?')[0]} does not exist; see /docs.`), request, reply),
  );
}

export function answerProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply) {
  if (problem.status >= 500) request.log.error({ err: problem.cause ?? problem, code: problem.code }, 'A request failed');
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="troupe"');
  if (problem.status === 413) drain(request, reply);
  if (problem.retryAfterS !== undefined) reply.header('retry-after', Math.max(1, Math.ceil(problem.retryAfterS)));
  return reply
    .code(problem.status)
    .type('application/problem+json; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(JSON.stringify(problem.document(request.id)));
}

/** Closing while the client still sends would reset the connection before it reads the answer: take the rest in and throw it away. */
function drain(request: FastifyRequest, reply: FastifyReply, limitBytes = 64 * 1024 * 1024): void {
  reply.removeHeader('connection');
  let bytes = 0;
  request.raw.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limitBytes) request.raw.destroy();
  });
  request.raw.resume();
}
