// PGlite's one session, spoken to as node-postgres speaks to a server: text in, text out, every statement with values prepared once.

import { setImmediate as breath } from 'node:timers/promises';
import { messages, type PGlite, protocol } from '@electric-sql/pglite';
import pg from 'pg';
import { StoreError } from './errors.ts';

export interface Statement {
  text: string;
  values?: readonly unknown[];
  rowMode?: 'array';
  types?: { getTypeParser(oid: number, format: 'text'): (value: string) => unknown };
}

export interface Result {
  command: string;
  rowCount: number | null;
  fields: { name: string; dataTypeID: number }[];
  // biome-ignore lint/suspicious/noExplicitAny: a driver does not know its rows, as in pg
  rows: any[];
}

/** Beyond it the least used plan is dropped; Prisma makes a new text for each length of a list. */
const MAX_PREPARED = 400;
/** A statement ends without the event loop turning, so a chain of them would keep timers and sockets waiting until its end. */
const WITHOUT_A_BREATH_MS = 5;

export class Session {
  readonly #pglite: PGlite;
  readonly #onCrash: (error: StoreError) => void;
  /** In WebAssembly parsing and planning cost several times what running costs. */
  readonly #prepared = new Map<string, string>();
  #made = 0;
  #busyMs = 0;
  #over: StoreError | undefined;

  constructor(pglite: PGlite, onCrash: (error: StoreError) => void) {
    this.#pglite = pglite;
    this.#onCrash = onCrash;
  }

  /** Resolves when nobody else is within; nobody gets in until the result is called. */
  enter(): Promise<() => void> {
    return new Promise((resolve, reject) => {
      this.#pglite._runExclusiveTransaction(() => new Promise<void>(resolve)).catch(reject);
    });
  }

  /** No statement begins any more, not even of whoever is within. */
  end(): void {
    this.#over ??= new StoreError('store-closed', 'The embedded store is closed.');
  }

  inTransaction(): boolean {
    return !this.#over && !this.#pglite.closed && this.#pglite.isInTransaction();
  }

  /** Only between `enter` and its result. Without values the text may hold several statements; the last one's rows come back. */
  async run({ text, values, rowMode, types = pg.types as Statement['types'] }: Statement): Promise<Result> {
    if (this.#busyMs > WITHOUT_A_BREATH_MS) await breath();
    if (this.#pglite.closed) this.end();
    if (this.#over) throw this.#over;
    const given = values?.map(toText) ?? [];
    const startedAt = performance.now();
    try {
      return toResult(await this.#ask(text, given), rowMode, types);
    } finally {
      this.#busy(performance.now() - startedAt);
    }
  }

  async #ask(text: string, values: (string | null)[]): Promise<Message[]> {
    const { bind, describe, execute, sync, query } = protocol.serialize;
    try {
      if (values.length === 0) return await this.#send([query(text)]);
      const statement = await this.#prepare(text);
      return await this.#send([bind({ statement, values }), describe({ type: 'P' }), execute({}), sync()]);
    } catch (error) {
      // What PostgreSQL says is the caller's matter; anything else means that the engine itself is gone.
      if (!(error instanceof messages.DatabaseError)) throw this.#crashed(error as Error);
      // A changed table makes a plan useless; the next call prepares anew.
      if (error.code === '0A000') await this.#forget(text);
      throw error;
    }
  }

  /** Counts from one turn of the event loop to the next. */
  #busy(ms: number): void {
    if (this.#busyMs === 0)
      setImmediate(() => {
        this.#busyMs = 0;
      });
    this.#busyMs += ms;
  }

  async #prepare(text: string): Promise<string> {
    const { parse, sync } = protocol.serialize;
    let name = this.#prepared.get(text);
    if (!name) {
      name = `troupe_${this.#made++}`;
      await this.#send([parse({ name, text, types: [] }), sync()]);
    }
    this.#prepared.delete(text);
    this.#prepared.set(text, name);
    const [eldest] = this.#prepared.keys();
    if (eldest && this.#prepared.size > MAX_PREPARED) await this.#forget(eldest);
    return name;
  }

  async #forget(text: string): Promise<void> {
    const name = this.#prepared.get(text);
    if (!name) return;
    this.#prepared.delete(text);
    await this.#send([protocol.serialize.close({ type: 'S', name }), protocol.serialize.sync()]);
  }

  #send(parts: Uint8Array[]): Promise<Message[]> {
    return this.#pglite._runExclusiveQuery(() => this.#pglite.execProtocolStream(Buffer.concat(parts), { syncToFs: false }));
  }

  #crashed(cause: Error): StoreError {
    const message = `The embedded store stopped working (${cause.message}). Start Troupe again.`;
    this.#over = new StoreError('store-crashed', message, { cause });
    this.#onCrash(this.#over);
    return this.#over;
  }
}

type Message = Awaited<ReturnType<PGlite['execProtocolStream']>>[number];

function toResult(answer: Message[], rowMode: Statement['rowMode'], types: Statement['types']): Result {
  let result: Result = { command: '', rowCount: null, fields: [], rows: [] };
  let parsers: ((value: string) => unknown)[] = [];
  for (const message of answer) {
    if (message instanceof messages.RowDescriptionMessage) {
      result = { command: '', rowCount: null, fields: message.fields, rows: [] };
      parsers = message.fields.map((field) => types!.getTypeParser(field.dataTypeID, 'text'));
    } else if (message instanceof messages.DataRowMessage) {
      const row = message.fields.map((value, i) => (value === null ? null : parsers[i]!(value as string)));
      result.rows.push(rowMode === 'array' ? row : Object.fromEntries(row.map((value, i) => [result.fields[i]!.name, value])));
    } else if (message instanceof messages.CommandCompleteMessage) {
      const words = message.text.split(' ');
      const count = Number(words.at(-1));
      // A statement without rows after one with rows has none of its own.
      if (result.command !== '') result = { command: '', rowCount: null, fields: [], rows: [] };
      result.command = words[0] as string;
      result.rowCount = Number.isNaN(count) ? null : count;
    }
  }
  return result;
}

/** PostgreSQL's text form, as pg writes it. */
function toText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return `{${value.map(toElement).join(',')}}`;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function toElement(value: unknown): string {
  const text = toText(value);
  if (text === null) return 'NULL';
  return Array.isArray(value) ? text : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
