// How the server ends: new calls are refused, those in hand may finish, and no idle socket of a browser holds it up.
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Problem } from './problem.ts';

/** Resolves when the calls in hand are over, at the latest after `graceMs`, having ended the rest. */
export type BeforeStop = (graceMs: number) => Promise<void>;

/** After the calls are over, answers still being sent get this long. */
const FLUSH_MS = 1000;

export interface Closing {
  /** How a route with long calls has a say. */
  onStop(before: BeforeStop): void;
  /** What must be queued before the end, however long that takes: nobody else has it. */
  inHand(queueing: Promise<void>): Promise<void>;
}

export function closeGently(app: FastifyInstance, graceMs: number): Closing {
  const calls: BeforeStop[] = [];
  const queueing = new Set<Promise<void>>();
  /** Browsers open sockets ahead of need; Node does not count one without a request as idle. */
  const unused = new Set<Socket>();
  let stopping = false;

  app.server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  app.server.on('request', (request) => unused.delete(request.socket));

  app.addHook('onRequest', async () => {
    if (stopping) throw new Problem('stopping', 'Troupe is stopping; try again in a moment.', { retryAfterS: 5 });
  });
  app.addHook('preClose', async () => {
    stopping = true;
    await Promise.all(calls.map((before) => before(graceMs)));
    await Promise.allSettled(queueing);
    for (const socket of unused) socket.destroy();
    setTimeout(() => app.server.closeAllConnections(), FLUSH_MS).unref();
  });
  return {
    onStop: (before) => calls.push(before),
    inHand(promise) {
      queueing.add(promise);
      promise.catch(() => {}).finally(() => queueing.delete(promise));
      return promise;
    },
  };
}
