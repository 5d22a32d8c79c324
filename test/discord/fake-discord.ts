// Discord on loopback: its REST API and its gateway over real sockets, with a server, a channel, people in it and a bot.
// Real discord.js talks to it; a test is the people.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type APIMessage, type APIUser, GatewayDispatchEvents, GatewayIntentBits } from 'discord-api-types/v10';
import { type Gateway, openGateway } from './gateway.ts';
import { messageCreate, messageDelete, type Person, reactionAdd, reactionRemove, snowflake } from './payloads.ts';
import { type Failure, type Request, serveRest } from './rest.ts';
import { discordRoutes } from './routes.ts';
import { createWorld } from './world.ts';

export interface SayOptions {
  /** A channel or thread of the server; the server's first channel by default. */
  channel?: string;
  as?: Person;
  /** The message it replies to, and whether the reply pings its author (it does by default). */
  replyTo?: string;
  ping?: boolean;
  /** As if it had been said that long ago. */
  agoMs?: number;
}

export interface FakeDiscord {
  /** For DISCORD_API_BASE. */
  apiBase: string;
  /** For DISCORD_TOKEN. */
  token: string;
  bot: APIUser;
  /** Mentions the bot, at the start of a text. */
  mention: string;
  /** Mentions the role that Discord made for the bot. */
  roleMention: string;
  guild: string;
  channel: string;
  person: Person;
  otherBot: Person;
  /** Everything the bot asked of the REST API, and where it was seen typing. */
  requests: Request[];
  typing: string[];
  gateway: Pick<Gateway, 'identifies' | 'resumes' | 'heartbeats' | 'connected' | 'isConnected' | 'repeat' | 'askToReconnect'>;
  addPerson(name: string, options?: { nick?: string; bot?: boolean }): Person;
  addChannel(name: string): string;
  /** A thread of a channel; `on`: opened on that message, whose id it then has. An archived one is not announced to the bot. */
  addThread(parent: string, name: string, options?: { on?: string; archived?: boolean }): string;
  dmChannel(person?: Person): string;
  /** Somebody writes in a server. */
  say(text: string, options?: SayOptions): APIMessage;
  /** Somebody writes to the bot alone. */
  dm(text: string, options?: Omit<SayOptions, 'channel'>): APIMessage;
  edit(id: string, text: string): void;
  /** What Discord itself sends when it has fetched a link's preview. */
  embed(id: string): void;
  delete(id: string): void;
  react(id: string, emoji: string, options?: { as?: Person; remove?: boolean; custom?: boolean; withAuthor?: boolean }): void;
  /** What stands in a channel, oldest first. */
  messages(channel?: string): APIMessage[];
  /** The next requests that fit fail that way. */
  failNext(failure: Failure): void;
  /** Discord remembers nonces for some minutes: now they have passed. */
  forgetNonces(): void;
  /** Closes the gateway's connections; `forget` so that the session cannot be resumed. */
  dropConnections(options?: { code?: number; forget?: boolean }): void;
  refuseNextIdentify(code: number): void;
  /** Any event, well formed or not. */
  dispatch(event: string, data: unknown): void;
  stop(): Promise<void>;
}

export async function startFakeDiscord(options: { allowMessageContent?: boolean } = {}): Promise<FakeDiscord> {
  const world = createWorld((data, nonce) => dispatchMessage(GatewayDispatchEvents.MessageCreate, data, nonce));
  const { bot, guildId } = world;
  const token = `${Buffer.from(bot.id).toString('base64url')}.fake.${snowflake(Date.now())}`;
  const failures: Failure[] = [];
  const requests: Request[] = [];
  const typing: string[] = [];
  const channel = world.addChannel('stage');
  const person = world.addPerson('mira');
  const otherBot = world.addPerson('clockwork', { bot: true });

  const intentIn = (channelId: string, guild: number, direct: number) => (world.guildOf(channelId) ? guild : direct);
  const dispatchMessage = (event: string, data: APIMessage, nonce?: string) => {
    const guild = world.guildOf(data.channel_id);
    const place = {
      ...(guild ? { guildId: guild } : {}),
      channelType: world.channelOf(data.channel_id).type,
      nickOf: (userId: string) => world.people.get(userId)?.nick ?? null,
    };
    gateway.dispatch(
      event,
      (intents) => ({ ...messageCreate(world.asSeenWith(intents, data), place), ...(nonce ? { nonce } : {}) }),
      intentIn(data.channel_id, GatewayIntentBits.GuildMessages, GatewayIntentBits.DirectMessages),
    );
  };
  const react: FakeDiscord['react'] = (messageId, name, { as = person, remove = false, custom = false, withAuthor = true } = {}) => {
    const target = world.find(messageId);
    const guild = world.guildOf(target.channel_id);
    const emoji = { id: custom ? snowflake(Date.now()) : null, name };
    gateway.dispatch(
      remove ? GatewayDispatchEvents.MessageReactionRemove : GatewayDispatchEvents.MessageReactionAdd,
      () => (remove ? reactionRemove(target, as, emoji, guild) : reactionAdd(target, as, emoji, guild, withAuthor)),
      intentIn(target.channel_id, GatewayIntentBits.GuildMessageReactions, GatewayIntentBits.DirectMessageReactions),
    );
  };
  const remove = (messageId: string) => {
    const gone = world.find(messageId);
    world.remove(gone);
    gateway.dispatch(
      GatewayDispatchEvents.MessageDelete,
      () => messageDelete(messageId, gone.channel_id, world.guildOf(gone.channel_id)),
      intentIn(gone.channel_id, GatewayIntentBits.GuildMessages, GatewayIntentBits.DirectMessages),
    );
  };
  const say: FakeDiscord['say'] = (text, { channel: place = channel, as = person, replyTo, ping = true, agoMs = 0 } = {}) =>
    world.say(text, { channel: place, as, replyTo, ping, agoMs });

  const routes = discordRoutes(world, {
    gatewayUrl: () => gatewayUrl(),
    intents: options.allowMessageContent ? GatewayIntentBits.MessageContent : 0,
    typing: (channelId) => typing.push(channelId),
    react: (messageId, emoji) => react(messageId, emoji, { as: { user: bot, nick: null } }),
    remove,
  });
  const serve = serveRest(token, routes, failures, requests);
  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const gatewayUrl = () => `ws://127.0.0.1:${port}/gateway`;
  const gateway = openGateway({
    server,
    url: gatewayUrl,
    token,
    bot,
    guilds: world.guilds,
    allowMessageContent: options.allowMessageContent ?? false,
  });

  return {
    apiBase: `http://127.0.0.1:${port}/api`,
    token,
    bot,
    mention: `<@${bot.id}>`,
    roleMention: `<@&${world.botRole.id}>`,
    guild: guildId,
    channel,
    person,
    otherBot,
    requests,
    typing,
    gateway,
    addPerson: world.addPerson,
    addChannel: world.addChannel,
    addThread(parent, name, { on, archived = false } = {}) {
      const opened = world.addThread(parent, name, on, archived);
      if (!archived)
        gateway.dispatch(GatewayDispatchEvents.ThreadCreate, () => ({ ...opened, newly_created: true }), GatewayIntentBits.Guilds);
      return opened.id;
    },
    dmChannel: (recipient = person) => world.openDm(recipient),
    say,
    dm: (text, { as = person, ...rest } = {}) => say(text, { ...rest, as, channel: world.openDm(as) }),
    edit(messageId, text) {
      const changes = { content: text, mentions: world.mentionedIn(text), edited_timestamp: new Date().toISOString() };
      dispatchMessage(GatewayDispatchEvents.MessageUpdate, Object.assign(world.find(messageId), changes));
    },
    embed(messageId) {
      const changes = { embeds: [{ type: 'link', url: 'https://example.org', title: 'A page' }] };
      dispatchMessage(GatewayDispatchEvents.MessageUpdate, Object.assign(world.find(messageId), changes));
    },
    delete: remove,
    react,
    messages: (place = channel) => [...world.messagesIn(place)],
    failNext: (failure) => failures.push({ ...failure }),
    forgetNonces: () => world.nonces.clear(),
    dropConnections: ({ code = 4000, forget = false } = {}) => gateway.drop(code, forget),
    refuseNextIdentify: gateway.refuseNext,
    dispatch: (event, data) => gateway.dispatch(event, () => data),
    async stop() {
      gateway.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
