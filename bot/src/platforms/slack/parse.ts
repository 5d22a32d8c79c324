// What a payload of Slack's means for us, in Slack's own ids and text. Nothing here asks anybody anything.
import type { BlockAction } from '@slack/bolt';
import type { AllMessageEvents, AppMentionEvent, ReactionAddedEvent, ReactionRemovedEvent, SlackEvent } from '@slack/types';
import type { Address } from '../../platform.ts';
import { mentions } from './text.ts';

/** Who we are in this workspace. */
export interface Self {
  workspace: string;
  userId: string;
  botId: string;
}

/** A message before its markup is made readable. */
export interface Written {
  id: string;
  address: Address;
  userId: string;
  text: string;
  blocks: unknown;
  sentAtMs: number;
  direct: boolean;
}

export type Payload =
  /** `unasked`: nobody called us; ours only where we take part. */
  | { type: 'message'; message: Written; unasked: boolean }
  | { type: 'edit'; id: string; address: Address; text: string | null; blocks: unknown; unasked: boolean }
  /** `author`: who wrote the message it stands on, where Slack says so. */
  | {
      type: 'reaction';
      userId: string;
      messageId: string;
      author: string | undefined;
      value: 'up' | 'down';
      removed: boolean;
      atMs: number;
    }
  | { type: 'button'; userId: string; userName: string; replyId: string; value: 'up' | 'down'; atMs: number }
  | { type: 'throttled' }
  | { type: 'nothing' };

export const FEEDBACK_ACTION = 'troupe_feedback';

const nothing: Payload = { type: 'nothing' };

export function parse(body: unknown, self: Self): Payload {
  const { type, event } = (body ?? {}) as { type?: string; event?: SlackEvent };
  if (type === 'block_actions') return button(body as BlockAction);
  if (type === 'app_rate_limited') return { type: 'throttled' };
  if (event?.type === 'message') return message(event, self);
  if (event?.type === 'app_mention') return mention(event, self);
  if (event?.type === 'reaction_added' || event?.type === 'reaction_removed') return reaction(event, self);
  return nothing;
}

function message(event: AllMessageEvents, self: Self): Payload {
  if (event.subtype === 'message_changed') return changed(event, self);
  if (event.subtype === 'message_deleted') {
    const was = event.previous_message as Posted | undefined;
    return was && byPerson(was, self) ? edit(event, { ...was, ts: event.deleted_ts }, null, was.text, self) : nothing;
  }
  const said = event as Posted & { channel: string; channel_type?: string };
  if (!SPOKEN.has(event.subtype) || !byPerson(said, self)) return nothing;
  const direct = isDirect(said);
  const called = direct || mentions(said.text ?? '', self.userId);
  const unasked = !called;
  // At the top level of a channel nobody but a mention is talking to us.
  if (unasked && !said.thread_ts) return nothing;
  return { type: 'message', message: written(said, direct, self), unasked };
}

/** Comes beside the `message` of the same ts, and alone where the app hears only mentions; also when an edit adds a mention. */
function mention(event: AppMentionEvent, self: Self): Payload {
  if (!byPerson(event, self)) return nothing;
  return { type: 'message', message: written(event as Posted & { channel: string }, false, self), unasked: false };
}

function changed(event: Extract<AllMessageEvents, { subtype: 'message_changed' }>, self: Self): Payload {
  const now = event.message as Posted;
  const was = event.previous_message as Posted | undefined;
  // A deleted message with replies stays as a tombstone, written by nobody.
  if (now.subtype === 'tombstone') return was && byPerson(was, self) ? edit(event, { ...was, ts: now.ts }, null, was.text, self) : nothing;
  // Link previews and reply counts change messages too, our own included.
  if (!byPerson(now, self) || now.text === was?.text) return nothing;
  return edit(event, now, now.text ?? '', `${was?.text ?? ''} ${now.text ?? ''}`, self);
}

function edit(
  event: { channel: string; channel_type?: string },
  of: Posted,
  text: string | null,
  texts: string | undefined,
  self: Self,
): Payload {
  const direct = isDirect(event);
  return {
    type: 'edit',
    id: of.ts,
    address: addressOf(self, event.channel, of, direct),
    text,
    blocks: of.blocks,
    unasked: !direct && !mentions(texts ?? '', self.userId),
  };
}

function reaction(event: ReactionAddedEvent | ReactionRemovedEvent, self: Self): Payload {
  const value = THUMBS[event.reaction.replace(/::skin-tone-\d$/, '')];
  if (!value || event.item.type !== 'message' || event.user === self.userId) return nothing;
  return {
    type: 'reaction',
    userId: event.user,
    messageId: messageId(event.item.channel, event.item.ts),
    author: event.item_user || undefined,
    value,
    removed: event.type === 'reaction_removed',
    atMs: toMs(event.event_ts),
  };
}

function button({ actions, user }: BlockAction): Payload {
  const action = actions?.find(({ type, action_id }) => type === 'feedback_buttons' && action_id === FEEDBACK_ACTION);
  const [, value, replyId] = /^(up|down):(.+)$/.exec((action as { value?: string } | undefined)?.value ?? '') ?? [];
  if (!action || !replyId) return nothing;
  return {
    type: 'button',
    userId: user.id,
    userName: user.name ?? user.username,
    replyId,
    value: value as 'up' | 'down',
    atMs: toMs(action.action_ts),
  };
}

/** A message as it stands inside events, whatever its subtype. */
interface Posted {
  subtype?: string | undefined;
  ts: string;
  thread_ts?: string | undefined;
  user?: string | undefined;
  bot_id?: string | undefined;
  text?: string | undefined;
  blocks?: unknown;
}

function byPerson({ subtype, user, bot_id }: { subtype?: string; user?: string; bot_id?: string }, self: Self): boolean {
  return Boolean(user) && !bot_id && user !== self.userId && user !== 'USLACKBOT' && subtype !== 'bot_message';
}

function written(said: Posted & { channel: string }, direct: boolean, self: Self): Written {
  return {
    id: said.ts,
    address: addressOf(self, said.channel, said, direct),
    userId: said.user!,
    text: said.text ?? '',
    blocks: said.blocks,
    sentAtMs: toMs(said.ts),
    direct,
  };
}

/**
 * A DM is one conversation, and so is each thread. A mention at the top level of a channel opens a thread: the answer goes there,
 * out of everybody else's way, and whoever goes on in it goes on with us.
 */
function addressOf({ workspace }: Self, channel: string, { ts, thread_ts }: Posted, direct: boolean): Address {
  const thread = thread_ts ?? (direct ? undefined : ts);
  if (thread) return { workspace, channel: `${channel}/${thread}`, place: {} };
  return { workspace, channel, place: { newest: ts } };
}

/** Slack's own ids of the place an address stands for. */
export function whereIs({ channel: conversation }: Address): { channel: string; thread?: string } {
  const [channel = '', thread] = conversation.split('/');
  return { channel, ...(thread && { thread }) };
}

function isDirect({ channel, channel_type }: { channel: string; channel_type?: string }): boolean {
  return channel_type ? channel_type === 'im' : channel.startsWith('D');
}

export function messageId(channel: string, ts: string): string {
  return `${channel}:${ts}`;
}

function toMs(ts: string): number {
  return Math.floor(Number(ts) * 1000);
}

/** Subtypes in which a person says something to the others. */
const SPOKEN = new Set<string | undefined>([undefined, 'file_share', 'me_message', 'thread_broadcast']);

const THUMBS: Record<string, 'up' | 'down' | undefined> = { '+1': 'up', thumbsup: 'up', '-1': 'down', thumbsdown: 'down' };
