// The gateway's side of the fake: sessions that are identified, resumed and dropped, with what a real one replays and forgets.
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import {
  type APIUser,
  GatewayDispatchEvents,
  type GatewayGuildCreateDispatchData,
  GatewayIntentBits,
  GatewayOpcodes,
  type GatewayReceivePayload,
  type GatewaySendPayload,
} from 'discord-api-types/v10';
import { type WebSocket, WebSocketServer } from 'ws';
import { hello, ready } from './payloads.ts';

interface Session {
  id: string;
  intents: number;
  seq: number;
  sent: { t: string; d: unknown; s: number }[];
  socket: WebSocket | undefined;
}

export interface Gateway {
  identifies: number;
  resumes: number;
  heartbeats: number;
  /** Sends an event to every session with one of these intents, now or when it resumes. */
  dispatch(event: string, data: (intents: number) => unknown, intents?: number): void;
  /** Sends the last event of this kind again, as Discord sometimes does. */
  repeat(event: string): void;
  /** Closes every connection. `forget`: and their sessions, so that a resume is refused. */
  drop(code: number, forget: boolean): void;
  /** Asks every client to reconnect (opcode 7). */
  askToReconnect(): void;
  /** The next IDENTIFY is closed with this code. */
  refuseNext(code: number): void;
  /** Resolves when a client has a session. */
  connected(): Promise<void>;
  isConnected(): boolean;
  stop(): void;
}

/** Privileged: a bot gets it only where it was turned on in the portal. */
const messageContent = GatewayIntentBits.MessageContent;

export function openGateway(options: {
  server: Server;
  url(): string;
  token: string;
  bot: APIUser;
  guilds(): GatewayGuildCreateDispatchData[];
  allowMessageContent: boolean;
}): Gateway {
  const { server, token, bot } = options;
  const sockets = new WebSocketServer({ server, path: '/gateway' });
  const sessions = new Map<string, Session>();
  const waiting: (() => void)[] = [];
  let refusal: number | undefined;

  const write = (socket: WebSocket, payload: GatewayReceivePayload | Record<string, unknown>) => socket.send(JSON.stringify(payload));
  const put = (session: Session, t: string, d: unknown) => {
    session.seq++;
    session.sent.push({ t, d, s: session.seq });
    if (session.socket) write(session.socket, { op: GatewayOpcodes.Dispatch, t, d, s: session.seq });
  };

  sockets.on('connection', (socket) => {
    write(socket, { op: GatewayOpcodes.Hello, d: hello(), s: null, t: null });
    socket.on('message', (raw) => receive(socket, JSON.parse(String(raw)) as GatewaySendPayload));
    socket.on('close', (code) => {
      for (const session of sessions.values()) {
        if (session.socket !== socket) continue;
        session.socket = undefined;
        // A client that closes with 1000 or 1001 gives its session up.
        if (code === 1000 || code === 1001) sessions.delete(session.id);
      }
    });
  });

  function receive(socket: WebSocket, payload: GatewaySendPayload): void {
    if (payload.op === GatewayOpcodes.Heartbeat) {
      gateway.heartbeats++;
      write(socket, { op: GatewayOpcodes.HeartbeatAck });
    } else if (payload.op === GatewayOpcodes.Identify) {
      gateway.identifies++;
      const { intents } = payload.d;
      if (refusal) {
        socket.close(refusal);
        refusal = undefined;
      } else if (payload.d.token !== token) socket.close(4004, 'Authentication failed.');
      else if (intents & messageContent && !options.allowMessageContent) socket.close(4014, 'Disallowed intent(s).');
      else {
        const session: Session = { id: randomUUID().replaceAll('-', ''), intents, seq: 0, sent: [], socket };
        sessions.set(session.id, session);
        const guilds = options.guilds();
        put(
          session,
          GatewayDispatchEvents.Ready,
          ready(
            bot,
            guilds.map(({ id }) => id),
            session.id,
            options.url(),
            payload.d.shard ?? [0, 1],
          ),
        );
        for (const guild of guilds) put(session, GatewayDispatchEvents.GuildCreate, guild);
        for (const resolve of waiting.splice(0)) resolve();
      }
    } else if (payload.op === GatewayOpcodes.Resume) {
      gateway.resumes++;
      const session = sessions.get(payload.d.session_id);
      if (!session || payload.d.token !== token) {
        write(socket, { op: GatewayOpcodes.InvalidSession, d: false });
        return;
      }
      session.socket = socket;
      for (const missed of session.sent) if (missed.s > payload.d.seq) write(socket, { op: GatewayOpcodes.Dispatch, ...missed });
      put(session, GatewayDispatchEvents.Resumed, {});
      for (const resolve of waiting.splice(0)) resolve();
    }
  }

  const gateway: Gateway = {
    identifies: 0,
    resumes: 0,
    heartbeats: 0,
    dispatch(event, data, intents) {
      for (const session of sessions.values())
        if (intents === undefined || session.intents & intents) put(session, event, data(session.intents));
    },
    repeat(event) {
      for (const session of sessions.values()) {
        const last = session.sent.findLast(({ t }) => t === event);
        if (last) put(session, event, last.d);
      }
    },
    drop(code, forget) {
      for (const session of [...sessions.values()]) {
        session.socket?.close(code);
        session.socket = undefined;
        if (forget) sessions.delete(session.id);
      }
    },
    askToReconnect() {
      for (const { socket } of sessions.values()) if (socket) write(socket, { op: GatewayOpcodes.Reconnect, d: null, s: null, t: null });
    },
    refuseNext(code) {
      refusal = code;
    },
    isConnected: () => [...sessions.values()].some(({ socket }) => socket),
    async connected() {
      if (!gateway.isConnected()) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    stop() {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    },
  };
  return gateway;
}
