import { once } from 'node:events';
import { createServer } from 'node:net';
import { pino } from 'pino';
import { type PlatformHarness, platformContract } from '../../../../test/platform-contract.ts';
import { createFakeCore } from '../../../../test/web/fake-core.ts';
import type { Answer } from '../../platform.ts';
import { createWeb } from './index.ts';

platformContract('web', makeHarness, {
  bots: 'over HTTP a program looks like anybody else; there is nothing to tell it by',
});

/** The outside is somebody calling the API; what they see is the store's, which holds a reply before it is sent. */
async function makeHarness(): Promise<PlatformHarness> {
  const stored = new Map<string, string>();
  const fake = createFakeCore();
  const services = {
    ...fake.services,
    hasReply: async () => true,
    outcome: async () => ({ type: 'reply', answer: { reply: { text: 'Yes.' } } as Answer }) as const,
  };
  const context = { log: pino({ level: 'silent' }), now: Date.now, services };
  const timing = { pollMs: 10, graceMs: 5000 };
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const port = await freePort();
  let acknowledged = 0;
  const call = (path: string, body: object) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).then((r) => {
      if (r.ok) acknowledged++;
    });
  return {
    create() {
      const web = createWeb({ port, host: '127.0.0.1', apiKey: undefined }, context, timing);
      return {
        ...web,
        send(out) {
          stored.set(out.replyId, out.text);
          return web.send(out);
        },
      };
    },
    createRefused: () => ({
      platform: createWeb({ port: (taken.address() as { port: number }).port, host: '127.0.0.1', apiKey: undefined }, context, timing),
      setting: 'PORT',
    }),
    async write(text) {
      void call('/v1/chat', { message: text, conversation: 'c', user: 'ada' }).catch(() => {});
      return { personId: 'user:ada' };
    },
    async writeAsBot() {},
    visible: async () => [...stored].map(([id, text]) => ({ id, text })),
    loseNextAnswer() {},
    // The page shows text; it notifies nobody.
    pinged: async () => [],
    thumb: ({ replyId }, thumb, change) => call('/v1/feedback', { reply: replyId, value: change === 'add' ? thumb : null, user: 'ada' }),
    acknowledged: () => acknowledged,
    async close() {
      taken.close();
      await once(taken, 'close');
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
