// Slack's Web API as this platform calls it: no hidden retries, the operator's proxy, and every failure as a TroupeError.
import type { Logger as BoltLogger, LogLevel } from '@slack/bolt';
import {
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
  WebClient,
  type WebClientOptions,
} from '@slack/web-api';
import type { Logger } from 'pino';
import { type Dispatcher, EnvHttpProxyAgent, fetch as proxiedFetch } from 'undici';
import { TroupeError } from '../../errors.ts';

export interface WebSettings {
  /** Another API base than https://slack.com/api/. */
  apiUrl?: string | undefined;
  proxy?: { url: string; except?: string | undefined } | undefined;
}

export type Wait = (ms: number, signal?: AbortSignal) => Promise<void>;

/**
 * Web-api retries ten times over half an hour by default, also after a cut connection, when the first call may have counted:
 * here a call is one call, and whoever makes it knows whether it may be made again.
 */
export function webOptions({ apiUrl }: WebSettings, log: Logger, dispatcher: Dispatcher | undefined): WebClientOptions {
  const fetch =
    dispatcher && ((url: string | URL | Request, init?: RequestInit) => proxiedFetch(url as string, { ...init, dispatcher } as never));
  return {
    ...(apiUrl && { slackApiUrl: apiUrl }),
    ...(fetch && { fetch: fetch as unknown as typeof globalThis.fetch }),
    logger: quietLogger(log),
    timeout: 10_000,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
  };
}

export function dispatcherOf({ proxy }: WebSettings): Dispatcher | undefined {
  return proxy && new EnvHttpProxyAgent({ httpsProxy: proxy.url, noProxy: proxy.except ?? '' });
}

export function webClient(token: string, options: WebClientOptions): WebClient {
  return new WebClient(token, { ...options });
}

/** Makes the call again after as long as Slack asks for, since a refused call did nothing. Gives up after `maxWaitMs` in all. */
export async function patiently<T>(
  call: () => Promise<T>,
  wait: Wait,
  { signal, maxWaitMs = 120_000 }: { signal?: AbortSignal; maxWaitMs?: number } = {},
) {
  for (let waitedMs = 0; ; ) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof WebAPIRateLimitedError) || waitedMs + error.retryAfter * 1000 > maxWaitMs) throw error;
      waitedMs += error.retryAfter * 1000;
      await wait(error.retryAfter * 1000, signal);
    }
  }
}

/**
 * What went wrong, for people and for the core. `token` names the setting whose token made the call; with `mendable` it is worth
 * waiting until the operator has mended it.
 */
export function toTroupeError(
  error: unknown,
  token: 'SLACK_BOT_TOKEN' | 'SLACK_APP_TOKEN',
  doing: string,
  { mendable = false }: { mendable?: boolean } = {},
): TroupeError {
  if (error instanceof TroupeError) return error;
  if (error instanceof WebAPIPlatformError) {
    const { error: reason, needed } = error.data as { error: string; needed?: string };
    if (BAD_TOKEN.has(reason))
      return new TroupeError('slack-token-refused', `${token} was refused (${reason}) while ${doing}. ${FIX[token]}`, {
        retryable: mendable,
        cause: error,
      });
    if (reason === 'missing_scope')
      return new TroupeError('slack-scope-missing', `${token} lacks the scope ${needed} for ${doing}. Add it and install the app again.`, {
        retryable: mendable,
        cause: error,
      });
    // A page of HTML instead of a code is an outage; the others are Slack's own words for "it may have worked".
    const retryable = PASSING.has(reason) || !/^[a-z_]+$/.test(reason);
    return new TroupeError(retryable ? 'slack-unavailable' : 'slack-refused', `Slack refused ${doing}: ${reason.slice(0, 60)}.`, {
      retryable,
      cause: error,
    });
  }
  if (error instanceof WebAPIRateLimitedError)
    return new TroupeError('slack-rate-limited', `Slack asks to wait ${error.retryAfter} s before ${doing}.`, {
      retryable: true,
      cause: error,
    });
  if (error instanceof WebAPIHTTPError) {
    const retryable = error.statusCode >= 500 || error.statusCode === 408;
    return new TroupeError('slack-unavailable', `Slack answered ${error.statusCode} to ${doing}.`, { retryable, cause: error });
  }
  const why = error instanceof WebAPIRequestError ? reasonOf(error.original) : error instanceof Error ? error.message : 'connection closed';
  return new TroupeError('slack-unreachable', `Slack could not be reached for ${doing}: ${why}.`, { retryable: true, cause: error });
}

/** Bolt's debug lines hold message texts, so they are dropped; what fails is logged once, by us, so only its warnings may be news. */
export function quietLogger(log: Logger, { warnings = 'debug' }: { warnings?: 'warn' | 'debug' } = {}): BoltLogger {
  const line =
    (level: 'warn' | 'debug') =>
    (...parts: unknown[]) =>
      log[level](parts.map((part) => (part instanceof Error ? part.message : String(part))).join(' '));
  return {
    debug: () => {},
    info: line('debug'),
    warn: line(warnings),
    error: line('debug'),
    setLevel: () => {},
    getLevel: () => 'info' as LogLevel,
    setName: () => {},
  };
}

const BAD_TOKEN = new Set([
  'invalid_auth',
  'not_authed',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'not_allowed_token_type',
  'user_removed_from_team',
  'team_disabled',
]);
const PASSING = new Set([
  'ratelimited',
  'rate_limited',
  'fatal_error',
  'internal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
]);
const FIX = {
  SLACK_BOT_TOKEN: 'Copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions of the Slack app.',
  SLACK_APP_TOKEN: 'Make an app-level token (xapp-…) with connections:write under Basic Information of the Slack app.',
};

function reasonOf(error: Error): string {
  return error.cause instanceof Error && error.cause.message ? error.cause.message : error.message;
}
