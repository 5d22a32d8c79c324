// Discord's payloads in, events of the port out: pure, so that a payload from the gateway and one from history are read alike.
import {
  type APIEmoji,
  type APIUser,
  type GatewayMessageCreateDispatchData,
  type GatewayMessageReactionAddDispatchData,
  MessageType,
} from 'discord.js';

/** The bot as Discord knows it. */
export interface Self {
  id: string;
  /** The role that Discord makes for the bot in each server: people pick it in place of the bot. */
  isOwnRole(id: string): boolean;
}

/** Names of what a text may mention. */
export interface Names {
  role(id: string): string | undefined;
  channel(id: string): string | undefined;
}

/** A person's message, before it is known which place its channel is. */
export interface Said {
  id: string;
  channelId: string;
  guildId: string | undefined;
  person: { id: string; name: string };
  text: string;
  sentAtMs: number;
  /** A direct message, a mention, or a reply to the bot. What is not can still belong to a thread that the bot takes part in. */
  addressed: boolean;
}

/** Null for what no person wrote: the bot's own, other bots' and webhooks' messages, and Discord's notices. */
export function readMessage(data: GatewayMessageCreateDispatchData, self: Self, names: Names): Said | null {
  if (data.author.bot || data.author.system || data.webhook_id || data.author.id === self.id) return null;
  if (data.type !== MessageType.Default && data.type !== MessageType.Reply) return null;
  const text = readable(data, self, names);
  const named = data.mentions.some(({ id }) => id === self.id);
  // Without the Message Content intent these two come without their text, and there is nothing to answer.
  const hinted = data.referenced_message?.author.id === self.id || data.mention_roles.some(self.isOwnRole);
  return {
    id: data.id,
    channelId: data.channel_id,
    guildId: data.guild_id,
    person: { id: data.author.id, name: nameOf(data.author, data.member?.nick) },
    text,
    sentAtMs: Date.parse(data.timestamp),
    addressed: data.guild_id === undefined || named || (hinted && text !== ''),
  };
}

/** A thumb of any skin tone, or a server's own emoji of that name. */
export function thumbOf(emoji: Pick<APIEmoji, 'name'>): 'up' | 'down' | null {
  const name = (emoji.name ?? '')
    .replace(/[\u{1f3fb}-\u{1f3ff}\ufe0f]/gu, '')
    .replace(/_tone\d$/, '')
    .toLowerCase();
  if (['👍', '+1', 'plus1', 'thumbsup', 'thumbs_up', 'thumbup'].includes(name)) return 'up';
  if (['👎', '-1', 'minus1', 'thumbsdown', 'thumbs_down', 'thumbdown'].includes(name)) return 'down';
  return null;
}

/** Who reacted, where the payload says so: in a server and when it was added. */
export function reactorOf(data: GatewayMessageReactionAddDispatchData): { id: string; name: string; bot: boolean } | null {
  const user = data.member?.user;
  return user ? { id: user.id, name: nameOf(user, data.member?.nick), bot: user.bot ?? false } : null;
}

/** The name people see. */
export function nameOf(user: Pick<APIUser, 'username' | 'global_name'>, nick?: string | null): string {
  return nick ?? user.global_name ?? user.username;
}

function readable(data: GatewayMessageCreateDispatchData, self: Self, names: Names): string {
  const users = new Map(data.mentions.map((user) => [user.id, nameOf(user, user.member?.nick)]));
  const isSelf = (user?: string, role?: string) => user === self.id || (role !== undefined && self.isOwnRole(role));
  return data.content
    .replace(/^\s*<@(?:!?(\d+)|&(\d+))>(?:[,:](?=\s))?/, (match, user, role) => (isSelf(user, role) ? '' : match))
    .replace(/(,?)[^\S\n]*<@(?:!?(\d+)|&(\d+))>(,?)/g, (match, before, user, role, after) => (isSelf(user, role) ? before || after : match))
    .replace(/<@!?(\d+)>/g, (_, id) => `@${users.get(id) ?? 'someone'}`)
    .replace(/<@&(\d+)>/g, (_, id) => `@${names.role(id) ?? 'a role'}`)
    .replace(/<#(\d+)>/g, (_, id) => `#${names.channel(id) ?? 'a channel'}`)
    .replace(/<a?:(\w+):\d+>/g, ':$1:')
    .replace(/<\/([^:<>]+):\d+>/g, '/$1')
    .trim();
}
