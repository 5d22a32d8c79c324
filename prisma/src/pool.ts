// A pg.Pool of many clients over the one session PGlite has.
import { EventEmitter } from 'node:events';

export interface QueryResult<Row> {
  rows: Row[];
  rowCount: number;
}

export declare class EmbeddedClient extends EventEmitter {
  // biome-ignore lint/suspicious/noExplicitAny: a driver does not know its rows, as in pg
  query<Row = any>(text: string, params?: readonly unknown[]): Promise<QueryResult<Row>>;
  release(destroy?: boolean): void;
}

/** Has what BullMQ asks of a pg.Pool. */
export declare class EmbeddedPool extends EventEmitter {
  // biome-ignore lint/suspicious/noExplicitAny: a driver does not know its rows, as in pg
  query<Row = any>(text: string, params?: readonly unknown[]): Promise<QueryResult<Row>>;
  connect(): Promise<EmbeddedClient>;
  end(): Promise<void>;
}
