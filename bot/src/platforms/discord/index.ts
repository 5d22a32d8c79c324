// Discord as a platform: mentions, replies, direct messages and threads in; replies, typing and thumbs with them.
import { z } from 'zod';
import type { PlatformModule } from '../../platform.ts';
import type { DiscordSettings } from './discord.ts';

const blankIsUnset = (value: unknown) => (typeof value === 'string' && value.trim() === '' ? undefined : value);

const settings = z
  .object({
    DISCORD_TOKEN: z.preprocess(blankIsUnset, z.string().trim().optional()),
    DISCORD_API_BASE: z.preprocess(
      blankIsUnset,
      z
        .url({ protocol: /^https?$/, error: 'an http or https address, such as https://discord.com/api' })
        .default('https://discord.com/api')
        .transform((url) => url.replace(/\/+$/, '').replace(/\/v\d+$/, '')),
    ),
    DISCORD_MESSAGE_CONTENT: z.preprocess(blankIsUnset, z.enum(['on', 'off']).default('off')),
  })
  .transform(({ DISCORD_TOKEN: token, DISCORD_API_BASE: apiBase, DISCORD_MESSAGE_CONTENT }): DiscordSettings | null =>
    token ? { token, apiBase, messageContent: DISCORD_MESSAGE_CONTENT === 'on' } : null,
  );

export const platform: PlatformModule<DiscordSettings> = {
  name: 'discord',
  settings,
  howToTurnOn: 'set DISCORD_TOKEN; bot/src/platforms/discord/README.md takes five minutes',
  create: async (given, context) => (await import('./discord.ts')).createDiscord(given, context),
};
