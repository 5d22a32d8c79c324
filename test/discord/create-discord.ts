// The Discord platform as a test runs it: from an environment, with nothing of the core behind it.
import { pino } from 'pino';
import type { Platform, PlatformContext } from '../../bot/src/platform.ts';
import { createDiscord as create, type DiscordSettings } from '../../bot/src/platforms/discord/discord.ts';
import { platform } from '../../bot/src/platforms/discord/index.ts';

const context: PlatformContext = {
  log: pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' }),
  now: Date.now,
  services: {} as PlatformContext['services'],
};

export function createDiscord(environment: Record<string, string>): Platform {
  const settings = platform.settings.parse(environment);
  if (!settings) throw new Error('Discord is off: there is no DISCORD_TOKEN');
  return create(settings as DiscordSettings, context);
}
