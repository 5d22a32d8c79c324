// The log: one pino for the process, a child per turn. Short sentences and fields; never a message's text, never a token.
import { type Logger, pino } from 'pino';

/** Names under which text or secrets might slip in; whatever stands there is not written. */
const secret = ['text', 'token', 'authorization', 'cookie', 'password', 'apiKey', 'event.text', 'err.config', 'err.request', 'err.options'];

export function createLog(level: string, destination?: { write(line: string): void }): Logger {
  const options = { level, base: undefined, redact: { paths: secret, censor: '(not logged)' } };
  return destination ? pino(options, destination) : pino(options);
}
