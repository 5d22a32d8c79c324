// The web server on a stand-in for the core, as tests and the picture of the page use it.
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { createServer, type WebOptions } from '../../bot/src/platforms/web/server.ts';
import { createFakeCore, type FakeCore } from './fake-core.ts';

export interface FakeServer {
  app: FastifyInstance;
  core: FakeCore;
  /** Listens on a free port of the loopback and says where. */
  listen(): Promise<string>;
}

export async function createFakeServer(options: Partial<WebOptions> & { paceMs?: number } = {}): Promise<FakeServer> {
  const core = createFakeCore({ paceMs: options.paceMs ?? 0 });
  const app = await createServer({
    inbound: core.inbound,
    services: core.services,
    log: pino({ level: 'silent' }),
    now: Date.now,
    graceMs: 0,
    ...options,
  });
  return { app, core, listen: () => app.listen({ port: 0, host: '127.0.0.1' }) };
}
