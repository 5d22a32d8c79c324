// What can go wrong with a server of chat completions, in this package's codes; and how much of an answer is taken from one.
import OpenAI from 'openai';
import { InferenceError } from './errors.ts';

/** As fetch, but an answer of more bytes than any reply has breaks off, and one that is to be waited for longer than a person waits is final. */
export async function boundedFetch(url: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  const { status, statusText } = response;
  const headers = new Headers(response.headers);
  if ((retryAfterMs(headers) ?? 0) > longestWaitMs) headers.set('x-should-retry', 'false');
  let bytes = 0;
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.length;
      if (bytes > mostBytes) controller.error(new Error(`more than ${mostBytes} bytes`));
      else controller.enqueue(chunk);
    },
  });
  return new Response(response.body?.pipeThrough(counting) ?? null, { status, statusText, headers });
}

/** How long the server wants to be left alone, where that is longer than one waits; undefined otherwise. */
export function waitMs(error: unknown): number | undefined {
  const asked = error instanceof OpenAI.APIError && error.headers ? retryAfterMs(error.headers) : undefined;
  return asked !== undefined && asked > longestWaitMs ? Math.min(asked, longestPauseMs) : undefined;
}

export function toCoded(error: unknown, expired: string | null, baseUrl: string): InferenceError {
  if (error instanceof InferenceError) return error;
  const coded = (code: string, message: string, retryable = true) =>
    new InferenceError(code, `${baseUrl} ${message}`, { retryable, cause: error });
  if (expired) return coded('openai_timeout', `took too long for the ${expired}`);
  if (error instanceof OpenAI.APIConnectionTimeoutError) return coded('openai_timeout', 'took too long to accept the request');
  if (error instanceof OpenAI.APIConnectionError) return coded('openai_unreachable', 'cannot be reached');
  if (error instanceof OpenAI.APIError && error.status) {
    const passing = error.status === 408 || error.status === 429 || error.status >= 500;
    return coded(passing ? 'openai_failed' : 'openai_refused', `answered ${error.status}`, passing);
  }
  return coded('openai_broken', 'sent something that is no reply');
}

/** A reply of 200 tokens, each in an event of its own, is 100 KB. */
const mostBytes = 4_000_000;
const longestWaitMs = 5000;
const longestPauseMs = 600_000;

function retryAfterMs(headers: Headers): number | undefined {
  const given = headers.get('retry-after');
  if (!given) return undefined;
  const seconds = Number(given);
  const wait = Number.isNaN(seconds) ? Date.parse(given) - Date.now() : seconds * 1000;
  return Number.isNaN(wait) ? undefined : wait;
}
