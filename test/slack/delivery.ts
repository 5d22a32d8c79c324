// How the fake's events reach the bot: over the Socket Mode websocket or by signed HTTP, again until they are acknowledged.
import { createHmac, randomUUID } from 'node:crypto';
import { type WebSocket, WebSocketServer } from 'ws';
import { bot } from './workspace.ts';

export interface Ack {
  /** The ts of the message, or of the action, that was acknowledged. */
  key: string;
  type: string;
  /** How often it had been sent by then. */
  sent: number;
}

interface Delivery {
  id: string;
  kind: 'events_api' | 'interactive';
  body: Record<string, unknown>;
  key: string;
  type: string;
  sent: number;
  acknowledged: boolean;
  on?: WebSocket | undefined;
  timer?: NodeJS.Timeout | undefined;
  done: () => void;
}

export interface DeliveryOptions {
  signingSecret: string;
  /** Over a socket, an event not acknowledged within this is sent again. */
  ackTimeoutMs: number;
  /** Slack's own are at once, a minute and five. */
  retryDelaysMs: number[];
}

export function createDelivery({ signingSecret, ackTimeoutMs, retryDelaysMs }: DeliveryOptions) {
  const sockets = new WebSocketServer({ noServer: true });
  const open: WebSocket[] = [];
  const all: Delivery[] = [];
  const acks: Ack[] = [];
  const waiting: (() => void)[] = [];
  let connections = 0;
  let next = 0;
  let httpUrl: string | undefined;
  let stopped = false;

  sockets.on('connection', (socket) => {
    connections++;
    socket.on('message', (data) => {
      const { envelope_id } = JSON.parse(String(data)) as { envelope_id?: string };
      const delivery = all.find(({ id }) => id === envelope_id);
      if (delivery) acknowledge(delivery);
    });
    socket.on('close', () => {
      const at = open.indexOf(socket);
      if (at >= 0) open.splice(at, 1);
      for (const delivery of all) if (delivery.on === socket && !delivery.acknowledged) send(delivery);
    });
    socket.on('error', () => {});
    socket.send(JSON.stringify(hello(open.length + 1)));
    open.push(socket);
    for (const resolve of waiting.splice(0)) resolve();
    for (const delivery of all) if (!delivery.acknowledged && !delivery.on) send(delivery);
  });

  return {
    acks,
    /** Hands an upgraded connection over. */
    upgrade: sockets.handleUpgrade.bind(sockets),
    accept: (socket: WebSocket) => sockets.emit('connection', socket),
    get connections() {
      return connections;
    },
    open,
    /** Resolves when the bot has a connection. */
    connected: async () => {
      if (!open.length) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    /** Resolves when the bot has acknowledged it. */
    deliver(kind: Delivery['kind'], body: Record<string, unknown>, key: string): Promise<void> {
      const type = kind === 'interactive' ? String(body.type) : String((body.event as { type: string }).type);
      return new Promise((done) => {
        const delivery: Delivery = { id: randomUUID(), kind, body, key, type, sent: 0, acknowledged: false, done };
        all.push(delivery);
        send(delivery);
      });
    },
    /** Sends everything unacknowledged again, without waiting for its time. */
    redeliver() {
      for (const delivery of all) if (!delivery.acknowledged) send(delivery);
    },
    /** The keys of what is not acknowledged. */
    unacknowledged: () => all.filter(({ acknowledged }) => !acknowledged).map(({ key }) => key),
    toHttp(url: string) {
      httpUrl = url;
    },
    sign,
    stop() {
      stopped = true;
      for (const { timer } of all) clearTimeout(timer);
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    },
  };

  function send(delivery: Delivery): void {
    clearTimeout(delivery.timer);
    delivery.on = undefined;
    if (stopped) return;
    if (httpUrl) return void sendHttp(delivery, httpUrl);
    // Each payload goes to one connection.
    const socket = open[next++ % Math.max(1, open.length)];
    if (!socket) return;
    delivery.on = socket;
    delivery.sent++;
    const { id, kind, body } = delivery;
    const retry = kind === 'events_api' && { retry_attempt: delivery.sent - 1, retry_reason: delivery.sent > 1 ? 'timeout' : '' };
    socket.send(JSON.stringify({ envelope_id: id, payload: body, type: kind, accepts_response_payload: false, ...retry }));
    // Interactions are not sent again.
    if (kind === 'events_api' && delivery.sent <= 3) delivery.timer = setTimeout(() => send(delivery), ackTimeoutMs).unref();
  }

  async function sendHttp(delivery: Delivery, url: string): Promise<void> {
    delivery.sent++;
    const { kind, body, sent } = delivery;
    const text = kind === 'interactive' ? new URLSearchParams({ payload: JSON.stringify(body) }).toString() : JSON.stringify(body);
    const type = kind === 'interactive' ? 'application/x-www-form-urlencoded' : 'application/json';
    const retry = sent > 1 && { 'x-slack-retry-num': String(sent - 1), 'x-slack-retry-reason': 'http_error' };
    const response = await fetch(url, { method: 'POST', body: text, headers: { 'content-type': type, ...sign(text), ...retry } }).catch(
      () => undefined,
    );
    await response?.arrayBuffer().catch(() => {});
    if (response?.status === 200) return acknowledge(delivery);
    const delayMs = retryDelaysMs[sent - 1];
    if (kind === 'events_api' && delayMs !== undefined && !stopped && !delivery.acknowledged)
      delivery.timer = setTimeout(() => send(delivery), delayMs).unref();
  }

  function acknowledge(delivery: Delivery): void {
    clearTimeout(delivery.timer);
    if (delivery.acknowledged) return;
    delivery.acknowledged = true;
    acks.push({ key: delivery.key, type: delivery.type, sent: delivery.sent });
    delivery.done();
  }

  /** The headers of a signed request. */
  function sign(body: string, { secret = signingSecret, timestampS = Math.floor(Date.now() / 1000) } = {}): Record<string, string> {
    const signature = createHmac('sha256', secret).update(`v0:${timestampS}:${body}`).digest('hex');
    return { 'x-slack-request-timestamp': String(timestampS), 'x-slack-signature': `v0=${signature}` };
  }
}

function hello(connections: number) {
  const debug_info = { host: 'applink-fake', build_number: 1, approximate_connection_time: 18_060 };
  return { type: 'hello', num_connections: connections, debug_info, connection_info: { app_id: bot.appId } };
}
