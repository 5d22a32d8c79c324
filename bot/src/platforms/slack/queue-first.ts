// Bolt acknowledges an event before its listeners run. This stands between receiver and app, so that the event is queued before that.
import type { App, Receiver, ReceiverEvent } from '@slack/bolt';
import type { Receive } from './receive.ts';

export interface QueueFirst extends Receiver {
  /** Resolves when the events in hand are queued and acknowledged. */
  settled(): Promise<void>;
}

/** An event whose queueing fails is not acknowledged: the receiver hears of the failure, and Slack sends the event again. */
export function queueFirst(receiver: Receiver, receive: Receive): QueueFirst {
  const inHand = new Set<Promise<void>>();
  return {
    init: (app) => receiver.init({ processEvent: (event: ReceiverEvent) => track(process(app, event)) } as App),
    start: (...args) => receiver.start(...args),
    stop: (...args) => receiver.stop(...args),
    settled: async () => {
      while (inHand.size) await Promise.allSettled(inHand);
    },
  };

  async function process(app: App, event: ReceiverEvent): Promise<void> {
    await receive(event.body);
    // Bolt leaves what it knows no type for without an answer.
    if (event.body.event || event.body.actions) await app.processEvent(event);
    else await event.ack();
  }

  function track(work: Promise<void>): Promise<void> {
    inHand.add(work);
    const done = () => inHand.delete(work);
    work.then(done, done);
    return work;
  }
}
