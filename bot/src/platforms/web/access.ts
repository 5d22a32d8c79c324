// Who may call /v1 and /metrics: the API key as a bearer token, or the cookie of a page that has shown it once.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problem.ts';

export const SESSION_COOKIE = 'troupe_session';
const SESSION_DAYS = 30;

export interface Access {
  /** Throws a Problem unless this request may pass. */
  check(request: FastifyRequest): void;
  /** Sets the session cookie for the right key; without an API key there is nothing to do. */
  signIn(key: string, request: FastifyRequest, reply: FastifyReply): void;
  signOut(request: FastifyRequest, reply: FastifyReply): void;
  status(request: FastifyRequest): { required: boolean; active: boolean };
}

export function createAccess(apiKey: string | undefined, now: () => number): Access {
  // Signed with the key, not stored: a session outlives a restart, holds on every replica, and ends with the key.
  const sign = (claim: string) => createHmac('sha256', `troupe session ${apiKey}`).update(claim).digest('base64url');
  /** Signed out here before their time, with when that is. */
  const ended = new Map<string, number>();

  const hasSession = (request: FastifyRequest) => {
    const [endsAt = '', nonce = '', signature = ''] = (request.cookies[SESSION_COOKIE] ?? '').split('.');
    return equal(signature, sign(`${endsAt}.${nonce}`)) && Number(endsAt) > now() && !ended.has(nonce);
  };
  const isKey = (key: string) => apiKey !== undefined && equal(key, apiKey);

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
      const claim = `${now() + SESSION_DAYS * 86_400_000}.${randomBytes(16).toString('base64url')}`;
      reply.setCookie(SESSION_COOKIE, `${claim}.${sign(claim)}`, { ...cookie(request), maxAge: SESSION_DAYS * 86_400 });
    },

    signOut(request, reply) {
      if (origin(request) === 'other') throw crossSite();
      if (hasSession(request)) {
        const [endsAt, nonce = ''] = (request.cookies[SESSION_COOKIE] ?? '').split('.');
        for (const [old, end] of ended) if (end <= now()) ended.delete(old);
        ended.set(nonce, Number(endsAt));
      }
      reply.clearCookie(SESSION_COOKIE, cookie(request));
    },

    status: (request) => ({ required: apiKey !== undefined, active: apiKey === undefined || hasSession(request) }),
  };
}

/** In the same time whatever was sent; hashed for equal lengths. */
function equal(sent: string, right: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(sent), hash(right));
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
