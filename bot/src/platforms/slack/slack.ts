// Slack's life: who we are, receiving by Socket Mode or HTTP, sending, and an orderly end.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { App, HTTPReceiver } from '@slack/bolt';
import { TroupeError } from '../../errors.ts';
import type { Address, Inbound, Platform, PlatformContext } from '../../platform.ts';
import { createNames } from './names.ts';
import { type Self, whereIs } from './parse.ts';
import { type QueueFirst, queueFirst } from './queue-first.ts';
import { createReceive } from './receive.ts';
import { maxPartLength } from './render.ts';
import { send } from './send.ts';
import { SocketReceiver } from './socket.ts';
import { dispatcherOf, patiently, quietLogger, toTroupeError, type Wait, type WebSettings, webClient, webOptions } from './web.ts';

export interface SlackSettings extends WebSettings {
  botToken: string;
  receive: { by: 'socket'; appToken: string } | { by: 'http'; signingSecret: string };
}

const EVENTS_PATH = '/slack/events';

export function createSlack(settings: SlackSettings, { log, now }: PlatformContext, { wait = waitFor }: { wait?: Wait } = {}): Platform {
  const { botToken, receive: by } = settings;
  const dispatcher = dispatcherOf(settings);
  const options = webOptions(settings, log, dispatcher);
  const web = webClient(botToken, options);
  const stopped = new AbortController();
  let named = false;
  let http: HTTPReceiver | undefined;
  let socket: SocketReceiver | undefined;
  let receiver: QueueFirst | undefined;
  /** The message under which each DM shows that we are writing. */
  const writing = new Map<string, { under: string; shown: Promise<void> }>();

  return {
    name: 'slack',
    capabilities: { streams: false, needsNotice: true, trainingNeedsPermission: true, maxMessageLength: maxPartLength },
    ...(by.by === 'http' && { http: { path: EVENTS_PATH, handle } }),

    async start(inbound: Inbound) {
      const { self, scopes, about } = await whoAmI();
      named = scopes.includes('chat:write.customize');
      warnOfMissing(scopes);
      const nameOf = createNames(lookUp, { now });
      const onThrottled = () => log.warn('Slack holds events back: this workspace sends more than 30,000 an hour');
      const receive = createReceive({ inbound, self, nameOf, onThrottled });
      const onConnection = (connected: boolean, reason?: string) => inbound.connection(connected, connected ? about : reason);
      if (by.by === 'socket') {
        const clientOptions = { ...options };
        socket = new SocketReceiver({
          appToken: by.appToken,
          clientOptions,
          dispatcher,
          logger: quietLogger(log),
          log,
          wait,
          now,
          onConnection,
        });
        receiver = queueFirst(socket, receive);
      } else {
        http = new HTTPReceiver({
          signingSecret: by.signingSecret,
          endpoints: EVENTS_PATH,
          // A wrong signature is the operator's only sign of a wrong SLACK_SIGNING_SECRET.
          logger: quietLogger(log, { warnings: 'warn' }),
          processEventErrorHandler: async ({ error, response }) => notQueued(response, error),
          unhandledRequestHandler: ({ response }) => notQueued(response, new Error('queueing took over 3 s')),
        });
        receiver = queueFirst(http, receive);
      }
      const app = new App({
        receiver,
        token: botToken,
        botId: self.botId,
        botUserId: self.userId,
        clientOptions: { ...options },
        logger: quietLogger(log),
        // What is ours or a bot's is known before the queue; nothing is kept per conversation here.
        ignoreSelf: false,
        convoStore: false,
      });
      app.action(/.*/, ({ ack }) => ack());
      app.error(async (error) => log.warn({ err: error }, 'Bolt could not finish an event'));
      if (socket) await receiver.start();
      else onConnection(true);
    },

    async send(out) {
      const sent = await send(out, { web, now, wait, signal: stopped.signal, named });
      stopWriting(out.address);
      return sent;
    },

    async typing(address) {
      const { channel, thread } = whereIs(address);
      const under = thread ?? address.place.newest;
      if (!under) return;
      const shown = showStatus(channel, under, 'is writing…');
      if (!thread) writing.set(channel, { under, shown });
      await shown;
    },

    async stop() {
      stopped.abort();
      http = undefined;
      socket?.close();
      await receiver?.settled();
      await socket?.stop();
    },
  };

  async function whoAmI(): Promise<{ self: Self; scopes: string[]; about: string }> {
    try {
      const me = await patiently(() => web.auth.test(), wait, { signal: stopped.signal });
      if (!me.bot_id)
        throw new TroupeError('slack-token-refused', 'SLACK_BOT_TOKEN is a person’s token. Use the bot’s own, which begins with xoxb-.');
      const self = { workspace: me.team_id!, userId: me.user_id!, botId: me.bot_id };
      const about = `@${me.user} in ${me.team}, ${by.by === 'socket' ? 'Socket Mode' : `HTTP at ${EVENTS_PATH}`}`;
      return { self, scopes: me.response_metadata?.scopes ?? [], about };
    } catch (error) {
      throw toTroupeError(error, 'SLACK_BOT_TOKEN', 'asking who the bot is');
    }
  }

  function warnOfMissing(scopes: string[]): void {
    const missing = scopes.length ? NEEDED_SCOPES.filter((scope) => !scopes.includes(scope)) : [];
    if (missing.length) log.warn({ missing }, 'The Slack app lacks scopes of our manifest; add them and install the app again');
  }

  async function lookUp(userId: string): Promise<string> {
    const { user } = await web.users.info({ user: userId });
    return user?.profile?.display_name || user?.real_name || user?.name || Promise.reject(new Error('nameless'));
  }

  /** Nor acknowledged: any other status than 200 makes Slack send it again. */
  function notQueued(response: ServerResponse, err: Error): false {
    if (response.headersSent) return false;
    log.warn({ err }, 'A Slack event was not queued; Slack will send it again');
    response.writeHead(503).end();
    return false;
  }

  /** Before the start and after the end Slack is asked to come again. */
  function handle(request: IncomingMessage, response: ServerResponse): void {
    try {
      if (http) return void http.requestListener(request, response);
      response.writeHead(503, { 'retry-after': '5' }).end();
    } catch {
      // Not a POST.
      response.writeHead(404).end();
    }
  }

  /** A post in a thread takes the status away; one in a DM does not. */
  function stopWriting(address: Address): void {
    const { channel } = whereIs(address);
    const status = writing.get(channel);
    writing.delete(channel);
    void status?.shown.then(() => showStatus(channel, status.under, ''));
  }

  /** A nicety: where Slack does not take it, there is nothing to see and nothing to say. */
  async function showStatus(channel: string, under: string, status: string): Promise<void> {
    await web.assistant.threads.setStatus({ channel_id: channel, thread_ts: under, status }).catch(() => {});
  }
}

async function waitFor(ms: number, signal?: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch((cause) => {
    throw new TroupeError('slack-stopped', 'Slack is being stopped.', { retryable: true, cause });
  });
}

/** Everything of manifest.json but chat:write.customize, which is optional. */
const NEEDED_SCOPES = [
  'app_mentions:read',
  'channels:history',
  'chat:write',
  'groups:history',
  'im:history',
  'mpim:history',
  'reactions:read',
  'users:read',
];
