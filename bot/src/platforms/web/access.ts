// Who may call /v1 and /metrics: the API key as a bearer token, or the cookie of a page that has shown it once.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problem.ts';

export const SESSION_COOKIE = 'troupe_session';
const SESSION_DAYS = 30;
const MAX_SESSIONS = 10_000;

export interface Access {
  /** Throws a Problem unless this request may pass. */
  check(request: FastifyRequest): void;
  /** Sets the session cookie for the right key; without an API key there is nothing to do. */
  signIn(key: string, request: FastifyRequest, reply: FastifyReply): void;
  signOut(request: FastifyRequest, reply: FastifyReply): void;
  status(request: FastifyRequest): { required: boolean; active: boolean };
}

export function createAccess(apiKey: string | undefined, now: () => number): Access {
  /** Hash of the token → when it ends. Kept in memory: after a restart the page asks once more. */
  const sessions = new Map<string, number>();

  const hasSession = (request: FastifyRequest) => {
    const token = request.cookies[SESSION_COOKIE];
    return token !== undefined && (sessions.get(hash(token).toString('hex')) ?? 0) > now();
  };
  const isKey = (key: string) => apiKey !== undefined && timingSafeEqual(hash(key), hash(apiKey));

  return {
    check(request) {
      if (apiKey === undefined) {
        // Without a key the server is on loopback. A name that leads here may be another site's (DNS rebinding).
        const name = hostName(request.headers.host);
        if (name !== undefined && !isLoopbackName(name))
          throw new Problem('host-not-allowed', `Set API_KEY to serve Troupe as ${name}, or open it as localhost.`);
        if (changes(request) && origin(request) === 'other') throw crossSite();
        return;
      }
      const bearer = /^Bearer +(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1];
      if (bearer !== undefined) {
        if (isKey(bearer)) return;
        throw new Problem('key-required', 'This is not the API key.');
      }
      if (!hasSession(request)) throw new Problem('key-required', 'Send the API key as `Authorization: Bearer …`, or sign in on the page.');
      if (changes(request) && origin(request) !== 'same') throw crossSite();
    },

    signIn(key, request, reply) {
      if (origin(request) === 'other') throw crossSite();
      if (apiKey === undefined) return;
      if (!isKey(key)) throw new Problem('key-required', 'This is not the API key.');
      for (const [id, endsAt] of sessions) if (endsAt <= now()) sessions.delete(id);
      const oldest = sessions.keys().next().value;
      if (sessions.size >= MAX_SESSIONS && oldest !== undefined) sessions.delete(oldest);
      const token = randomBytes(32).toString('base64url');
      sessions.set(hash(token).toString('hex'), now() + SESSION_DAYS * 86_400_000);
      reply.setCookie(SESSION_COOKIE, token, { ...cookie(request), maxAge: SESSION_DAYS * 86_400 });
    },

    signOut(request, reply) {
      if (origin(request) === 'other') throw crossSite();
      const token = request.cookies[SESSION_COOKIE];
      if (token !== undefined) sessions.delete(hash(token).toString('hex'));
      reply.clearCookie(SESSION_COOKIE, cookie(request));
    },

    status: (request) => ({ required: apiKey !== undefined, active: apiKey === undefined || hasSession(request) }),
  };
}

/** Equal lengths for timingSafeEqual, whatever was sent. */
function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function cookie(request: FastifyRequest) {
  const secure = request.protocol === 'https' || /^https\b/.test(String(request.headers['x-forwarded-proto'] ?? ''));
  return { httpOnly: true, sameSite: 'strict', path: '/', secure } as const;
}

function changes(request: FastifyRequest): boolean {
  return !['GET', 'HEAD', 'OPTIONS'].includes(request.method);
}

/** What the browser says about where a request comes from; programs say nothing. */
function origin(request: FastifyRequest): 'same' | 'other' | 'unsaid' {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none' ? 'same' : 'other';
  const from = request.headers.origin;
  if (from === undefined) return 'unsaid';
  if (!URL.canParse(from)) return 'other';
  const { protocol, host } = new URL(from);
  const here = `${protocol}//${request.headers.host}`;
  return URL.canParse(here) && new URL(here).host === host ? 'same' : 'other';
}

function crossSite(): Problem {
  return new Problem('cross-site', 'A page of another site may not act with this session.');
}

function hostName(host: string | undefined): string | undefined {
  return host !== undefined && URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : undefined;
}

/** An address cannot be rebound; localhost never leaves the machine. */
function isLoopbackName(name: string): boolean {
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || name === 'localhost' || name.endsWith('.localhost');
}
