// What platforms hand in: queued before the promise resolves, so that an acknowledgement is a promise kept.
import { topicOf } from './bus.ts';
import type { History } from './memory-history.ts';
import type { Inbound } from './platform.ts';
import type { Queues } from './queue.ts';

export interface InboundOptions {
  queues: Pick<Queues, 'inbox' | 'feedback'>;
  history: History;
  /** By topic: resolves once whoever watches the message hears of everything. */
  listening: ReadonlyMap<string, Promise<void>>;
  checkpoint(name: 'queued'): Promise<void>;
}

export function createInbound(platform: string, { queues, history, listening, checkpoint }: InboundOptions): Omit<Inbound, 'connection'> {
  return {
    async message(event) {
      if (event.fromBot) return;
      await listening.get(topicOf(platform, event.address.channel, event.id));
      await queues.inbox.add({ type: 'message', platform, event });
      await checkpoint('queued');
    },
    edit: (event) => queues.inbox.add({ type: 'edit', platform, event }),
    vote: (event) => queues.feedback.add({ platform, event }),
    takesPart: (workspace, channel) => history.takesPart(platform, workspace, channel),
    isOurs: (workspace, messageId) => history.isOurs(platform, workspace, messageId),
    lastSeen: (sinceMs) => history.lastSeen(platform, sinceMs),
  };
}
