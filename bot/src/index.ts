// The bot: everything of it put together and started, and a handle to end it in order.
import type { Store } from '@troupe/prisma';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Bus } from './bus.ts';
import { discoverCharacters } from './characters.ts';
import { createCompose } from './compose.ts';
import { createConversations } from './conversation.ts';
import { createFeedback } from './feedback.ts';
import { createInbound } from './inbound.ts';
import { createInbox } from './inbox.ts';
import { createHistory } from './memory-history.ts';
import { createInboxMemory } from './memory-inbox.ts';
import { createReplyMemory } from './memory-reply.ts';
import { createMetrics } from './metrics.ts';
import { createOutbox } from './outbox.ts';
import { thisProcess } from './owner.ts';
import type { PlatformModule, Services } from './platform.ts';
import { createPlatforms, discoverPlatforms, type PlatformState } from './platforms.ts';
import { createPrivacy } from './privacy.ts';
import type { Queues } from './queue.ts';
import { createReadiness, type Failing } from './readiness.ts';
import { applyRetention } from './retention.ts';
import { createServices } from './services.ts';
import type { BotSettings } from './settings.ts';
import { discoverSkills } from './skills.ts';
import { wordOf } from './words.ts';

export { type Bus, openBus } from './bus.ts';
export { TroupeError } from './errors.ts';
export { createLog } from './log.ts';
export type { PlatformModule } from './platform.ts';
export { discoverPlatforms } from './platforms.ts';
export { openQueues, type Queues } from './queue.ts';
export type { Failing } from './readiness.ts';
export { type BotSettings, type Environment, parseSettings, readEnvironment } from './settings.ts';

/** Points of a turn at which a test may end the process. */
export const checkpoints = [
  'queued',
  'stored',
  'claimed',
  'read-added',
  'read-done',
  'write-added',
  'write-done',
  'reply-stored',
  'sending-marked',
  'sent',
  'sent-marked',
] as const;
export type Checkpoint = (typeof checkpoints)[number];

/** What the bot knows of inference, in this process or elsewhere. */
export interface InferenceView {
  models: Services['models'];
  /** What keeps it from answering; empty when nothing does. */
  failing(): Promise<Failing[]>;
}

export interface BotOptions {
  settings: BotSettings;
  store: Store;
  queues: Queues;
  bus: Bus;
  inference: InferenceView;
  log: Logger;
  /** Inference's metrics are in it too, in one process. */
  registry?: Registry;
  /** As for `parseSettings`; those of platforms/ where they are left out. */
  modules?: readonly PlatformModule[];
  now?: () => number;
  checkpoint?: (name: Checkpoint) => Promise<void>;
  /** Times of the machinery, shorter in tests. */
  pace?: Partial<typeof usualPace>;
}

export interface Bot {
  /** Where the page is; null when no platform has one. */
  address: string | null;
  /** What is connected and what is not, and why, one line each. */
  summary: string[];
  /** The same, now. */
  platforms(): PlatformState[];
  services: Services;
  /** Platforms first, then what is in hand; nothing is lost and nothing said twice. Store, queues and bus stay open: they are the caller's. */
  stop(graceMs?: number): Promise<void>;
}

const usualPace = {
  leaseMs: 15_000,
  sweepMs: 3000,
  readTimeoutMs: 10_000,
  writeTimeoutMs: 30_000,
  tries: 4,
  pauseMs: 3000,
  backoffMs: [1000, 60_000] as [number, number],
};
const retentionEveryMs = 3_600_000;
const minuteMs = 60_000;

/** Rejects with a TroupeError that says what to mend: a character, a skill, a platform's folder, or the page's port. */
export async function startBot(options: BotOptions): Promise<Bot> {
  const { settings, store, queues, bus, inference, log, now = Date.now, checkpoint = async () => {} } = options;
  const pace = { ...usualPace, ...options.pace };
  const { prisma } = store;
  const characters = discoverCharacters(settings.charactersDir, settings.character);
  const skills = await discoverSkills(settings.skillsDir);
  const modules = options.modules ?? (await discoverPlatforms());
  const owner = thisProcess();
  const limitWindowMs = settings.limit?.windowMs ?? minuteMs;

  const metrics = createMetrics({
    registry: options.registry,
    platforms: modules.map(({ name }) => name),
    counts: () => queues.counts(),
    models: async () => (await inference.models()).models,
  });
  const history = createHistory(store.sql, limitWindowMs);
  const memory = createInboxMemory(store.sql, {
    owner: owner.name,
    leaseMs: pace.leaseMs,
    now,
    limitWindowMs,
    standsAlone: (text) => wordOf(text, characters.all) !== null,
  });
  const replies = createReplyMemory(store.sql, { owner: owner.name, now });
  const privacy = createPrivacy(store.sql, replies, owner.name);
  const readiness = createReadiness({
    store,
    queues,
    inference: inference.failing,
    optional: () => platforms.states().flatMap(({ name, connected, off, detail }) => (connected || off ? [] : [{ name, reason: detail }])),
  });
  const listening = new Map<string, Promise<void>>();
  const services = {
    listening,
    characters,
    queues,
    bus,
    history,
    models: inference.models,
    readiness,
    metrics,
    mounts: () => platforms.mounts(),
  };
  const platforms = await createPlatforms({
    modules,
    settings: settings.platforms,
    context: (name) => ({ log: log.child({ platform: name }), now, services: createServices(name, services) }),
    connected: metrics.connected,
    log,
  });
  const outbox = createOutbox({
    database: store.sql,
    owner: owner.name,
    now,
    platform: platforms.of,
    characterName: (slug) => characters.of(slug).nickname,
    resume: memory.resume,
    checkpoint,
    backoffMs: pace.backoffMs,
  });
  const conversations = createConversations({
    inbox: memory,
    replies,
    outbox,
    privacy,
    compose: createCompose({
      queues,
      characters,
      skills,
      crisisText: settings.crisisText,
      limit: settings.limit,
      now,
      checkpoint,
      readTimeoutMs: pace.readTimeoutMs,
      writeTimeoutMs: pace.writeTimeoutMs,
    }),
    bus,
    platform: platforms.of,
    metrics,
    log,
    now,
    leaseMs: pace.leaseMs,
    limitWindowMs,
    notice: firstContact(settings.retentionDays),
    checkpoint,
    tries: pace.tries,
    pauseMs: pace.pauseMs,
  });

  // Embedded, the folder's lock says that nobody else lives.
  await memory.releaseOwners(store.kind === 'embedded' ? () => true : owner.isDead);
  const inbox = createInbox({
    memory,
    run: conversations.run,
    bus,
    capabilities: (name) => platforms.of(name)?.capabilities,
    allowedChannels: settings.allowedChannels,
    trainOn: settings.trainOn,
    metrics,
    log,
    now,
    checkpoint,
  });
  const stopInbox = await queues.inbox.process(inbox, { concurrency: 32 });
  const stopFeedback = await queues.feedback.process(createFeedback({ prisma, metrics, now }), { concurrency: 1 });
  const failedQuietly = (what: string) => (err: unknown) => log.warn({ err }, `${what} failed; tried again later`);
  const sweeping = every(pace.sweepMs, () => conversations.sweep().catch(failedQuietly('sweep')));
  const retaining = every(retentionEveryMs, () =>
    applyRetention({ prisma, days: settings.retentionDays, now, log }).catch(failedQuietly('retention')),
  );

  async function stop(graceMs = 10_000): Promise<void> {
    await platforms.stop();
    await Promise.all([sweeping.stop(), retaining.stop()]);
    await Promise.all([stopInbox(), stopFeedback()]);
    await conversations.stop(graceMs);
  }

  try {
    await platforms.start((name) => createInbound(name, { queues, history, listening, checkpoint }));
  } catch (error) {
    await stop(0);
    throw error;
  }
  const states = platforms.states();
  return {
    address: states.find(({ connected, detail }) => connected && detail.startsWith('http'))?.detail ?? null,
    summary: states.map(
      ({ name, connected, detail, off }) =>
        `${name}: ${connected ? detail : off ? `off (to turn it on: ${detail})` : `not connected: ${detail}`}`,
    ),
    platforms: platforms.states,
    services: createServices('web', services),
    stop,
  };
}

function firstContact(retentionDays: number): string {
  return `I am a bot playing a character. What we write here is kept for ${retentionDays} days to hold a conversation; \`forget me\` removes it, \`help\` says more.`;
}

/** Does the work now and then after each pause, one at a time. */
function every(pauseMs: number, work: () => Promise<unknown>): { stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let going: Promise<unknown>;
  const go = () => {
    going = work().finally(() => {
      if (!stopped) timer = setTimeout(go, pauseMs);
    });
  };
  go();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await going;
    },
  };
}
