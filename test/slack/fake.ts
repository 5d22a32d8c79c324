// A Slack on loopback that speaks the wire: the Web API, the Socket Mode websocket, and signed deliveries over HTTP.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Args, callMethod } from './api.ts';
import { createDelivery } from './delivery.ts';
import {
  changedEvent,
  clickPayload,
  deletedEvent,
  type Element,
  envelope,
  mentionEvent,
  messageEvent,
  reactionEvent,
  tombstoneEvent,
} from './payloads.ts';
import { bot, createWorkspace, isOurs, pingedBy, type StoredMessage, team } from './workspace.ts';

/** Something somebody did, and when the bot had acknowledged all its events. */
export interface Done {
  ts: string;
  acknowledged: Promise<void>;
}

export type Failure =
  /** An answer with `ok: false`. */
  | { error: string }
  | { status: number; body?: string }
  /** 429 with this Retry-After. */
  | { retryAfterS: number }
  /** The call counts, and the connection ends before the answer. */
  | 'lose answer'
  /** The connection ends before the call counts. */
  | 'lose call'
  /** No answer ever. */
  | 'hang';

export interface Call {
  method: string;
  args: Args;
  atMs: number;
}

export interface FakeSlackOptions {
  scopes?: string[];
  ackTimeoutMs?: number;
  retryDelaysMs?: number[];
  /** `message.*` events reach the app, and not only mentions and DMs. */
  hearsChannels?: boolean;
}

export type FakeSlack = Awaited<ReturnType<typeof startFakeSlack>>;

export const allScopes = [
  'app_mentions:read',
  'channels:history',
  'chat:write',
  'chat:write.customize',
  'groups:history',
  'im:history',
  'mpim:history',
  'reactions:read',
  'users:read',
];

export async function startFakeSlack(options: FakeSlackOptions = {}) {
  const { scopes = allScopes, ackTimeoutMs = 3000, retryDelaysMs = [0, 100, 500], hearsChannels = true } = options;
  const credentials = { botToken: 'xoxb-fake', appToken: 'xapp-fake', signingSecret: 'fake-signing-secret' };
  const workspace = createWorkspace();
  const delivery = createDelivery({ signingSecret: credentials.signingSecret, ackTimeoutMs, retryDelaysMs });
  const failures: { method: string; failure?: Failure }[] = [];
  const calls: Call[] = [];
  const takers: ((message: StoredMessage) => void)[] = [];
  let taken = 0;
  const api = { ...credentials, scopes: [...scopes], pageSize: 1000, socketUrl: () => `ws://127.0.0.1:${port()}/link?ticket=1`, onPosted };

  const server = createServer((request, response) => void answer(request, response));
  server.on('upgrade', (request, socket, head) => delivery.upgrade(request, socket, head, delivery.accept));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    /** For SLACK_API_URL; the tokens are what SLACK_BOT_TOKEN, SLACK_APP_TOKEN and SLACK_SIGNING_SECRET must be. */
    apiUrl: `http://127.0.0.1:${port()}/api/`,
    ...credentials,
    team,
    bot,
    /** Display names by user id; U0ALICE and U0BOB are there. */
    names: workspace.names,

    /** Somebody mentions the bot, at the top level of a channel or in a thread: a `message` and an `app_mention`. */
    mention(channel: string, user: string, text: string, { thread }: { thread?: string } = {}): Done {
      const message = store({
        channel,
        user,
        text: text.includes(`<@${bot.userId}>`) ? text : `<@${bot.userId}> ${text}`,
        thread_ts: thread,
      });
      return send(message.ts, [...(hearsChannels ? [messageEvent(message)] : []), mentionEvent(message)]);
    },
    /** Somebody writes to the bot in their DM, `D0ALICE` for U0ALICE. */
    dm(user: string, text: string, { thread, ...more }: { thread?: string } & Partial<StoredMessage> = {}): Done {
      const message = store({ channel: dmOf(user), user, text, thread_ts: thread, ...more });
      return send(message.ts, [messageEvent(message)]);
    },
    /** Somebody writes in a channel without mentioning anybody; in a thread with `thread`. */
    say(channel: string, user: string, text: string, { thread, ...more }: { thread?: string } & Partial<StoredMessage> = {}): Done {
      const message = store({ channel, user, text, thread_ts: thread, ...more });
      return send(message.ts, hearsChannels ? [messageEvent(message)] : []);
    },
    thread(channel: string, thread: string, user: string, text: string): Done {
      return this.say(channel, user, text, { thread });
    },
    /** Another app writes: a bot user, or with `classic` a webhook without a user. A mention of the bot in it is one. */
    sayAsBot(channel: string, text: string, { thread, classic = false }: { thread?: string; classic?: boolean } = {}): Done {
      const author = classic ? { subtype: 'bot_message', username: 'webhook' } : { user: 'U0OTHER', app_id: 'A0OTHER' };
      const message = store({ channel, text, thread_ts: thread, bot_id: 'B0OTHER', ...author });
      const mentioned = text.includes(`<@${bot.userId}>`) ? [mentionEvent(message)] : [];
      return send(message.ts, [messageEvent(message), ...mentioned]);
    },
    /** An edit; with a mention in the new text Slack sends `app_mention` again. */
    edit(channel: string, ts: string, text: string): Done {
      const message = known(channel, ts);
      const was = { ...message };
      const at = workspace.nextTs();
      Object.assign(message, { text, edited: { user: message.user ?? bot.userId, ts: at } });
      const again = text.includes(`<@${bot.userId}>`) && !channel.startsWith('D') ? [mentionEvent(message)] : [];
      return send(at, [changedEvent(message, was, at), ...again]);
    },
    /** A change without new words, such as a link preview. */
    touch(channel: string, ts: string): Done {
      const message = known(channel, ts);
      const at = workspace.nextTs();
      return send(at, [changedEvent(message, { ...message }, at)]);
    },
    /** Deletes a message; one with replies leaves a tombstone. */
    remove(channel: string, ts: string): Done {
      const message = known(channel, ts);
      const at = workspace.nextTs();
      const hasReplies = workspace.messages.some((other) => other.thread_ts === ts && other.ts !== ts);
      if (!hasReplies) workspace.remove(message);
      return send(at, [hasReplies ? tombstoneEvent(message, at) : deletedEvent(message, at)]);
    },
    react(channel: string, ts: string, user: string, reaction: string, change: 'add' | 'remove' = 'add'): Done {
      const at = workspace.nextTs();
      return send(at, [reactionEvent(change, { message: known(channel, ts), user, reaction, ts: at })]);
    },
    /** A click on the feedback buttons under the message. */
    click(channel: string, ts: string, user: string, thumb: 'up' | 'down'): Done {
      const message = known(channel, ts);
      const element = message.blocks
        ?.flatMap(({ elements }) => (elements ?? []) as Element[])
        .find(({ type }) => type === 'feedback_buttons');
      if (!element) throw new Error(`no feedback buttons under ${channel} ${ts}`);
      const { value } = thumb === 'up' ? element.positive_button : element.negative_button;
      const payload = clickPayload(message, { id: user, name: workspace.names.get(user) ?? user }, element, value);
      const at = workspace.nextTs();
      return { ts: at, acknowledged: delivery.deliver('interactive', payload as unknown as Record<string, unknown>, at) };
    },
    /** Any event, as Slack would wrap it. */
    emit: (event: Record<string, unknown>): Done => send(workspace.nextTs(), [event]),

    dmOf,
    /** The bot's visible messages in a channel and its threads, oldest first. */
    messages: (channel: string) => workspace.messages.filter((message) => message.channel === channel && isOurs(message)),
    /** The bot's next message anywhere that was not yet taken. */
    nextMessage(): Promise<StoredMessage> {
      const message = workspace.messages.filter(isOurs)[taken];
      if (message) return Promise.resolve(message).finally(() => void taken++);
      return new Promise((resolve) => takers.push(resolve));
    },
    /** Whom the bot's messages in a channel have notified. */
    pinged: (channel: string) => workspace.messages.filter((message) => message.channel === channel && isOurs(message)).flatMap(pingedBy),
    /** The status line shown under a message, e.g. "is writing…". */
    status: (channel: string, ts: string) => workspace.statuses.get(`${channel}:${ts}`),
    /** Everything the bot has acknowledged, in order. */
    acks: delivery.acks,
    /** The ts of what it has not, one for each event. */
    unacknowledged: delivery.unacknowledged,
    redeliver: delivery.redeliver,
    calls: (method?: string) => calls.filter((call) => !method || call.method === method),
    scopes: api.scopes,
    /** Cuts pages of history to this many messages. */
    limitPages: (size: number) => {
      api.pageSize = size;
    },

    /** The next call of a method fails so, or the next `times`; `after` calls go well before. */
    failNext(method: string, failure: Failure, { times = 1, after = 0 } = {}) {
      for (let n = 0; n < after; n++) failures.push({ method });
      for (let n = 0; n < times; n++) failures.push({ method, failure });
    },
    /** Resolves when the bot holds a Socket Mode connection. */
    connected: delivery.connected,
    connections: () => delivery.connections,
    /** Ends all Socket Mode connections without a word. */
    dropConnections() {
      for (const socket of [...delivery.open]) socket.terminate();
    },
    /** Asks the bot to take a new connection, as Slack does every few hours. */
    refreshConnections() {
      for (const socket of delivery.open)
        socket.send(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested', debug_info: { host: 'applink-fake' } }));
    },
    /** Anything over the websocket, to see what it does. */
    sendRaw(text: string) {
      for (const socket of delivery.open) socket.send(text);
    },

    /** From now on events go to this URL, signed. Resolves with what it answered to `url_verification`. */
    async deliverHttp(url: string): Promise<{ status: number; body: string }> {
      const body = JSON.stringify({ token: 'verification-token', challenge: 'challenge-1', type: 'url_verification' });
      const answered = await this.postSigned(url, body);
      delivery.toHttp(url);
      return answered;
    },
    /** One request with a signature, by default the right one. */
    async postSigned(
      url: string,
      body: string,
      { type = 'application/json', ...how }: SignOptions = {},
    ): Promise<{ status: number; body: string }> {
      const response = await fetch(url, { method: 'POST', body, headers: { 'content-type': type, ...delivery.sign(body, how) } });
      return { status: response.status, body: await response.text() };
    },
    envelope,

    async stop() {
      delivery.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  function port(): number {
    return (server.address() as AddressInfo).port;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += chunk;
    const method = new URL(request.url ?? '/', 'http://fake').pathname.replace('/api/', '');
    const args = Object.fromEntries(new URLSearchParams(body));
    calls.push({ method, args, atMs: Date.now() });
    const at = failures.findIndex((planned) => planned.method === method);
    const failure = at < 0 ? undefined : failures.splice(at, 1)[0]!.failure;
    if (failure === 'hang') return;
    if (failure === 'lose call') return void request.socket.destroy();
    if (failure && typeof failure === 'object') {
      if ('retryAfterS' in failure) return void response.writeHead(429, { 'retry-after': String(failure.retryAfterS) }).end();
      if ('status' in failure) return void response.writeHead(failure.status).end(failure.body ?? '');
      return json(response, { ok: false, error: failure.error });
    }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? args.token ?? '';
    const result = callMethod(method, token, args, workspace, api);
    if (failure === 'lose answer') return void request.socket.destroy();
    json(response, result);
  }

  function json(response: ServerResponse, result: object): void {
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'x-oauth-scopes': api.scopes.join(',') });
    response.end(JSON.stringify(result));
  }

  function store(message: Omit<StoredMessage, 'ts'>): StoredMessage {
    const { thread_ts, ...rest } = message;
    const stored: StoredMessage = { ...rest, ...(thread_ts && { thread_ts }), ts: workspace.nextTs() };
    workspace.messages.push(stored);
    const parent = thread_ts && workspace.find(stored.channel, thread_ts);
    if (parent) parent.thread_ts = parent.ts;
    return stored;
  }

  function known(channel: string, ts: string): StoredMessage {
    const message = workspace.find(channel, ts);
    if (!message) throw new Error(`no message ${ts} in ${channel}`);
    return message;
  }

  /** Slack shows an app its own messages too. */
  function onPosted(message: StoredMessage): void {
    if (hearsChannels || message.channel.startsWith('D')) send(message.ts, [messageEvent(message)]);
    const take = takers.shift();
    if (!take) return;
    taken++;
    take(message);
  }

  function send(ts: string, events: object[]): Done {
    const delivered = events.map((event) => delivery.deliver('events_api', envelope(event as Record<string, unknown>), ts));
    return { ts, acknowledged: Promise.all(delivered).then(() => {}) };
  }
}

interface SignOptions {
  secret?: string;
  timestampS?: number;
  type?: string;
}

function dmOf(user: string): string {
  return user.replace(/^[UW]/, 'D');
}
