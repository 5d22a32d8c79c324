// Discord on loopback: its REST API and its gateway over real sockets, with a server, a channel, people in it and a bot.
// Real discord.js talks to it; a test is the people.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type APIDMChannel,
  type APIMessage,
  type APIPublicThreadChannel,
  type APITextChannel,
  type APIUser,
  GatewayDispatchEvents,
  GatewayIntentBits,
  type RESTPostAPIChannelMessageJSONBody,
} from 'discord-api-types/v10';
import { type Gateway, openGateway } from './gateway.ts';
import {
  dmChannel,
  gatewayBot,
  guildCreate,
  message,
  messageCreate,
  messageDelete,
  type Person,
  reactionAdd,
  reactionRemove,
  role,
  snowflake,
  textChannel,
  thread,
  user,
} from './payloads.ts';
import { type Failure, Refused, type Request, type Route, serveRest } from './rest.ts';

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
  /** A thread of a channel; `on`: opened on that message, whose id it then has. */
  addThread(parent: string, name: string, options?: { on?: string }): string;
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

type Channel = APITextChannel | APIPublicThreadChannel | APIDMChannel;

export async function startFakeDiscord(options: { allowMessageContent?: boolean } = {}): Promise<FakeDiscord> {
  const startedMs = Date.now();
  const id = () => snowflake(Date.now());
  const botUser = user(snowflake(startedMs), 'troupe', true);
  const guildId = snowflake(startedMs);
  const token = `${Buffer.from(botUser.id).toString('base64url')}.fake.${snowflake(startedMs)}`;
  const people = new Map<string, Person>([[botUser.id, { user: botUser, nick: null }]]);
  const channels = new Map<string, Channel>();
  const messages = new Map<string, APIMessage[]>();
  const nonces = new Map<string, string>();
  const roles = [role(guildId, '@everyone'), role(snowflake(startedMs), 'Troupe', botUser.id)];
  const failures: Failure[] = [];
  const requests: Request[] = [];
  const typing: string[] = [];

  const addPerson: FakeDiscord['addPerson'] = (name, { nick, bot } = {}) => {
    const person: Person = { user: user(id(), name, bot), nick: nick ?? null };
    people.set(person.user.id, person);
    return person;
  };
  const person = addPerson('mira');
  const addChannel = (name: string) => {
    const channel = textChannel(id(), guildId, name);
    channels.set(channel.id, channel);
    return channel.id;
  };
  const firstChannel = addChannel('stage');

  const channelOf = (channelId: string): Channel => {
    const channel = channels.get(channelId);
    if (!channel) throw new Refused(404, 10003, 'Unknown Channel');
    return channel;
  };
  const guildOf = (channel: Channel) => ('guild_id' in channel ? channel.guild_id : undefined);
  const find = (messageId: string): APIMessage => {
    for (const list of messages.values()) {
      const found = list.find((one) => one.id === messageId);
      if (found) return found;
    }
    throw new Refused(404, 10008, 'Unknown Message');
  };
  const intentOf = (channel: Channel, guild: number, direct: number) => (guildOf(channel) ? guild : direct);
  /** Without the Message Content intent a bot reads its own messages, direct ones and those that mention it. */
  const asSeenBy = (intents: number, data: APIMessage): APIMessage => {
    const readable =
      intents & GatewayIntentBits.MessageContent ||
      !guildOf(channelOf(data.channel_id)) ||
      data.author.id === botUser.id ||
      data.mentions.some((mentioned) => mentioned.id === botUser.id);
    return readable ? data : { ...data, content: '', embeds: [], attachments: [], components: [] };
  };
  const dispatchMessage = (event: string, data: APIMessage, nonce?: string) => {
    const channel = channelOf(data.channel_id);
    const guild = guildOf(channel);
    gateway.dispatch(
      event,
      (intents) => ({
        ...messageCreate(asSeenBy(intents, data), {
          ...(guild ? { guildId: guild } : {}),
          channelType: channel.type,
          nickOf: (userId) => people.get(userId)?.nick ?? null,
        }),
        ...(nonce ? { nonce } : {}),
      }),
      intentOf(channel, GatewayIntentBits.GuildMessages, GatewayIntentBits.DirectMessages),
    );
  };
  const add = (data: APIMessage, nonce?: string): APIMessage => {
    const list = messages.get(data.channel_id) ?? [];
    list.push(data);
    list.sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
    messages.set(data.channel_id, list);
    channelOf(data.channel_id).last_message_id = list.at(-1)?.id ?? null;
    dispatchMessage(GatewayDispatchEvents.MessageCreate, data, nonce);
    return data;
  };
  const mentionedIn = (text: string) =>
    [...text.matchAll(/<@!?(\d+)>/g)]
      .flatMap((match) => people.get(match[1] ?? '')?.user ?? [])
      .filter((one, n, all) => all.indexOf(one) === n);

  const say: FakeDiscord['say'] = (text, { channel = firstChannel, as = person, replyTo, ping = true, agoMs = 0 } = {}) => {
    const answers = replyTo ? find(replyTo) : undefined;
    const mentions = mentionedIn(text);
    if (answers && ping && !mentions.includes(answers.author)) mentions.push(answers.author);
    return add(
      message({
        id: snowflake(Date.now() - agoMs),
        channelId: channel,
        author: as.user,
        content: text.trim(),
        mentions,
        mentionRoles: [...text.matchAll(/<@&(\d+)>/g)].map((match) => match[1] ?? ''),
        mentionEveryone: /@(everyone|here)/.test(text),
        answers,
        guildId: guildOf(channelOf(channel)),
      }),
    );
  };
  const openDm = (recipient: Person) => {
    const open = [...channels.values()].find((channel) => 'recipients' in channel && channel.recipients?.[0]?.id === recipient.user.id);
    const channel = open ?? dmChannel(id(), recipient.user);
    channels.set(channel.id, channel);
    return channel.id;
  };

  const post = (channelId: string, body: RESTPostAPIChannelMessageJSONBody): APIMessage => {
    const channel = channelOf(channelId);
    const content = (body.content ?? '').trim();
    if (!content) throw new Refused(400, 50006, 'Cannot send an empty message');
    if ([...content].length > 2000) throw new Refused(400, 50035, 'Invalid Form Body');
    const nonce = body.nonce === undefined ? undefined : String(body.nonce);
    if (nonce !== undefined && nonce.length > 25) throw new Refused(400, 50035, 'Invalid Form Body');
    const earlier = nonce && body.enforce_nonce ? nonces.get(nonce) : undefined;
    // Of a message that was deleted since, Discord says that it knows none.
    if (earlier) return find(earlier);
    const { message_reference: reference, allowed_mentions: allowed } = body;
    const list = messages.get(channelId) ?? [];
    const answers = reference ? list.find((one) => one.id === reference.message_id) : undefined;
    if (reference && !answers && reference.fail_if_not_exists !== false) throw new Refused(400, 50035, 'Invalid Form Body');
    const may = (kind: string) => !allowed || (allowed.parse ?? []).some((one) => one === kind);
    const mentions = may('users') ? mentionedIn(content) : [];
    if (answers && allowed?.replied_user) mentions.push(answers.author);
    const data = message({
      id: id(),
      channelId,
      author: botUser,
      content,
      mentions,
      mentionRoles: may('roles') ? [...content.matchAll(/<@&(\d+)>/g)].map((match) => match[1] ?? '') : [],
      mentionEveryone: may('everyone') && /@(everyone|here)/.test(content),
      answers,
      guildId: guildOf(channel),
    });
    if (nonce) nonces.set(nonce, data.id);
    return { ...add(data, nonce), ...(nonce ? { nonce } : {}) };
  };

  let intents = 0;
  const routes: Route[] = [
    ['GET', /^\/gateway\/bot$/, () => ({ status: 200, body: gatewayBot(gatewayUrl()) })],
    ['GET', /^\/users\/@me$/, () => ({ status: 200, body: botUser })],
    [
      'GET',
      /^\/users\/(\d+)$/,
      ([userId = '']) => {
        const found = people.get(userId);
        if (!found) throw new Refused(404, 10013, 'Unknown User');
        return { status: 200, body: found.user };
      },
    ],
    [
      'POST',
      /^\/users\/@me\/channels$/,
      (_, { body }) => {
        const recipient = people.get(String(body.recipient_id));
        if (!recipient) throw new Refused(400, 50033, 'Invalid Recipient(s)');
        return { status: 200, body: channelOf(openDm(recipient)) };
      },
    ],
    ['GET', /^\/channels\/(\d+)$/, ([channelId = '']) => ({ status: 200, body: channelOf(channelId) })],
    [
      'GET',
      /^\/channels\/(\d+)\/messages$/,
      ([channelId = ''], { query }) => ({ status: 200, body: page(channelOf(channelId), query).map((one) => asSeenBy(intents, one)) }),
    ],
    ['GET', /^\/channels\/\d+\/messages\/(\d+)$/, ([messageId = '']) => ({ status: 200, body: asSeenBy(intents, find(messageId)) })],
    [
      'POST',
      /^\/channels\/(\d+)\/messages$/,
      ([channelId = ''], { body }) => ({ status: 200, body: post(channelId, body as RESTPostAPIChannelMessageJSONBody) }),
    ],
    [
      'POST',
      /^\/channels\/(\d+)\/typing$/,
      ([channelId = '']) => {
        typing.push(channelOf(channelId).id);
        return { status: 204 };
      },
    ],
    [
      'PUT',
      /^\/channels\/\d+\/messages\/(\d+)\/reactions\/([^/]+)\/@me$/,
      ([messageId = '', emoji = '']) => {
        react(messageId, emoji, { as: { user: botUser, nick: null } });
        return { status: 204 };
      },
    ],
    [
      'DELETE',
      /^\/channels\/\d+\/messages\/(\d+)$/,
      ([messageId = '']) => {
        remove(messageId);
        return { status: 204 };
      },
    ],
  ];
  /** Newest first, as Discord answers; `after` begins right behind that id. */
  const page = (channel: Channel, query: URLSearchParams): APIMessage[] => {
    const limit = Number(query.get('limit') ?? 50);
    const all = messages.get(channel.id) ?? [];
    const [after, before, around] = ['after', 'before', 'around'].map((name) => query.get(name));
    if (after)
      return all
        .filter((one) => BigInt(one.id) > BigInt(after))
        .slice(0, limit)
        .reverse();
    if (before)
      return all
        .filter((one) => BigInt(one.id) < BigInt(before))
        .slice(-limit)
        .reverse();
    if (around) {
      const at = all.findIndex((one) => BigInt(one.id) >= BigInt(around));
      return all.slice(Math.max(0, at - Math.floor(limit / 2)), at + Math.ceil(limit / 2)).reverse();
    }
    return all.slice(-limit).reverse();
  };
  const react: FakeDiscord['react'] = (
    messageId,
    name,
    { as = person, remove: removed = false, custom = false, withAuthor = true } = {},
  ) => {
    const target = find(messageId);
    const channel = channelOf(target.channel_id);
    const emoji = { id: custom ? id() : null, name };
    const event = removed ? GatewayDispatchEvents.MessageReactionRemove : GatewayDispatchEvents.MessageReactionAdd;
    const data = removed
      ? reactionRemove(target, as, emoji, guildOf(channel))
      : reactionAdd(target, as, emoji, guildOf(channel), withAuthor);
    gateway.dispatch(
      event,
      () => data,
      intentOf(channel, GatewayIntentBits.GuildMessageReactions, GatewayIntentBits.DirectMessageReactions),
    );
  };
  const remove = (messageId: string) => {
    const gone = find(messageId);
    const channel = channelOf(gone.channel_id);
    messages.set(
      channel.id,
      (messages.get(channel.id) ?? []).filter((one) => one !== gone),
    );
    gateway.dispatch(
      GatewayDispatchEvents.MessageDelete,
      () => messageDelete(messageId, channel.id, guildOf(channel)),
      intentOf(channel, GatewayIntentBits.GuildMessages, GatewayIntentBits.DirectMessages),
    );
  };

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
    bot: botUser,
    allowMessageContent: options.allowMessageContent ?? false,
    guilds: () => [
      guildCreate({
        id: guildId,
        bot: botUser,
        roles,
        channels: [...channels.values()].filter((channel) => channel.type === 0),
        threads: [...channels.values()].filter((channel) => channel.type === 11),
      }),
    ],
  });
  // History shows a bot as much as the intent it was allowed.
  intents = options.allowMessageContent ? GatewayIntentBits.MessageContent : 0;

  return {
    apiBase: `http://127.0.0.1:${port}/api`,
    token,
    bot: botUser,
    mention: `<@${botUser.id}>`,
    roleMention: `<@&${roles[1]?.id}>`,
    guild: guildId,
    channel: firstChannel,
    person,
    otherBot: addPerson('clockwork', { bot: true }),
    requests,
    typing,
    gateway,
    addPerson,
    addChannel,
    addThread(parent, name, { on } = {}) {
      const opened = thread(on ?? id(), guildId, parent, name);
      channels.set(opened.id, opened);
      gateway.dispatch(GatewayDispatchEvents.ThreadCreate, () => ({ ...opened, newly_created: true }), GatewayIntentBits.Guilds);
      return opened.id;
    },
    dmChannel: (recipient = person) => openDm(recipient),
    say,
    dm: (text, { as = person, ...rest } = {}) => say(text, { ...rest, as, channel: openDm(as) }),
    edit(messageId, text) {
      const edited = Object.assign(find(messageId), {
        content: text,
        mentions: mentionedIn(text),
        edited_timestamp: new Date().toISOString(),
      });
      dispatchMessage(GatewayDispatchEvents.MessageUpdate, edited);
    },
    embed(messageId) {
      const found = Object.assign(find(messageId), { embeds: [{ type: 'link', url: 'https://example.org', title: 'A page' }] });
      dispatchMessage(GatewayDispatchEvents.MessageUpdate, found);
    },
    delete: remove,
    react,
    messages: (channel = firstChannel) => [...(messages.get(channel) ?? [])],
    failNext: (failure) => failures.push({ ...failure }),
    forgetNonces: () => nonces.clear(),
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
