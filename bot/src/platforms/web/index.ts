// The web as a platform: the page, the API, and the same inbox and outbox as everywhere else.
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { TroupeError } from '../../errors.ts';
import type { Platform, PlatformContext, PlatformModule } from '../../platform.ts';
import { createServer, type WebOptions } from './server.ts';

interface Settings {
  port: number;
  host: string;
  apiKey: string | undefined;
}

const portWords = 'a port number, 0 (any free one) to 65535';
const settings = z
  .object({
    PORT: z.coerce.number(portWords).int(portWords).min(0, portWords).max(65_535, portWords).default(3000),
    HOST: z.string().default('127.0.0.1'),
    API_KEY: z.string().optional(),
  })
  .transform(({ PORT, HOST, API_KEY }): Settings => ({ port: PORT, host: HOST, apiKey: API_KEY }));

export const platform: PlatformModule<Settings> = {
  name: 'web',
  settings,
  howToTurnOn: 'always on; PORT and HOST say where',
  create: (settings, context) => createWeb(settings, context),
};

/** `timing` is for tests; the defaults stand in server.ts. */
export function createWeb(
  { port, host, apiKey }: Settings,
  { log, now, services }: PlatformContext,
  timing: Pick<WebOptions, 'timeoutMs' | 'pollMs' | 'graceMs'> = {},
): Platform {
  let server: FastifyInstance | undefined;
  return {
    name: 'web',
    capabilities: { streams: true, needsNotice: false, trainingNeedsPermission: false, maxMessageLength: 100_000 },

    async start(inbound) {
      server = await createServer({ apiKey, inbound, services, log, now, ...timing });
      try {
        await server.listen({ port, host });
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EADDRINUSE')
          throw new TroupeError('port-in-use', `PORT ${port} is taken by another program. Stop it, or set PORT to a free one.`, {
            cause: error,
          });
        if (code === 'EACCES')
          throw new TroupeError('port-not-allowed', `PORT ${port} needs rights this user lacks. Set PORT above 1023.`, { cause: error });
        if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
          throw new TroupeError('host-not-here', `HOST ${host} is no address of this machine. Use 127.0.0.1, or 0.0.0.0 for all.`, {
            cause: error,
          });
        throw error;
      }
      inbound.connection(true, addressOf(server));
    },

    // The reply is in the store and the turn's update carries it to whoever waits: there is nothing to push.
    send: async (out) => ({ ids: [out.replyId] }),
    typing: async () => {},

    async stop() {
      await server?.close();
    },
  };
}

function addressOf(server: FastifyInstance): string {
  const { address, family, port } = server.server.address() as AddressInfo;
  const shown = ['127.0.0.1', '::1', '0.0.0.0', '::'].includes(address) ? 'localhost' : family === 'IPv6' ? `[${address}]` : address;
  return `http://${shown}:${port}`;
}
