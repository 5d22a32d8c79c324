// From the gateway's events to the core's inbound: messages, edits, thumbs, the connection, and what was missed without it.
import {
  type Client,
  Events,
  GatewayDispatchEvents,
  type GatewayMessageCreateDispatchData,
  type GatewayMessageDeleteBulkDispatchData,
  type GatewayMessageDeleteDispatchData,
  type GatewayMessageReactionAddDispatchData,
  type GatewayMessageReactionRemoveDispatchData,
  type GatewayMessageUpdateDispatchData,
} from 'discord.js';
import type { Logger } from 'pino';
import type { Address, Inbound } from '../../platform.ts';
import { placesToLookAt } from './catch-up.ts';
import { inviteLink } from './invite.ts';
import { createLanes } from './lanes.ts';
import { nameOf, reactorOf, readMessage, type Said, thumbOf } from './parse.ts';
import { closeRefusal, refusal } from './refusal.ts';
import { history } from './send.ts';

/** Discord's own word for the place of direct messages. */
const directMessages = '@me';
const historyPages = 5;
const pageSize = 100;

export interface Listener {
  /** Takes no more events; resolves when those in hand are queued. */
  stop(): Promise<void>;
}

type LastSeen = Awaited<ReturnType<Inbound['lastSeen']>>;

/** `seen` is what had been queued before the client connects; `lastSeen` asks again after each lost session. */
export function listen(
  client: Client,
  inbound: Inbound,
  seen: LastSeen,
  lastSeen: () => Promise<LastSeen>,
  log: Logger,
  now: () => number,
): Listener {
  const lanes = createLanes(log);
  const down = new Map<number, number>();
  let stopped = false;
  let latestVoteMs = 0;

  const on = <T>(event: GatewayDispatchEvents, take: (data: T) => void) => client.ws.on(event, take);
  on<GatewayMessageCreateDispatchData>(GatewayDispatchEvents.MessageCreate, takeMessage);
  on<GatewayMessageUpdateDispatchData>(GatewayDispatchEvents.MessageUpdate, takeEdit);
  on<GatewayMessageDeleteDispatchData>(GatewayDispatchEvents.MessageDelete, (data) => takeDelete(data.id, data));
  on<GatewayMessageDeleteBulkDispatchData>(GatewayDispatchEvents.MessageDeleteBulk, (data) => {
    for (const id of data.ids) takeDelete(id, data);
  });
  on<GatewayMessageReactionAddDispatchData>(GatewayDispatchEvents.MessageReactionAdd, (data) => takeThumb(data, true));
  on<GatewayMessageReactionRemoveDispatchData>(GatewayDispatchEvents.MessageReactionRemove, (data) => takeThumb(data, false));

  client.on(Events.ShardReady, (shardId) => {
    const lostAtMs = down.get(shardId);
    connected(shardId);
    lanes.add('catch-up', async () => catchUp(shardId, lostAtMs === undefined ? seen : await lastSeen(), lostAtMs));
  });
  client.on(Events.ShardResume, connected);
  client.on(Events.ShardReconnecting, (shardId) => lost(shardId, 'The connection was lost; connecting again.'));
  client.on(Events.ShardDisconnect, ({ code }, shardId) =>
    lost(shardId, closeRefusal(code)?.message ?? `Discord closed the gateway (${code}).`),
  );
  client.on(Events.ShardError, (err) => log.warn({ err }, 'an error on the gateway'));
  client.on(Events.Error, (err) => log.error({ err }, 'an error in the Discord client'));

  return {
    async stop() {
      stopped = true;
      await lanes.stop();
    },
  };

  function takeMessage(data: GatewayMessageCreateDispatchData): void {
    const said = readSaid(data);
    if (!said) return;
    lanes.add(said.channelId, async () => {
      const address = await addressOf(said.channelId, said.guildId, said.id);
      if (!said.addressed && !(await followed(address))) return;
      await inbound.message({
        id: said.id,
        address,
        person: said.person,
        text: said.text,
        sentAtMs: said.sentAtMs,
        direct: said.guildId === undefined,
        fromBot: false,
      });
    });
  }

  function takeEdit(data: GatewayMessageUpdateDispatchData): void {
    // Without it the change is Discord's own: a link's preview, a pin.
    const said = data.edited_timestamp ? readSaid(data) : null;
    if (!said) return;
    lanes.add(said.channelId, async () => {
      const address = await addressOf(said.channelId, said.guildId, said.id);
      if (said.addressed || (await followed(address))) await inbound.edit({ id: said.id, address, text: said.text });
    });
  }

  /** Every delete is passed on: what is gone there must not stay here, and whether it ever was here only the store knows. */
  function takeDelete(id: string, data: { channel_id: string; guild_id?: string }): void {
    lanes.add(data.channel_id, async () => {
      await inbound.edit({ id, address: await addressOf(data.channel_id, data.guild_id, id), text: null });
    });
  }

  function takeThumb(data: GatewayMessageReactionAddDispatchData, added: boolean): void {
    const thumb = thumbOf(data.emoji);
    const self = client.user?.id;
    if (!thumb || data.user_id === self || (data.message_author_id !== undefined && data.message_author_id !== self)) return;
    // Reactions carry no time of their own. Two within a millisecond keep their order.
    latestVoteMs = Math.max(now(), latestVoteMs + 1);
    const atMs = latestVoteMs;
    lanes.add(data.channel_id, async () => {
      const workspace = data.guild_id ?? directMessages;
      if (data.message_author_id === undefined && !(await inbound.isOurs(workspace, data.message_id))) return;
      const { bot, ...person } = reactorOf(data) ?? (await whoIs(data.user_id));
      if (bot) return;
      await inbound.vote({
        workspace,
        person,
        target: { messageId: data.message_id },
        ...(added ? { value: thumb } : { value: null, retracts: thumb }),
        via: 'reaction',
        atMs,
      });
    });
  }

  /** Null for what is certainly not for the bot, before anything has to be asked. */
  function readSaid(data: GatewayMessageCreateDispatchData): Said | null {
    const guild = data.guild_id === undefined ? undefined : client.guilds.cache.get(data.guild_id);
    const self = client.user?.id ?? '';
    const said = readMessage(
      data,
      { id: self, isOwnRole: (id) => guild?.roles.cache.get(id)?.tags?.botId === self },
      {
        role: (id) => guild?.roles.cache.get(id)?.name,
        channel: (id) => {
          const channel = client.channels.cache.get(id);
          return channel && 'name' in channel ? (channel.name ?? undefined) : undefined;
        },
      },
    );
    if (!said || said.addressed) return said;
    const inThread = client.channels.cache.get(said.channelId)?.isThread() ?? true;
    return said.text !== '' && inThread ? said : null;
  }

  async function addressOf(channelId: string, guildId: string | undefined, messageId: string): Promise<Address> {
    const place = { channel: channelId, message: messageId };
    if (guildId === undefined) return { workspace: directMessages, channel: channelId, place };
    const channel = await client.channels.fetch(channelId).catch((error: unknown) => {
      const refused = refusal(error, 'a look at a channel');
      if (refused.retryable) throw refused;
      return null;
    });
    const parent = channel?.isThread() ? channel.parentId : null;
    return { workspace: guildId, channel: parent ? `${parent}/${channelId}` : channelId, place };
  }

  /** A thread that the bot takes part in, or that somebody opened on its message. */
  async function followed({ workspace, channel, place }: Address): Promise<boolean> {
    if (!channel.includes('/')) return false;
    return (await inbound.takesPart(workspace, channel)) || (await inbound.isOurs(workspace, place.channel ?? ''));
  }

  async function whoIs(id: string): Promise<{ id: string; name: string; bot: boolean }> {
    try {
      const user = await client.users.fetch(id);
      return { id, name: nameOf({ username: user.username, global_name: user.globalName }), bot: user.bot };
    } catch (error) {
      const refused = refusal(error, 'a look at a person');
      if (refused.retryable) throw refused;
      return { id, name: 'someone', bot: false };
    }
  }

  function connected(shardId: number): void {
    if (stopped) return;
    down.delete(shardId);
    if (down.size === 0)
      inbound.connection(true, `as ${client.user?.displayName} in ${servers(client.guilds.cache.size, client.user?.id)}`);
  }

  function lost(shardId: number, reason: string): void {
    if (stopped || down.has(shardId)) return;
    down.set(shardId, now());
    inbound.connection(false, reason);
  }

  function catchUp(shardId: number, seen: LastSeen, lostAtMs: number | undefined): void {
    const isOnShard = (workspace: string) =>
      workspace === directMessages ? shardId === 0 : client.guilds.cache.get(workspace)?.shardId === shardId;
    const channels = [...client.channels.cache.values()].flatMap((channel) =>
      !channel.isDMBased() && channel.isTextBased() && channel.viewable && isOnShard(channel.guildId)
        ? [{ workspace: channel.guildId, channel: channel.id, lastMessageId: channel.lastMessageId }]
        : [],
    );
    const places = seen
      .map(({ address, id }) => ({ workspace: address.workspace, channel: address.place.channel ?? '', id }))
      .filter(({ workspace }) => isOnShard(workspace));
    const looks = placesToLookAt({ seen: places, channels, lostAtMs, nowMs: now() });
    if (looks.length > 0) log.info({ places: looks.length }, 'looking at what was said meanwhile');
    for (const { workspace, channel, after } of looks) lanes.add(channel, () => readBack(workspace, channel, after));
  }

  async function readBack(workspace: string, channel: string, from: string): Promise<void> {
    let after = from;
    for (let page = 0; page < historyPages; page++) {
      const messages = await history(client.rest, channel, after, pageSize).catch((error: unknown) => {
        throw refusal(error, 'a look at what was said meanwhile');
      });
      for (const message of messages) takeMessage({ ...message, ...(workspace === directMessages ? {} : { guild_id: workspace }) });
      const newest = messages.at(-1);
      if (messages.length < pageSize || !newest) return;
      after = newest.id;
    }
    log.warn({ channel }, 'more was said meanwhile than is looked at');
  }
}

function servers(count: number, applicationId = ''): string {
  if (count === 0) return `no server yet: invite it with ${inviteLink(applicationId)}`;
  return count === 1 ? '1 server' : `${count} servers`;
}
