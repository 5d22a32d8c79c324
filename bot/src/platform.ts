// The port every platform implements: events in, replies out. The core speaks only this language.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Candidate, EmotionScore, Mood, Prediction, Read, Source } from '@troupe/inference/contract';
import type { Logger } from 'pino';
import type { z } from 'zod';

/** Where an answer goes. `place` is opaque to the core: whatever the platform needs to send there again after a restart. */
export interface Address {
  workspace: string;
  /** The place of one conversation: a channel, a DM, a thread (`channel/thread`). */
  channel: string;
  place: Record<string, string>;
}

/** A message somebody wrote to the bot, already parsed: mentions of the bot removed, other mentions made readable. */
export interface MessageEvent {
  /** Unique within (platform, workspace, channel). */
  id: string;
  address: Address;
  person: { id: string; name: string };
  text: string;
  /** Epoch milliseconds, by the platform's clock. */
  sentAtMs: number;
  /** A private place of one person and the bot. */
  direct: boolean;
  /** Asks for this character (web); elsewhere the conversation's own. */
  character?: string;
  /** Written by a bot or a webhook. The core answers none of them. */
  fromBot: boolean;
}

/** The message's text changed, or it was deleted (`text` null), perhaps before it was answered. */
export interface EditEvent {
  id: string;
  address: Address;
  text: string | null;
}

/** A thumb, from a reaction, a button or the API. */
export interface VoteEvent {
  workspace: string;
  person: { id: string; name: string };
  /** The bot message it stands on: the platform's message id, or our reply id. */
  target: { messageId: string } | { replyId: string };
  /** null takes the vote back; `retracts` names which thumb was removed, so that an older one's removal changes nothing. */
  value: 'up' | 'down' | null;
  retracts?: 'up' | 'down';
  reason?: string;
  via: 'reaction' | 'button' | 'api';
  atMs: number;
}

/** What the core offers a platform. Each promise resolves once the event is durably queued; only then may it be acknowledged. */
export interface Inbound {
  message(event: MessageEvent): Promise<void>;
  edit(event: EditEvent): Promise<void>;
  vote(event: VoteEvent): Promise<void>;
  /** Whether the bot has taken part in this conversation, for thread replies without a mention. */
  takesPart(workspace: string, channel: string): Promise<boolean>;
  /** Whether this message id is one the bot sent. */
  isOurs(workspace: string, messageId: string): Promise<boolean>;
  /** The newest message this platform queued in each place since `sinceMs`, to catch up after an outage. */
  lastSeen(sinceMs: number): Promise<{ address: Address; id: string; sentAtMs: number }[]>;
  /** The connection changed; drives troupe_platform_connected and the start's summary. */
  connection(connected: boolean, reason?: string): void;
}

export interface Outgoing {
  /** Stable over retries. Sending twice with the same id leaves one visible message, or the same parts. */
  outboxId: string;
  replyId: string;
  address: Address;
  /** Full text, already free of mass mentions. The platform splits and formats it. */
  text: string;
  character: { slug: string; name: string };
  expression: string;
  /** 1 for the first; above it an earlier attempt's outcome may be unknown and must be looked up where the platform gives no idempotency. */
  attempt: number;
  /** A first-contact line the platform shows with the reply, or null. */
  notice: string | null;
}

/** Declared, never asked by name: what the core may do with this platform. */
export interface Capabilities {
  /** Somebody can watch the reply being written. */
  streams: boolean;
  /** The first contact gets a line of its own (the page has it beside the input instead). */
  needsNotice: boolean;
  /** Its texts may never be trained on without the platform's permission. */
  trainingNeedsPermission: boolean;
  maxMessageLength: number;
}

/**
 * Requests a platform answers itself on the product's own address, such as signed webhooks. Whoever serves that address hands over
 * every request to the path before anything has read the body: a signature covers its bytes.
 */
export interface HttpMount {
  path: string;
  handle(request: IncomingMessage, response: ServerResponse): void;
}

export interface Platform {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly http?: HttpMount;
  /** Connects. Rejects with a TroupeError naming the setting when the credentials are wrong. */
  start(inbound: Inbound): Promise<void>;
  /** Resolves with the platform's message ids, in order, each unique within (platform, workspace). Rejects with a TroupeError; `retryable` false drops the reply. */
  send(out: Outgoing): Promise<{ ids: string[] }>;
  /** Shows that an answer is being written. Never rejects. */
  typing(address: Address): Promise<void>;
  /** Takes no more events; resolves when those in hand are queued. */
  stop(): Promise<void>;
}

/** What a platform's folder exports as `platform`: the folder is the registration. */
export interface PlatformModule<Settings = unknown> {
  name: string;
  /** Which variables it reads. Parsed with the bot's own settings; null when the platform is off. */
  settings: z.ZodType<Settings | null>;
  /** One line for the start's summary: how to turn it on. */
  howToTurnOn: string;
  /** Only called when it is on: what its SDK weighs is loaded here, not with the module. */
  create(settings: Settings, context: PlatformContext): Platform | Promise<Platform>;
}

/** What the core hands a platform besides Inbound. */
export interface PlatformContext {
  log: Logger;
  now: () => number;
  services: Services;
}

/** Queries the web page and the API need; other platforms have no use for them. */
export interface Services {
  characters(): { slug: string; name: string; description: string; default: boolean }[];
  models(): Promise<{ models: { task: string; version: string; arm: string; live: boolean }[]; generator: string }>;
  /** Reads texts without answering them. Rejects with a retryable TroupeError while inference is away. */
  predict(texts: string[]): Promise<Prediction[]>;
  /** Calls back for every update of the turn that answers this message, until the returned function is called. Subscribe before `message()`. */
  watch(channel: string, messageId: string, onUpdate: (update: TurnUpdate) => void): () => void;
  /** The end of the turn that answered this message, from the store; null while there is none. For a missed update. */
  outcome(channel: string, messageId: string): Promise<TurnUpdate | null>;
  /** A conversation's past, oldest first. */
  history(channel: string, limit: number): Promise<HistoryEntry[]>;
  /** Whether such a reply was ever written. */
  hasReply(replyId: string): Promise<boolean>;
  ready(): Promise<{ ready: boolean; failing: { name: string; reason: string }[] }>;
  /** Prometheus text and its content type. */
  metrics(): Promise<{ text: string; contentType: string }>;
  /** What the other platforms want answered on this address; known before any platform starts. */
  mounts?(): HttpMount[];
}

export type TurnUpdate =
  | { type: 'read'; emotion: EmotionScore; emotions: EmotionScore[]; detected: string[]; sentiment?: Read['sentiment']; intent: TurnIntent }
  | { type: 'delta'; text: string }
  | { type: 'reply'; answer: Answer }
  | { type: 'limited'; retryAfterS: number }
  | { type: 'silent'; reason: 'stopped' | 'handed-off' | 'deleted' | 'channel-not-allowed' }
  | { type: 'failed'; code: string; message: string };

export interface TurnIntent {
  name: string | null;
  confidence: number;
  decidedBy: 'rule' | 'model' | 'clarify' | 'handoff';
}

/** The body of POST /v1/chat, and what a side panel may show of it. */
export interface Answer {
  reply: { id: string; text: string; character: string; expression: string; emotion: EmotionScore['label']; source: Source };
  emotion: EmotionScore;
  emotions: EmotionScore[];
  detected: string[];
  /** The reading's own; absent where nothing was read (a rule answered first). */
  sentiment?: Read['sentiment'];
  intent: TurnIntent;
  mood: Mood;
  candidates: Candidate[];
  versions: Record<string, string>;
  timing: { queueMs: number; readMs: number; writeMs: number; totalMs: number };
}

export type HistoryEntry =
  | { role: 'user'; id: string; text: string | null; atMs: number }
  | { role: 'character'; id: string; text: string | null; atMs: number; vote: 'up' | 'down' | null; answer: Answer };
