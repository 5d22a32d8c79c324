// The connection to Discord: which intents, what is kept in memory, and that nothing which happens on it ends the process.
import { Client, type ClientOptions, GatewayIntentBits, Options, type RateLimitData, SimpleShardingStrategy } from 'discord.js';
import type { Logger } from 'pino';

export interface GatewaySettings {
  apiBase: string;
  /** Asks for the privileged Message Content intent. */
  messageContent: boolean;
}

type ShardManager = Parameters<NonNullable<NonNullable<ClientOptions['ws']>['buildStrategy']>>[0];

/** A request that would wait longer for a rate limit fails, and the core tries again later. */
const longestWaitMs = 15_000;

/** `stopped` says that the client must not connect any more. */
export function createClient({ apiBase, messageContent }: GatewaySettings, log: Logger, stopped: () => boolean): Client {
  return new Client({
    intents: [
      GatewayIntentBits.Guilds,
      GatewayIntentBits.GuildMessages,
      GatewayIntentBits.GuildMessageReactions,
      GatewayIntentBits.DirectMessages,
      GatewayIntentBits.DirectMessageReactions,
      ...(messageContent ? [GatewayIntentBits.MessageContent] : []),
    ],
    shards: 'auto',
    rest: { api: apiBase, rejectOnRateLimit: (limit) => waitsTooLong(limit, log) },
    ws: { buildStrategy: (manager) => guarded(manager, log, stopped) },
    // Channels, roles and names are needed; what people wrote is not: events are read from the gateway's own payloads.
    makeCache: Options.cacheWithLimits({
      MessageManager: 0,
      ReactionManager: 0,
      PresenceManager: 0,
      ThreadMemberManager: 0,
      GuildMemberManager: { maxSize: 0, keepOverLimit: (member) => member.id === member.client.user.id },
      UserManager: { maxSize: 1000, keepOverLimit: (user) => user.id === user.client.user.id },
    }),
  });
}

function waitsTooLong({ route, method, retryAfter, scope, global }: RateLimitData, log: Logger): boolean {
  log.warn({ route, method, retryAfterMs: retryAfter, scope, global }, 'Discord limits the rate');
  return retryAfter > longestWaitMs;
}

function guarded(manager: ShardManager, log: Logger, stopped: () => boolean): SimpleShardingStrategy {
  // discord.js lets what its packet handlers throw end the process.
  const emit = manager.emit.bind(manager) as (...event: unknown[]) => boolean;
  manager.emit = (...event: unknown[]) => {
    try {
      return emit(...event);
    } catch (err) {
      log.error({ err, event: event[0] }, 'an event of the gateway could not be handled');
      return true;
    }
  };
  // A shard that is destroyed between two connections would go on connecting. It asks here first, and then waits for ever.
  const retrieve = manager.options.retrieveSessionInfo;
  manager.options.retrieveSessionInfo = (shardId) => (stopped() ? new Promise(() => {}) : retrieve(shardId));
  return new SimpleShardingStrategy(manager);
}
