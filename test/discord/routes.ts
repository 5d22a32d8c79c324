// The routes of Discord's REST API that a chat bot needs, over the world of the fake.
import type { RESTPostAPIChannelMessageJSONBody } from 'discord-api-types/v10';
import { gatewayBot } from './payloads.ts';
import { Refused, type Route } from './rest.ts';
import type { World } from './world.ts';

export interface Effects {
  gatewayUrl(): string;
  /** What the bot may read in the history. */
  intents: number;
  typing(channelId: string): void;
  react(messageId: string, emoji: string): void;
  remove(messageId: string): void;
}

export function discordRoutes(world: World, effects: Effects): Route[] {
  const found = (body: unknown) => ({ status: 200, body });
  const done = { status: 204 };
  return [
    ['GET', /^\/gateway\/bot$/, () => found(gatewayBot(effects.gatewayUrl()))],
    ['GET', /^\/users\/@me$/, () => found(world.bot)],
    [
      'GET',
      /^\/users\/(\d+)$/,
      ([userId = '']) => {
        const person = world.people.get(userId);
        if (!person) throw new Refused(404, 10013, 'Unknown User');
        return found(person.user);
      },
    ],
    [
      'POST',
      /^\/users\/@me\/channels$/,
      (_, { body }) => {
        const recipient = world.people.get(String(body.recipient_id));
        if (!recipient) throw new Refused(400, 50033, 'Invalid Recipient(s)');
        return found(world.channelOf(world.openDm(recipient)));
      },
    ],
    ['GET', /^\/channels\/(\d+)$/, ([channelId = '']) => found(world.channelOf(channelId))],
    [
      'GET',
      /^\/channels\/(\d+)\/messages$/,
      ([channelId = ''], { query }) => found(world.page(channelId, query).map((one) => world.asSeenWith(effects.intents, one))),
    ],
    ['GET', /^\/channels\/\d+\/messages\/(\d+)$/, ([messageId = '']) => found(world.asSeenWith(effects.intents, world.find(messageId)))],
    [
      'POST',
      /^\/channels\/(\d+)\/messages$/,
      ([channelId = ''], { body }) => found(world.post(channelId, body as RESTPostAPIChannelMessageJSONBody)),
    ],
    [
      'POST',
      /^\/channels\/(\d+)\/typing$/,
      ([channelId = '']) => {
        effects.typing(world.channelOf(channelId).id);
        return done;
      },
    ],
    [
      'PUT',
      /^\/channels\/\d+\/messages\/(\d+)\/reactions\/([^/]+)\/@me$/,
      ([messageId = '', emoji = '']) => {
        effects.react(messageId, emoji);
        return done;
      },
    ],
    [
      'DELETE',
      /^\/channels\/\d+\/messages\/(\d+)$/,
      ([messageId = '']) => {
        effects.remove(messageId);
        return done;
      },
    ],
  ];
}
