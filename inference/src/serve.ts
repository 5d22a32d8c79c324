// /metrics, /healthz and /readyz of the role as a process of its own.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { InferenceError } from './errors.ts';

export interface ServeOptions {
  ready(): Promise<{ ready: boolean; failing: { name: string; reason: string }[] }>;
  metrics: Registry;
  host: string;
  /** 0 takes any free one. */
  port: number;
}

/** Rejects with `port_in_use`. */
export async function serve({ ready, metrics, host, port }: ServeOptions): Promise<{ address: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    const route = routes[path ?? ''];
    if (!route)
      return answer(response, 404, {
        type: 'about:blank',
        title: 'There are /metrics, /healthz and /readyz',
        status: 404,
        code: 'not_found',
      });
    route(response).catch((error: Error) =>
      answer(response, 500, { type: 'about:blank', title: error.message, status: 500, code: 'failed' }),
    );
  });
  const routes: Record<string, (response: ServerResponse) => Promise<unknown>> = {
    '/healthz': async (response) => answer(response, 200, { status: 'ok' }),
    async '/readyz'(response) {
      const state = await ready();
      answer(response, state.ready ? 200 : 503, state);
    },
    async '/metrics'(response) {
      const text = await metrics.metrics();
      response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
    },
  };
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new InferenceError('port_in_use', `METRICS_PORT: ${port} on ${host} is in use by another program; set it to a free port`, {
      cause,
    });
  }
  return {
    address: `http://${host}:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function answer(response: ServerResponse, status: number, body: object): void {
  const type = 'code' in body ? 'application/problem+json' : 'application/json';
  response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
}
