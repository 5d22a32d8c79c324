// A Slack platform on a fake Slack, for its own tests. Whole-bot tests need only the fake.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import pino from 'pino';
import type { Platform, PlatformContext } from '../../bot/src/platform.ts';
import { createSlack } from '../../bot/src/platforms/slack/slack.ts';
import { type FakeSlackOptions, startFakeSlack } from './fake.ts';

export type World = Awaited<ReturnType<typeof makeWorld>>;

export const context = { log: pino({ level: 'silent' }), now: Date.now, services: {} } as unknown as PlatformContext;
/** A bot on a fake Slack, receiving in one of the two ways. */
export async function makeWorld(mode: 'socket' | 'http', options: FakeSlackOptions = {}) {
  const slack = await startFakeSlack(options);
  const waits: number[] = [];
  let mounted: Platform | undefined;
  let server: Server | undefined;
  let url = '';
  if (mode === 'http') {
    server = createServer((request, response) => (mounted ?? create()).http?.handle(request, response));
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/slack/events`;
  }
  const receive =
    mode === 'socket' ? { by: 'socket' as const, appToken: slack.appToken } : { by: 'http' as const, signingSecret: slack.signingSecret };
  const create = (over: { botToken?: string; appToken?: string } = {}): Platform => {
    const settings = {
      botToken: over.botToken ?? slack.botToken,
      apiUrl: slack.apiUrl,
      receive: receive.by === 'socket' && over.appToken ? { ...receive, appToken: over.appToken } : receive,
    };
    // Pauses are written down instead of slept through.
    const platform = createSlack(settings, context, {
      wait: async (ms, signal) => {
        waits.push(ms);
        signal?.throwIfAborted();
        await new Promise(setImmediate);
      },
    });
    return {
      ...platform,
      async start(inbound) {
        mounted = platform;
        await platform.start(inbound);
        if (mode === 'http') await slack.deliverHttp(url);
      },
    };
  };
  const close = async () => {
    await slack.stop();
    server?.closeAllConnections();
    server?.close();
  };
  return { slack, create, close, waits, url };
}
