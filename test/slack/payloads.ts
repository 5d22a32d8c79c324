// The payloads Slack sends, field by field as it documents them; the event types are @slack/types' own.
import { randomUUID } from 'node:crypto';
import type { BlockAction } from '@slack/bolt';
import type {
  AppMentionEvent,
  GenericMessageEvent,
  MessageChangedEvent,
  MessageDeletedEvent,
  ReactionAddedEvent,
  ReactionRemovedEvent,
  SlackEvent,
} from '@slack/types';
import { bot, isOurs, type StoredMessage, team } from './workspace.ts';

let events = 0;

/** An Events API body around an event. */
export function envelope(event: SlackEvent | Record<string, unknown>) {
  return {
    token: 'verification-token',
    team_id: team.id,
    context_team_id: team.id,
    context_enterprise_id: null,
    api_app_id: bot.appId,
    event,
    type: 'event_callback',
    event_id: `Ev${String(++events).padStart(8, '0')}`,
    event_time: Math.floor(Date.now() / 1000),
    authorizations: [{ enterprise_id: null, team_id: team.id, user_id: bot.userId, is_bot: true, is_enterprise_install: false }],
    is_ext_shared_channel: false,
    event_context: `4-${randomUUID()}`,
  };
}

export function messageEvent(message: StoredMessage): GenericMessageEvent {
  const { args: _args, metadata: _metadata, ...shown } = message;
  return {
    ...shown,
    type: 'message',
    ...(!message.bot_id && { client_msg_id: randomUUID() }),
    team: team.id,
    blocks: message.blocks ?? richText(message.text),
    ...(message.bot_id && { bot_profile: profileOf(message) }),
    event_ts: message.ts,
    channel_type: channelType(message.channel),
    ...(message.thread_ts && message.thread_ts !== message.ts && { parent_user_id: bot.userId }),
  } as unknown as GenericMessageEvent;
}

export function mentionEvent(message: StoredMessage): AppMentionEvent {
  const { channel_type: _type, ...event } = messageEvent(message);
  return { ...event, type: 'app_mention', event_ts: message.edited?.ts ?? message.ts } as unknown as AppMentionEvent;
}

export function changedEvent(now: StoredMessage, was: StoredMessage, ts: string): MessageChangedEvent {
  const inner = ({ event_ts: _ts, channel: _channel, channel_type: _type, ...event }: GenericMessageEvent) => event;
  return {
    type: 'message',
    subtype: 'message_changed',
    message: inner(messageEvent(now)),
    previous_message: inner(messageEvent(was)),
    channel: now.channel,
    hidden: true,
    ts,
    event_ts: ts,
    channel_type: channelType(now.channel),
  } as unknown as MessageChangedEvent;
}

/** A deleted message that has replies: it stays, as a tombstone. */
export function tombstoneEvent(was: StoredMessage, ts: string): MessageChangedEvent {
  const { message: _message, ...event } = changedEvent(was, was, ts);
  const tombstone = { type: 'message', subtype: 'tombstone', text: 'This message was deleted.', user: 'USLACKBOT', hidden: true };
  return { ...event, message: { ...tombstone, ts: was.ts, thread_ts: was.ts, reply_count: 1 } } as unknown as MessageChangedEvent;
}

export function deletedEvent(was: StoredMessage, ts: string): MessageDeletedEvent {
  const { message: _message, ...event } = changedEvent(was, was, ts);
  return { ...event, subtype: 'message_deleted', deleted_ts: was.ts } as unknown as MessageDeletedEvent;
}

export function reactionEvent(
  change: 'add' | 'remove',
  { message, user, reaction, ts }: { message: StoredMessage; user: string; reaction: string; ts: string },
): ReactionAddedEvent | ReactionRemovedEvent {
  return {
    type: change === 'add' ? 'reaction_added' : 'reaction_removed',
    user,
    reaction,
    item: { type: 'message', channel: message.channel, ts: message.ts },
    // A message under another name has no user.
    ...(message.user && { item_user: message.user }),
    event_ts: ts,
  } as ReactionAddedEvent | ReactionRemovedEvent;
}

/** A click on an element of the message: `block_actions`. */
export function clickPayload(message: StoredMessage, user: { id: string; name: string }, element: Element, value: string): BlockAction {
  const { args: _args, ...shown } = message;
  return {
    type: 'block_actions',
    user: { id: user.id, username: user.name.toLowerCase(), name: user.name.toLowerCase(), team_id: team.id },
    api_app_id: bot.appId,
    token: 'verification-token',
    container: {
      type: 'message',
      message_ts: message.ts,
      channel_id: message.channel,
      is_ephemeral: false,
      ...(message.thread_ts && { thread_ts: message.thread_ts }),
    },
    trigger_id: `${Date.now()}.${randomUUID()}`,
    team: { id: team.id, domain: team.domain },
    enterprise: null,
    is_enterprise_install: false,
    channel: { id: message.channel, name: message.channel.startsWith('D') ? 'directmessage' : 'general' },
    message: { type: 'message', ...shown },
    state: { values: {} },
    response_url: 'https://hooks.slack.com/actions/T0ACME/1/x',
    actions: [
      {
        type: element.type,
        action_id: element.action_id,
        block_id: 'b0',
        text: { type: 'plain_text', text: 'Good reply', emoji: true },
        value,
        action_ts: (Date.now() / 1000).toFixed(6),
      },
    ],
  } as unknown as BlockAction;
}

export interface Element {
  type: string;
  action_id: string;
  positive_button: { value: string };
  negative_button: { value: string };
}

export function channelType(channel: string): 'im' | 'group' | 'mpim' | 'channel' {
  return channel.startsWith('D') ? 'im' : channel.startsWith('GM') ? 'mpim' : channel.startsWith('G') ? 'group' : 'channel';
}

/** What the composer makes of a text: users and emoji become elements of their own. */
function richText(text: string) {
  const elements = text.split(/(<@\w+>|:[\w+-]+:)/).flatMap((piece): Record<string, unknown>[] => {
    const user = /^<@(\w+)>$/.exec(piece)?.[1];
    const name = /^:([\w+-]+):$/.exec(piece)?.[1];
    if (user) return [{ type: 'user', user_id: user }];
    if (name) return [{ type: 'emoji', name, ...(EMOJI[name] && { unicode: EMOJI[name] }) }];
    return piece ? [{ type: 'text', text: piece }] : [];
  });
  return [{ type: 'rich_text', block_id: 'b1', elements: [{ type: 'rich_text_section', elements }] }];
}

const EMOJI: Record<string, string> = { joy: '1f602', heart: '2764-fe0f', '+1': '1f44d' };

function profileOf(message: StoredMessage) {
  return {
    id: message.bot_id,
    deleted: false,
    name: isOurs(message) ? bot.name : 'other',
    updated: 0,
    app_id: message.app_id,
    team_id: team.id,
  };
}
