// Payloads as Discord documents them, each typed by discord-api-types: the compiler checks the fake against the documentation.
import type {
  APIApplication,
  APIDMChannel,
  APIGatewayBotInfo,
  APIGuildMember,
  APIGuildMemberNoUser,
  APIMessage,
  APIPublicThreadChannel,
  APIRole,
  APITextChannel,
  APIUser,
  GatewayGuildCreateDispatchData,
  GatewayHelloData,
  GatewayMessageCreateDispatchData,
  GatewayMessageDeleteDispatchData,
  GatewayMessageReactionAddDispatchData,
  GatewayMessageReactionRemoveDispatchData,
  GatewayReadyDispatchData,
  RESTError,
  RESTRateLimit,
} from 'discord-api-types/v10';
import { ChannelType, MessageReferenceType, MessageType } from 'discord-api-types/v10';

export interface Person {
  user: APIUser;
  nick: string | null;
}

/** No flag of any kind: discord-api-types' enums name only the flags there are. */
const none = 0 as never;
const epochMs = 1_420_070_400_000;
const joined = '2026-03-01T09:00:00.000000+00:00';
let increment = 0n;

/** An id of that time, different from all others. */
export function snowflake(ms: number): string {
  increment = (increment + 1n) % (1n << 22n);
  return String((BigInt(Math.floor(ms) - epochMs) << 22n) | increment);
}

export function msOf(id: string): number {
  return Number(BigInt(id) >> 22n) + epochMs;
}

export function user(id: string, username: string, bot = false): APIUser {
  const shown = username.charAt(0).toUpperCase() + username.slice(1);
  return {
    id,
    username,
    discriminator: bot ? '0042' : '0',
    global_name: bot ? null : shown,
    avatar: '8342729096ea3675442027381ff50dfe',
    avatar_decoration_data: null,
    collectibles: null,
    primary_guild: null,
    public_flags: none,
    ...(bot ? { bot } : {}),
  };
}

export function member(nick: string | null): APIGuildMemberNoUser {
  return {
    avatar: null,
    banner: null,
    communication_disabled_until: null,
    flags: none,
    joined_at: joined,
    nick,
    pending: false,
    premium_since: null,
    roles: [],
    deaf: false,
    mute: false,
  };
}

export function textChannel(id: string, guildId: string, name: string): APITextChannel {
  return {
    id,
    type: ChannelType.GuildText,
    guild_id: guildId,
    name,
    topic: null,
    position: 0,
    parent_id: null,
    last_message_id: null,
    last_pin_timestamp: null,
    rate_limit_per_user: 0,
    nsfw: false,
    permission_overwrites: [],
    flags: none,
  };
}

export function thread(id: string, guildId: string, parent: string, name: string, archived: boolean): APIPublicThreadChannel {
  return {
    id,
    type: ChannelType.PublicThread,
    guild_id: guildId,
    parent_id: parent,
    name,
    owner_id: '80351110224678912',
    last_message_id: null,
    message_count: 0,
    member_count: 1,
    total_message_sent: 0,
    rate_limit_per_user: 0,
    flags: none,
    thread_metadata: { archived, archive_timestamp: joined, auto_archive_duration: 1440, locked: false, create_timestamp: joined },
  };
}

export function dmChannel(id: string, recipient: APIUser): APIDMChannel {
  return {
    id,
    type: ChannelType.DM,
    name: null,
    last_message_id: null,
    recipients: [recipient],
    flags: none,
  };
}

export function message(fields: {
  id: string;
  channelId: string;
  author: APIUser;
  content: string;
  mentions?: APIUser[];
  mentionRoles?: string[];
  mentionEveryone?: boolean;
  answers?: APIMessage | null;
  guildId?: string | undefined;
}): APIMessage {
  const { answers, guildId } = fields;
  return {
    id: fields.id,
    channel_id: fields.channelId,
    type: answers === undefined ? MessageType.Default : MessageType.Reply,
    author: fields.author,
    content: fields.content,
    timestamp: new Date(msOf(fields.id)).toISOString().replace('Z', '000+00:00'),
    edited_timestamp: null,
    tts: false,
    mention_everyone: fields.mentionEveryone ?? false,
    mentions: fields.mentions ?? [],
    mention_roles: fields.mentionRoles ?? [],
    attachments: [],
    embeds: [],
    components: [],
    pinned: false,
    flags: none,
    ...(answers
      ? {
          message_reference: {
            type: MessageReferenceType.Default,
            channel_id: answers.channel_id,
            message_id: answers.id,
            ...(guildId ? { guild_id: guildId } : {}),
          },
          referenced_message: answers,
        }
      : {}),
  };
}

/** What the gateway adds to a message: the server, and the members' own names in it. */
export function messageCreate(
  data: APIMessage,
  place: { guildId?: string; channelType: GatewayMessageCreateDispatchData['channel_type']; nickOf(id: string): string | null },
): GatewayMessageCreateDispatchData {
  const { guildId, channelType, nickOf } = place;
  if (!guildId) return { ...data, channel_type: channelType };
  return {
    ...data,
    guild_id: guildId,
    channel_type: channelType,
    member: member(nickOf(data.author.id)),
    mentions: data.mentions.map((mentioned) => ({ ...mentioned, member: member(nickOf(mentioned.id)) })),
  };
}

export function messageDelete(id: string, channelId: string, guildId?: string): GatewayMessageDeleteDispatchData {
  return { id, channel_id: channelId, ...(guildId ? { guild_id: guildId } : {}) };
}

export function reactionAdd(
  target: APIMessage,
  by: Person,
  emoji: { id: string | null; name: string },
  guildId: string | undefined,
  withAuthor: boolean,
): GatewayMessageReactionAddDispatchData {
  const whole: APIGuildMember = { ...member(by.nick), user: by.user };
  return {
    ...reactionRemove(target, by, emoji, guildId),
    ...(guildId ? { member: whole } : {}),
    ...(withAuthor ? { message_author_id: target.author.id } : {}),
  };
}

export function reactionRemove(
  target: APIMessage,
  by: Person,
  emoji: { id: string | null; name: string },
  guildId: string | undefined,
): GatewayMessageReactionRemoveDispatchData {
  return {
    user_id: by.user.id,
    channel_id: target.channel_id,
    message_id: target.id,
    emoji,
    burst: false,
    type: none,
    ...(guildId ? { guild_id: guildId } : {}),
  };
}

export function hello(): GatewayHelloData {
  return { heartbeat_interval: 41_250 };
}

export function ready(
  bot: APIUser,
  guildIds: string[],
  sessionId: string,
  resumeUrl: string,
  shard: [number, number],
): GatewayReadyDispatchData {
  const application: Pick<APIApplication, 'flags_new' | 'flags' | 'id'> = {
    id: bot.id,
    flags: none,
    flags_new: '0' as APIApplication['flags_new'],
  };
  return {
    v: 10,
    user: bot,
    guilds: guildIds.map((id) => ({ id, unavailable: true })),
    session_id: sessionId,
    resume_gateway_url: resumeUrl,
    shard,
    application,
  };
}

export function role(id: string, name: string, botId?: string): APIRole {
  const color = 0;
  return {
    id,
    name,
    color,
    colors: { primary_color: color, secondary_color: null, tertiary_color: null },
    hoist: false,
    icon: null,
    unicode_emoji: null,
    position: botId ? 1 : 0,
    // View Channel, Send Messages, Read Message History, Add Reactions, Send Messages in Threads
    permissions: String((1n << 10n) | (1n << 11n) | (1n << 16n) | (1n << 6n) | (1n << 38n)),
    managed: Boolean(botId),
    mentionable: false,
    flags: none,
    ...(botId ? { tags: { bot_id: botId } } : {}),
  };
}

export function guildCreate(fields: {
  id: string;
  bot: APIUser;
  roles: APIRole[];
  channels: APITextChannel[];
  threads: APIPublicThreadChannel[];
}): GatewayGuildCreateDispatchData {
  return {
    id: fields.id,
    name: 'The Old Theatre',
    icon: null,
    splash: null,
    discovery_splash: null,
    banner: null,
    description: null,
    owner_id: '80351110224678912',
    application_id: null,
    afk_channel_id: null,
    afk_timeout: 300,
    verification_level: 1,
    default_message_notifications: 1,
    explicit_content_filter: 0,
    roles: fields.roles,
    emojis: [],
    stickers: [],
    features: [],
    mfa_level: 0,
    system_channel_id: null,
    system_channel_flags: none,
    rules_channel_id: null,
    public_updates_channel_id: null,
    safety_alerts_channel_id: null,
    vanity_url_code: null,
    premium_tier: 0,
    premium_subscription_count: 0,
    premium_progress_bar_enabled: false,
    preferred_locale: 'en-US' as GatewayGuildCreateDispatchData['preferred_locale'],
    nsfw_level: 0,
    hub_type: null,
    incidents_data: null,
    joined_at: joined,
    large: false,
    unavailable: false,
    member_count: 3,
    voice_states: [],
    members: [{ ...member(null), user: fields.bot }],
    channels: fields.channels,
    threads: fields.threads,
    presences: [],
    stage_instances: [],
    guild_scheduled_events: [],
    soundboard_sounds: [],
  };
}

export function gatewayBot(url: string): APIGatewayBotInfo {
  return { url, shards: 1, session_start_limit: { total: 1000, remaining: 999, reset_after: 14_400_000, max_concurrency: 1 } };
}

export function restError(code: number, text: string): RESTError {
  return { code, message: text };
}

export function rateLimit(retryAfterS: number): RESTRateLimit {
  return { message: 'You are being rate limited.', retry_after: retryAfterS, global: false };
}
