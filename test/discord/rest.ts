// The REST side of the fake: routes, authorization, and failures made to order.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { rateLimit, restError } from './payloads.ts';

export interface Failure {
  /** GET, POST, …; any when left out. */
  method?: string;
  /** Which paths, below `/api/v10`; any when left out. */
  path?: RegExp;
  /** The answer. Left out with `cut`: there is none. */
  status?: number;
  /** Discord's error code, such as 50013. */
  code?: number;
  /** Makes it a 429. */
  retryAfterS?: number;
  /** The connection is cut: `reset` as a broken network does, `close` as a server that goes away. */
  cut?: 'reset' | 'close';
  /** The request is carried out all the same, before the failure. */
  accept?: boolean;
  times?: number;
}

export interface Request {
  method: string;
  /** Below `/api/v10`, without the query. */
  path: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
}

export interface Answer {
  status: number;
  body?: unknown;
}

export type Route = [method: string, path: RegExp, answer: (ids: string[], request: Request) => Answer];

export class Refused extends Error {
  readonly answer: Answer;
  constructor(status: number, code: number, text: string) {
    super(text);
    this.answer = { status, body: restError(code, text) };
  }
}

export function serveRest(token: string, routes: Route[], failures: Failure[], requests: Request[]) {
  return async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(incoming.url ?? '/', 'http://discord.test');
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const request: Request = {
      method: incoming.method ?? 'GET',
      path: url.pathname.replace(/^\/api\/v10/, ''),
      query: url.searchParams,
      body: text ? (JSON.parse(text) as Record<string, unknown>) : {},
    };
    requests.push(request);
    const failure = takeFailure(failures, request);
    const answer = failure && !failure.accept ? undefined : carryOut(incoming.headers.authorization === `Bot ${token}`, routes, request);
    if (failure?.cut) {
      if (failure.cut === 'reset') incoming.socket.resetAndDestroy();
      else incoming.socket.destroy();
      return;
    }
    if (failure?.retryAfterS !== undefined) {
      const { retryAfterS } = failure;
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': String(retryAfterS), 'x-ratelimit-scope': 'user' });
      response.end(JSON.stringify(rateLimit(retryAfterS)));
      return;
    }
    const { status, body } = failure?.status
      ? { status: failure.status, body: restError(failure.code ?? 0, 'refused by the fake') }
      : (answer ?? { status: 500 });
    response.writeHead(status, {
      'content-type': 'application/json',
      'x-ratelimit-bucket': 'fake',
      'x-ratelimit-limit': '100',
      'x-ratelimit-remaining': '99',
      'x-ratelimit-reset-after': '1.000',
    });
    response.end(status === 204 ? undefined : JSON.stringify(body ?? {}));
  };
}

function takeFailure(failures: Failure[], { method, path }: Request): Failure | undefined {
  const index = failures.findIndex((failure) => (failure.method ?? method) === method && (failure.path?.test(path) ?? true));
  const failure = failures[index];
  if (!failure) return undefined;
  failure.times = (failure.times ?? 1) - 1;
  if (failure.times <= 0) failures.splice(index, 1);
  return failure;
}

function carryOut(authorized: boolean, routes: Route[], request: Request): Answer {
  if (!authorized) return { status: 401, body: restError(0, '401: Unauthorized') };
  for (const [method, path, answer] of routes) {
    const ids = method === request.method ? path.exec(request.path) : null;
    if (!ids) continue;
    try {
      return answer(ids.slice(1).map(decodeURIComponent), request);
    } catch (error) {
      if (error instanceof Refused) return error.answer;
      throw error;
    }
  }
  return { status: 404, body: restError(0, '404: Not Found') };
}
