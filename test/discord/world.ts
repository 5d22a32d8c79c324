// The world of the fake: a server with channels and people, what was said in it, and the rules by which a bot sees and changes it.
import {
  type APIDMChannel,
  type APIMessage,
  type APIPublicThreadChannel,
  type APITextChannel,
  GatewayIntentBits,
  type RESTPostAPIChannelMessageJSONBody,
} from 'discord-api-types/v10';
import { dmChannel, guildCreate, message, type Person, role, snowflake, textChannel, thread, user } from './payloads.ts';
import { Refused } from './rest.ts';

export type Channel = APITextChannel | APIPublicThreadChannel | APIDMChannel;
export type World = ReturnType<typeof createWorld>;

/** `said` is told of every new message, with the nonce the bot gave it. */
export function createWorld(said: (data: APIMessage, nonce?: string) => void) {
  const id = (agoMs = 0) => snowflake(Date.now() - agoMs);
  const bot = user(id(), 'troupe', true);
  const guildId = id();
  const people = new Map<string, Person>([[bot.id, { user: bot, nick: null }]]);
  const channels = new Map<string, Channel>();
  const messages = new Map<string, APIMessage[]>();
  const nonces = new Map<string, string>();
  const botRole = role(id(), 'Troupe', bot.id);
  const roles = [role(guildId, '@everyone'), botRole];

  const world = {
    bot,
    botRole,
    guildId,
    people,
    nonces,
    guilds: () => [
      guildCreate({
        id: guildId,
        bot,
        roles,
        channels: [...channels.values()].filter((channel) => channel.type === 0),
        threads: [...channels.values()].filter((channel) => channel.type === 11).filter((one) => !one.thread_metadata?.archived),
      }),
    ],

    addPerson(name: string, { nick, bot }: { nick?: string; bot?: boolean } = {}): Person {
      const person: Person = { user: user(id(), name, bot), nick: nick ?? null };
      people.set(person.user.id, person);
      return person;
    },
    addChannel(name: string): string {
      const channel = textChannel(id(), guildId, name);
      channels.set(channel.id, channel);
      return channel.id;
    },
    addThread(parent: string, name: string, on: string | undefined, archived: boolean): APIPublicThreadChannel {
      const opened = thread(on ?? id(), guildId, parent, name, archived);
      channels.set(opened.id, opened);
      return opened;
    },
    openDm(recipient: Person): string {
      const open = [...channels.values()].find((channel) => 'recipients' in channel && channel.recipients?.[0]?.id === recipient.user.id);
      const channel = open ?? dmChannel(id(), recipient.user);
      channels.set(channel.id, channel);
      return channel.id;
    },

    channelOf(channelId: string): Channel {
      const channel = channels.get(channelId);
      if (!channel) throw new Refused(404, 10003, 'Unknown Channel');
      return channel;
    },
    guildOf(channelId: string): string | undefined {
      const channel = world.channelOf(channelId);
      return 'guild_id' in channel ? channel.guild_id : undefined;
    },
    messagesIn: (channelId: string): APIMessage[] => messages.get(channelId) ?? [],
    find(messageId: string): APIMessage {
      for (const list of messages.values()) {
        const found = list.find((one) => one.id === messageId);
        if (found) return found;
      }
      throw new Refused(404, 10008, 'Unknown Message');
    },
    remove(gone: APIMessage): void {
      messages.set(
        gone.channel_id,
        world.messagesIn(gone.channel_id).filter((one) => one !== gone),
      );
    },
    mentionedIn: (text: string) =>
      [...text.matchAll(/<@!?(\d+)>/g)]
        .flatMap((match) => people.get(match[1] ?? '')?.user ?? [])
        .filter((one, n, all) => all.indexOf(one) === n),

    /** Without the Message Content intent a bot reads its own messages, direct ones and those that mention it. */
    asSeenWith(intents: number, data: APIMessage): APIMessage {
      const readable =
        intents & GatewayIntentBits.MessageContent ||
        !world.guildOf(data.channel_id) ||
        data.author.id === bot.id ||
        data.mentions.some((mentioned) => mentioned.id === bot.id);
      return readable ? data : { ...data, content: '', embeds: [], attachments: [], components: [] };
    },

    /** Newest first, as Discord answers; `after` begins right behind that id. */
    page(channelId: string, query: URLSearchParams): APIMessage[] {
      const all = world.messagesIn(world.channelOf(channelId).id);
      const limit = Number(query.get('limit') ?? 50);
      const [after, before, around] = ['after', 'before', 'around'].map((name) => query.get(name));
      const at = all.findIndex((one) => BigInt(one.id) >= BigInt(around ?? 0));
      const chosen = after
        ? all.filter((one) => BigInt(one.id) > BigInt(after)).slice(0, limit)
        : before
          ? all.filter((one) => BigInt(one.id) < BigInt(before)).slice(-limit)
          : around
            ? all.slice(Math.max(0, at - Math.floor(limit / 2)), at + Math.ceil(limit / 2))
            : all.slice(-limit);
      return chosen.reverse();
    },

    /** A person's message. */
    say(text: string, by: { channel: string; as: Person; replyTo?: string | undefined; ping: boolean; agoMs: number }): APIMessage {
      const answers = by.replyTo ? world.find(by.replyTo) : undefined;
      const mentions = world.mentionedIn(text);
      if (answers && by.ping && !mentions.includes(answers.author)) mentions.push(answers.author);
      return add(
        message({
          id: id(by.agoMs),
          channelId: by.channel,
          author: by.as.user,
          content: text.trim(),
          mentions,
          mentionRoles: rolesIn(text),
          mentionEveryone: everyoneIn(text),
          answers,
          guildId: world.guildOf(by.channel),
        }),
      );
    },

    /** The bot's message. */
    post(channelId: string, body: RESTPostAPIChannelMessageJSONBody): APIMessage {
      const guild = world.guildOf(channelId);
      const content = (body.content ?? '').trim();
      if (!content) throw new Refused(400, 50006, 'Cannot send an empty message');
      const nonce = body.nonce === undefined ? '' : String(body.nonce);
      if ([...content].length > 2000 || nonce.length > 25) throw new Refused(400, 50035, 'Invalid Form Body');
      const earlier = body.enforce_nonce ? nonces.get(nonce) : undefined;
      // Of a message that was deleted since, Discord says that it knows none.
      if (earlier) return world.find(earlier);
      const { message_reference: reference, allowed_mentions: allowed } = body;
      const answers = reference ? world.messagesIn(channelId).find((one) => one.id === reference.message_id) : undefined;
      if (reference && !answers && reference.fail_if_not_exists !== false) throw new Refused(400, 50035, 'Invalid Form Body');
      const may = (kind: string) => !allowed || (allowed.parse ?? []).some((one) => one === kind);
      const mentions = may('users') ? world.mentionedIn(content) : [];
      if (answers && allowed?.replied_user) mentions.push(answers.author);
      const data = message({
        id: id(),
        channelId,
        author: bot,
        content,
        mentions,
        mentionRoles: may('roles') ? rolesIn(content) : [],
        mentionEveryone: may('everyone') && everyoneIn(content),
        answers,
        guildId: guild,
      });
      if (!nonce) return add(data);
      nonces.set(nonce, data.id);
      // The nonce comes with the answer and the event; the history does not have it.
      return { ...add(data, nonce), nonce };
    },
  };

  function add(data: APIMessage, nonce?: string): APIMessage {
    const list = [...world.messagesIn(data.channel_id), data].sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
    messages.set(data.channel_id, list);
    world.channelOf(data.channel_id).last_message_id = list.at(-1)?.id ?? null;
    said(data, nonce);
    return data;
  }

  return world;
}

function rolesIn(text: string): string[] {
  return [...text.matchAll(/<@&(\d+)>/g)].map((match) => match[1] ?? '');
}

function everyoneIn(text: string): boolean {
  return /@(everyone|here)/.test(text);
}
