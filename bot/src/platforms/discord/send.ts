// Sends a reply so that it is visible once, whatever became of an earlier attempt.
import { createHash } from 'node:crypto';
import {
  type APIMessage,
  DiscordAPIError,
  type REST,
  RESTJSONErrorCodes,
  type RESTPostAPIChannelMessageJSONBody,
  Routes,
} from 'discord.js';
import type { Outgoing } from '../../platform.ts';
import { refusal } from './refusal.ts';
import { render } from './render.ts';

/** How far an earlier attempt is looked for behind the message it answered. */
const lookBackPages = 5;
const pageSize = 100;

/** The ids of the reply's messages. Rejects with a TroupeError. */
export async function send(rest: REST, selfId: string, out: Outgoing): Promise<string[]> {
  const { channel = '', message } = out.address.place;
  const parts = render(out);
  const ids = out.attempt > 1 && message ? await lookBack(rest, selfId, channel, message, parts) : [];
  for (const [index, content] of parts.entries()) ids[index] ??= await post(rest, channel, body(out, index, content, message));
  return ids;
}

function body(out: Outgoing, index: number, content: string, answers?: string): RESTPostAPIChannelMessageJSONBody {
  return {
    content,
    nonce: nonceOf(out.outboxId, index),
    enforce_nonce: true,
    allowed_mentions: { parse: [], replied_user: false },
    ...(index === 0 && answers ? { message_reference: { message_id: answers, fail_if_not_exists: false } } : {}),
  };
}

/** At most 25 characters, and the same for the same part of the same reply: within minutes Discord itself returns the earlier message. */
export function nonceOf(outboxId: string, part: number): string {
  return `${createHash('sha256').update(outboxId).digest('base64url').slice(0, 20)}.${part.toString(36)}`;
}

async function post(rest: REST, channel: string, message: RESTPostAPIChannelMessageJSONBody): Promise<string> {
  try {
    return ((await rest.post(Routes.channelMessages(channel), { body: message })) as APIMessage).id;
  } catch (error) {
    const { message_reference, ...plain } = message;
    if (
      message_reference &&
      error instanceof DiscordAPIError &&
      error.code === RESTJSONErrorCodes.CannotReplyWithoutPermissionToReadMessageHistory
    )
      return post(rest, channel, plain);
    throw refusal(error, 'the sending of a reply');
  }
}

/**
 * Which parts stand there already. History carries no nonce, so they are known by their author, their text and, for the first, the message it
 * answers. A place whose history the bot may not read has the nonce alone.
 */
async function lookBack(rest: REST, selfId: string, channel: string, answered: string, parts: string[]): Promise<string[]> {
  const ids: string[] = [];
  let after = answered;
  for (let page = 0; page < lookBackPages && ids.length < parts.length; page++) {
    const messages = await history(rest, channel, after, pageSize).catch((error: unknown) => {
      const refused = refusal(error, 'a look at the channel');
      if (refused.retryable) throw refused;
      return [];
    });
    for (const message of messages) {
      const part = parts[ids.length];
      if (part === undefined || message.author.id !== selfId || !same(message.content, part)) continue;
      const reference = message.message_reference?.message_id;
      if (ids.length === 0 ? reference === undefined || reference === answered : reference === undefined) ids.push(message.id);
    }
    const newest = messages.at(-1);
    if (messages.length < pageSize || !newest) break;
    after = newest.id;
  }
  return ids;
}

/** The messages right behind `after`, oldest first. */
export async function history(rest: REST, channel: string, after: string, limit: number): Promise<APIMessage[]> {
  const query = new URLSearchParams({ after, limit: String(limit) });
  const messages = (await rest.get(Routes.channelMessages(channel), { query })) as APIMessage[];
  return messages.sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
}

/** Discord trims; whitespace never tells two replies apart. */
function same(one: string, other: string): boolean {
  return one.replace(/\s+/g, ' ').trim() === other.replace(/\s+/g, ' ').trim();
}
