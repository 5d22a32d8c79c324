// A real pg.Pool whose clients share PGlite's one session: whoever is in a transaction has it alone until the transaction ends.
import { EventEmitter } from 'node:events';
import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { StoreError } from './errors.ts';
import { type Result, Session, type Statement } from './session.ts';

export type EmbeddedPool = pg.Pool;

/** Whoever never gives a client back must not keep the process alive: what was committed is on disk already. */
const COME_BACK_MS = 3_000;

type Callback = (error: Error | null, result?: Result) => void;

/** PGlite itself belongs to whoever opened it. `end` waits for clients to come back, a little; afterwards nothing is written any more. */
export function embeddedPool(pglite: PGlite): { pool: EmbeddedPool; end(): Promise<void> } {
  const clients = new Set<EmbeddedClient>();
  const session = new Session(pglite, (error) => {
    for (const client of clients) client.crash(error);
  });
  class Client extends EmbeddedClient {
    constructor() {
      super(session);
      clients.add(this);
      this.once('end', () => clients.delete(this));
    }
  }
  const stopHearing = pglite.onNotification((channel, payload) => {
    for (const client of clients) client.hear(channel, payload);
  });
  const pool = new pg.Pool({
    Client: Client as unknown as new () => pg.ClientBase,
    // A client is an object, not a connection: whoever listens keeps one for good, and nobody may wait for them.
    max: 1_000,
    idleTimeoutMillis: 0,
    // BullMQ may wait long for a notification: within one process none is lost on the way.
    keepAlive: true,
  });
  // Each queue, worker and event stream listens for its errors.
  pool.setMaxListeners(0);
  pool.on('error', () => {});
  pool.on('release', (_error, client) => (client as unknown as EmbeddedClient).leave());
  return {
    pool,
    async end() {
      // The pool counts a client as gone once it is told to go; what that one was asked before still runs.
      const through = [...clients].map((client) => new Promise((resolve) => client.once('end', resolve)));
      await within(COME_BACK_MS, Promise.all([pool.end(), ...through]));
      session.end();
      stopHearing();
    },
  };
}

/** What pg.Pool, Prisma's adapter and BullMQ use of a pg.Client. Emits `notification` for the channels it listens to. */
class EmbeddedClient extends EventEmitter {
  /** pg.Pool reads these two. */
  _queryable = true;
  _ending = false;
  readonly #session: Session;
  readonly #channels = new Set<string>();
  #last: Promise<unknown> = Promise.resolve();
  #letOthersIn: (() => void) | undefined;

  constructor(session: Session) {
    super();
    this.#session = session;
  }

  connect(callback?: (error: null) => void): Promise<this> | undefined {
    if (!callback) return Promise.resolve(this);
    queueMicrotask(() => callback(null));
  }

  /** One after the other, as on a connection. */
  query(what: string | Statement, values?: readonly unknown[] | Callback, callback?: Callback): Promise<Result> | undefined {
    const [given, done] = typeof values === 'function' ? [undefined, values] : [values, callback];
    const statement = typeof what === 'string' ? { text: what, values: given } : { ...what, values: given ?? what.values };
    const result = this.#next(() => this.#run(statement));
    if (!done) return result;
    result.then(
      (rows) => done(null, rows),
      (error) => done(error),
    );
  }

  /** Given back within a transaction it rolls that back: nobody else would ever get in again. */
  leave(): void {
    void this.#next(async () => {
      try {
        if (this.#letOthersIn) await this.#session.run({ text: 'ROLLBACK' });
      } finally {
        this.#out();
      }
    }).catch(() => {});
    this.#channels.clear();
  }

  end(callback?: () => void): Promise<void> {
    this._ending = true;
    this.leave();
    const ended = this.#last.then(() => {
      this._queryable = false;
      this.emit('end');
      callback?.();
    });
    return ended;
  }

  hear(channel: string, payload: string): void {
    if (this.#channels.has(channel)) this.emit('notification', { channel, payload, processId: process.pid });
  }

  crash(error: StoreError): void {
    this._queryable = false;
    if (this.listenerCount('error') > 0) this.emit('error', error);
  }

  ref(): void {}
  unref(): void {}

  async #run(statement: Statement): Promise<Result> {
    if (!this._queryable) throw new StoreError('store-closed', 'The embedded store is closed.');
    this.#letOthersIn ??= await this.#session.enter();
    try {
      const result = await this.#session.run(statement);
      this.#follow(statement.text);
      return result;
    } finally {
      if (!this.#session.inTransaction()) this.#out();
    }
  }

  /** The session hears every channel anybody ever asked for; who gets to know of it is decided here. */
  #follow(text: string): void {
    const [, verb, quoted] = /^(?:\s|--[^\n]*\n)*(LISTEN|UNLISTEN)\s+("[^"]+"|\w+|\*)/i.exec(text) ?? [];
    if (!verb || !quoted) return;
    const channel = quoted.startsWith('"') ? quoted.slice(1, -1) : quoted.toLowerCase();
    if (verb.toUpperCase() === 'LISTEN') this.#channels.add(channel);
    else if (channel === '*') this.#channels.clear();
    else this.#channels.delete(channel);
  }

  #out(): void {
    this.#letOthersIn?.();
    this.#letOthersIn = undefined;
  }

  #next<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(task);
    this.#last = mine.catch(() => {});
    return mine;
  }
}

async function within(ms: number, ending: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([ending, late]);
  clearTimeout(timer);
}
