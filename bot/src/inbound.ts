// What platforms hand in: queued before the promise resolves, so that an acknowledgement is a promise kept.
import type { History } from './memory-history.ts';
import type { Inbound } from './platform.ts';
import type { Queues } from './queue.ts';

export interface InboundOptions {
  queues: Pick<Queues, 'inbox' | 'feedback'>;
  history: History;
  checkpoint(name: 'queued'): Promise<void>;
}

export function createInbound(platform: string, { queues, history, checkpoint }: InboundOptions): Omit<Inbound, 'connection'> {
  return {
    async message(event) {
      if (event.fromBot) return;
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
