// What Discord or the way to it refused, as the error the core acts on: it can try again, or it cannot.
import { DiscordAPIError, GatewayCloseCodes, HTTPError, RateLimitError, RESTJSONErrorCodes } from 'discord.js';
import { TroupeError } from '../../errors.ts';

const portal = 'https://discord.com/developers/applications';

/** What a person with rights over the server or the bot can do about it. */
const remedies: Record<number, string> = {
  [RESTJSONErrorCodes.MissingPermissions]:
    'Give the bot View Channel, Send Messages, Send Messages in Threads and Read Message History there.',
  [RESTJSONErrorCodes.MissingAccess]: 'Give the bot View Channel there.',
  [RESTJSONErrorCodes.UnknownChannel]: 'The channel is gone.',
  [RESTJSONErrorCodes.UnknownMessage]: 'The message is gone: somebody deleted it.',
  [RESTJSONErrorCodes.CannotSendMessagesToThisUser]: 'The person does not take direct messages from the bot.',
};

/** `doing` completes "Discord refused …". */
export function refusal(error: unknown, doing: string): TroupeError {
  if (error instanceof TroupeError) return error;
  if (error instanceof RateLimitError)
    return new TroupeError(
      'discord-rate-limited',
      `Discord asks for ${Math.ceil(error.retryAfter / 1000)} s of patience before ${doing}.`,
      {
        retryable: true,
        cause: error,
      },
    );
  if (error instanceof HTTPError)
    return new TroupeError('discord-failed', `Discord answered ${error.status} to ${doing}.`, { retryable: true, cause: error });
  if (error instanceof DiscordAPIError) {
    // A reply waits for the new token rather than being dropped.
    if (error.status === 401) return tokenRefused(error, true);
    const remedy = remedies[Number(error.code)];
    return new TroupeError('discord-refused', `Discord refused ${doing}: ${error.message} (${error.code}).${remedy ? ` ${remedy}` : ''}`, {
      retryable: error.status === 408 || error.status === 429,
      cause: error,
    });
  }
  return new TroupeError(
    'discord-unreachable',
    `Discord cannot be reached for ${doing}. Check the network, or DISCORD_API_BASE if it is set.`,
    {
      retryable: true,
      cause: error,
    },
  );
}

/** Why the gateway closed for good; undefined for a code after which it reconnects. */
export function closeRefusal(code: number | undefined): TroupeError | undefined {
  switch (code) {
    case GatewayCloseCodes.AuthenticationFailed:
      return tokenRefused();
    case GatewayCloseCodes.DisallowedIntents:
      return new TroupeError(
        'discord-intents-refused',
        `Discord refused the Message Content intent. Turn it on under Bot → Privileged Gateway Intents at ${portal}, or unset DISCORD_MESSAGE_CONTENT: mentions, replies and direct messages work without it.`,
      );
    case GatewayCloseCodes.InvalidShard:
    case GatewayCloseCodes.ShardingRequired:
    case GatewayCloseCodes.InvalidAPIVersion:
    case GatewayCloseCodes.InvalidIntents:
      return new TroupeError(
        'discord-closed',
        `Discord closed the gateway for good (${code} ${GatewayCloseCodes[code]}). A newer Troupe may be needed.`,
      );
    default:
      return undefined;
  }
}

export function tokenRefused(cause?: unknown, retryable = false): TroupeError {
  return new TroupeError(
    'discord-token-refused',
    `Discord refused DISCORD_TOKEN. Copy the bot's token again (Bot → Reset Token at ${portal}); it is not the application id, the public key or the client secret.`,
    { cause, retryable },
  );
}
