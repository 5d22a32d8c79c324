// Jobs of the inbox queue: messages and edits made safe and stored, in the order they came within a conversation; turns handed on.
import type { Logger } from 'pino';
import { type Bus, topicOf } from './bus.ts';
import { cleanIncoming } from './clean.ts';
import type { Turn } from './memory.ts';
import type { InboxMemory, Incoming } from './memory-inbox.ts';
import type { Metrics } from './metrics.ts';
import type { Address, Capabilities, MessageEvent, TurnUpdate } from './platform.ts';
import type { Handler, InboxJob } from './queue.ts';

export interface InboxOptions {
  memory: Pick<InboxMemory, 'receive' | 'edit' | 'resume'>;
  run(turn: Turn): Promise<void>;
  bus: Pick<Bus, 'publish'>;
  capabilities(platform: string): Capabilities | undefined;
  /** Null: all. */
  allowedChannels: ReadonlySet<string> | null;
  trainOn: 'votes' | 'derived' | 'text';
  metrics: Pick<Metrics, 'turn'>;
  log: Logger;
  now: () => number;
  checkpoint(name: 'stored'): Promise<void>;
}

/** Resolves once the job's event is stored; the turn it begins runs on its own. */
export function createInbox(options: InboxOptions): Handler<InboxJob> {
  const { memory, bus, metrics, log, now } = options;
  const inOrder = createLanes();

  async function message(platform: string, event: MessageEvent, queueMs: number): Promise<void> {
    if (event.fromBot) return;
    const tell = (update: TurnUpdate) => bus.publish(topicOf(platform, event.address.channel, event.id), update);
    if (!event.direct && !isAllowed(event.address, options.allowedChannels)) {
      metrics.turn(platform, 'channel-not-allowed');
      return tell({ type: 'silent', reason: 'channel-not-allowed' });
    }
    const text = cleanIncoming(event.text);
    if (!text) return tell({ type: 'failed', code: 'empty-message', message: 'Nothing readable is left of the message.' });
    const incoming: Incoming = {
      platform,
      messageId: event.id,
      address: event.address,
      person: event.person,
      text,
      direct: event.direct,
      character: event.character ?? null,
      sentAtMs: event.sentAtMs,
      receivedAtMs: now() - queueMs,
      training: trainingOf(options.capabilities(platform), options.trainOn),
    };
    const turn = await memory.receive(incoming);
    await options.checkpoint('stored');
    if (turn) await options.run(turn);
  }

  return async (job, { queueMs, attempt }) => {
    if (attempt > 1) log.debug({ attempt, type: job.type }, 'inbox job again');
    if (job.type === 'resume') {
      const turn = await memory.resume(job.conversationId);
      if (turn) await options.run(turn);
      return;
    }
    const { platform, event } = job;
    const lane = topicOf(platform, event.address.channel, '');
    await inOrder(lane, async () => {
      if (job.type === 'message') return message(platform, job.event, queueMs);
      const text = job.event.text === null ? null : cleanIncoming(job.event.text) || null;
      return memory.edit(platform, job.event.id, job.event.address, text);
    });
  };
}

/** A thread is allowed where its channel is. */
function isAllowed({ channel, place }: Address, allowed: ReadonlySet<string> | null): boolean {
  if (!allowed) return true;
  return [channel, ...channel.split('/'), ...Object.values(place)].some((id) => allowed.has(id));
}

function trainingOf(capabilities: Capabilities | undefined, trainOn: InboxOptions['trainOn']): Incoming['training'] {
  if (capabilities && !capabilities.trainingNeedsPermission) return 'always';
  return trainOn === 'text' ? 'opted-in' : 'never';
}

/** Work of one lane happens in the order it came, lanes side by side. */
function createLanes(): <T>(lane: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (lane, work) => {
    const mine = (last.get(lane) ?? Promise.resolve()).then(work);
    const settled = mine
      .catch(() => {})
      .then(() => {
        if (last.get(lane) === settled) last.delete(lane);
      });
    last.set(lane, settled);
    return mine;
  };
}
