// Socket Mode as a Bolt receiver that stays connected: whatever ends a connection, it opens the next, and it never ends the process.
import { setTimeout as pause } from 'node:timers/promises';
import type { App, Receiver } from '@slack/bolt';
import { SocketModeClient } from '@slack/socket-mode';
import type { Logger } from 'pino';
import type { TroupeError } from '../../errors.ts';
import { toTroupeError, type Wait } from './web.ts';

export interface SocketOptions
  extends Pick<ConstructorParameters<typeof SocketModeClient>[0] & object, 'appToken' | 'clientOptions' | 'dispatcher' | 'logger'> {
  log: Logger;
  wait: Wait;
  now: () => number;
  onConnection: (connected: boolean, reason?: string) => void;
}

const HELLO_TIMEOUT_MS = 15_000;
const LONGEST_PAUSE_MS = 30_000;

export class SocketReceiver implements Receiver {
  readonly #client: SocketModeClient;
  readonly #options: SocketOptions;
  readonly #stopped = new AbortController();
  #app: App | undefined;
  #keeping = Promise.resolve();
  #closed = false;
  #onGone = () => {};

  constructor({ log, wait, now, onConnection, ...client }: SocketOptions) {
    this.#options = { log, wait, now, onConnection, ...client };
    // Its own reconnecting ends the process on a refused token and gives up when Slack cannot be reached.
    this.#client = new SafeClient({ ...client, autoReconnectEnabled: false, clientPingTimeout: 15_000 }, log);
    this.#client.on('disconnected', () => this.#onGone());
    this.#client.on('slack_event', (args) => void this.#handle(args));
  }

  init(app: App): void {
    this.#app = app;
  }

  /** Resolves when Slack has said hello. Rejects with a TroupeError, `retryable` unless the token is wrong. */
  async start(): Promise<void> {
    const { gone } = await this.#connect();
    this.#keeping = this.#keep(gone);
  }

  /** From now on events stay unacknowledged, for the next process. */
  close(): void {
    this.#closed = true;
  }

  async stop(): Promise<void> {
    this.close();
    this.#stopped.abort();
    // A dead network never answers the goodbye.
    await Promise.race([Promise.all([this.#client.disconnect(), this.#keeping]), pause(2000, undefined, { ref: false })]);
  }

  /** Resolves, once connected, with a promise of the connection's end. */
  async #connect(): Promise<{ gone: Promise<void> }> {
    const gone = new Promise<void>((resolve) => {
      this.#onGone = resolve;
    });
    const timer = setTimeout(() => void this.#client.disconnect(), HELLO_TIMEOUT_MS);
    try {
      await this.#client.start();
    } catch (error) {
      throw toTroupeError(error, 'SLACK_APP_TOKEN', 'opening a Socket Mode connection');
    } finally {
      clearTimeout(timer);
    }
    if (this.#stopped.signal.aborted) void this.#client.disconnect();
    else this.#options.onConnection(true);
    return { gone };
  }

  async #keep(gone: Promise<void>): Promise<void> {
    const { log, wait, now, onConnection } = this.#options;
    const { signal } = this.#stopped;
    for (let failures = 0; ; ) {
      const sinceMs = now();
      await gone;
      if (signal.aborted) return;
      onConnection(false, 'the connection was closed');
      // Slack renews a connection every few hours; one that ends at once is in trouble.
      failures = now() - sinceMs < 10_000 ? failures + 1 : 0;
      for (;;) {
        if (failures) await wait(Math.min(LONGEST_PAUSE_MS, 250 * 2 ** failures), signal).catch(() => {});
        if (signal.aborted) return;
        try {
          ({ gone } = await this.#connect());
          break;
        } catch (error) {
          if (signal.aborted) return;
          failures++;
          const { code, message } = error as TroupeError;
          log.warn({ code, failures }, message);
          onConnection(false, message);
        }
      }
    }
  }

  async #handle({ body, ack, retry_num, retry_reason }: SlackEvent): Promise<void> {
    if (this.#closed) return;
    try {
      await this.#app?.processEvent({ body, ack, retryNum: retry_num, retryReason: retry_reason });
    } catch (error) {
      this.#options.log.warn(
        { err: error, type: body?.event?.type ?? body?.type },
        'A Slack event was not queued; Slack will send it again',
      );
    }
  }
}

interface SlackEvent {
  body: { type?: string; event?: { type?: string }; actions?: unknown };
  ack: (response?: unknown) => Promise<void>;
  retry_num?: number;
  retry_reason?: string;
}

/** The client rejects, unheard, on an envelope it did not expect; such an envelope is logged instead. */
class SafeClient extends SocketModeClient {
  readonly #log: Logger;

  constructor(options: ConstructorParameters<typeof SocketModeClient>[0], log: Logger) {
    super(options);
    this.#log = log;
  }

  protected override async onWebSocketMessage(data: string | ArrayBuffer, isBinary: boolean): Promise<void> {
    try {
      await super.onWebSocketMessage(data, isBinary);
    } catch (error) {
      this.#log.warn({ err: error }, 'Slack sent something unexpected');
    }
  }
}
