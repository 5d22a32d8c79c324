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

  /** Null: nothing that gets an answer; whoever watches has been told why. */
  function accepted(platform: string, event: MessageEvent, queueMs: number): Incoming | null {
    if (event.fromBot) return null;
    const tell = (update: TurnUpdate) => bus.publish(topicOf(platform, event.address.channel, event.id), update);
    if (!event.direct && !isAllowed(event.address, options.allowedChannels)) {
      metrics.turn(platform, 'channel-not-allowed');
      tell({ type: 'silent', reason: 'channel-not-allowed' });
      return null;
    }
    const text = cleanIncoming(event.text);
    if (!text) {
      tell({ type: 'failed', code: 'empty-message', message: 'Nothing readable is left of the message.' });
      return null;
    }
    return {
      platform,
      messageId: event.id,
      address: event.address,
      person: { id: event.person.id, name: cleanIncoming(event.person.name).slice(0, 200) || 'somebody' },
      text,
      direct: event.direct,
      character: event.character ?? null,
      sentAtMs: event.sentAtMs,
      receivedAtMs: now() - queueMs,
      training: trainingOf(options.capabilities(platform), options.trainOn),
    };
  }

  return async (job, { queueMs, attempt }) => {
    if (attempt > 1) log.debug({ attempt, type: job.type }, 'inbox job again');
    if (job.type === 'resume') {
      const turn = await memory.resume(job.conversationId);
      if (turn) await options.run(turn);
      return;
    }
    const { platform, event } = job;
    const lane = topicOf(platform, event.address.channel, event.address.workspace);
    if (job.type === 'edit') {
      const text = job.event.text === null ? null : cleanIncoming(job.event.text) || null;
      return inOrder(lane, false, () => memory.edit(platform, event.id, event.address, text));
    }
    const incoming = accepted(platform, job.event, queueMs);
    if (!incoming) return;
    await inOrder(lane, true, async (moreComing) => {
      const turn = await memory.receive(incoming, moreComing);
      await options.checkpoint('stored');
      if (turn) await options.run(turn);
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

/** So many messages may follow each other before one of them has to begin a turn. */
const longestRun = 10;

interface Lane {
  last: Promise<void>;
  /** Pieces of work in it, and how many of them are messages. */
  waiting: number;
  messages: number;
  run: number;
}

/**
 * Work of one lane happens in the order it came, lanes side by side. A message may ask whether another one is waiting behind it: the queue
 * hands over what came within a millisecond in either order, and only the store can put it right, before a turn has begun with one of them.
 */
function createLanes(): (name: string, isMessage: boolean, work: (moreComing: () => boolean) => Promise<void>) => Promise<void> {
  const lanes = new Map<string, Lane>();
  return async (name, isMessage, work) => {
    const lane: Lane = lanes.get(name) ?? { last: Promise.resolve(), waiting: 0, messages: 0, run: 0 };
    lanes.set(name, lane);
    lane.waiting++;
    if (isMessage) lane.messages++;
    const moreComing = () => {
      const more = lane.messages > 1 && lane.run < longestRun;
      lane.run = more ? lane.run + 1 : 0;
      return more;
    };
    const mine = lane.last.then(() => work(moreComing));
    lane.last = mine.catch(() => {});
    try {
      await mine;
    } finally {
      if (isMessage) lane.messages--;
      if (--lane.waiting === 0) lanes.delete(name);
    }
  };
}
