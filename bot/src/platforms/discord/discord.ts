// Discord's life: logging in, receiving, sending, and an orderly end.
import { type Client, Events, Routes } from 'discord.js';
import { TroupeError } from '../../errors.ts';
import type { Inbound, Platform, PlatformContext } from '../../platform.ts';
import { createClient, type GatewaySettings } from './gateway.ts';
import { type Listener, listen } from './listen.ts';
import { closeRefusal, refusal, tokenRefused } from './refusal.ts';
import { maxMessageLength } from './render.ts';
import { send } from './send.ts';

export interface DiscordSettings extends GatewaySettings {
  token: string;
}

/** How long a start may take before it counts as failed: servers that are away take 15 s of it. */
const startTimeoutMs = 45_000;
/** How far back a place counts as one of the bot's. */
const placesKnownForMs = 30 * 24 * 3_600_000;
/** Typing that comes later would be seen after the reply. */
const typingTimeoutMs = 4_000;

export function createDiscord({ token, ...gateway }: DiscordSettings, { log, now }: PlatformContext): Platform {
  let client: Client | undefined;
  let listener: Listener | undefined;
  let stopped = false;

  return {
    name: 'discord',
    capabilities: { streams: false, needsNotice: true, trainingNeedsPermission: true, maxMessageLength },

    async start(inbound: Inbound) {
      stopped = false;
      const lastSeen = () => inbound.lastSeen(now() - placesKnownForMs);
      // Before anything new is queued: what came after this was missed.
      const seen = await lastSeen();
      const connecting = createClient(gateway, log, () => stopped || client !== connecting);
      client = connecting;
      listener = listen(connecting, inbound, seen, lastSeen, log, now);
      try {
        await login(connecting, token);
      } catch (error) {
        client = undefined;
        await connecting.destroy();
        throw error;
      }
    },

    async send(out) {
      if (!client?.user) throw new TroupeError('discord-unreachable', 'Discord is not connected yet.', { retryable: true });
      // A 401 makes discord.js forget the token; the core decides when to give up.
      client.rest.setToken(token);
      return { ids: await send(client.rest, client.user.id, out) };
    },

    async typing({ place }) {
      const signal = AbortSignal.timeout(typingTimeoutMs);
      await client?.rest
        .post(Routes.channelTyping(place.channel ?? ''), { signal })
        .catch((err: unknown) => log.debug({ err }, 'no typing'));
    },

    async stop() {
      stopped = true;
      await listener?.stop();
      await client?.destroy();
      // Replies whose turn still runs go out after the intake has stopped.
      client?.rest.setToken(token);
    },
  };
}

/** Resolves when every server is known. Rejects with a TroupeError. */
async function login(client: Client, token: string): Promise<void> {
  let closed: number | undefined;
  client.once(Events.ShardDisconnect, ({ code }) => {
    closed = code;
  });
  const ready = new Promise<void>((resolve) => client.once(Events.ClientReady, () => resolve()));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new TroupeError('discord-unreachable', `Discord's gateway did not answer within ${startTimeoutMs / 1000} s.`, {
      retryable: true,
    });
    timer = setTimeout(reject, startTimeoutMs, error);
  });
  try {
    await Promise.race([client.login(token).then(() => ready), late]);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'TokenInvalid') throw tokenRefused(error);
    throw closeRefusal(closed) ?? refusal(error, 'the login');
  } finally {
    clearTimeout(timer);
  }
}
