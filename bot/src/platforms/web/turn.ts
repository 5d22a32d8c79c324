// One message sent and its turn followed to the end: updates from the bus, the store as the second source.
import type { Inbound, MessageEvent, Services, TurnUpdate } from '../../platform.ts';
import { Problem } from './problem.ts';

export interface FollowOptions {
  inbound: Pick<Inbound, 'message'>;
  services: Pick<Services, 'watch' | 'outcome'>;
  /** Aborted when the client is gone or the server stops; its reason is thrown. */
  signal: AbortSignal;
  /** After this long a problem says that the reply will be in the history. */
  timeoutMs: number;
  /** How often the store is asked for an end the bus did not bring. */
  pollMs: number;
}

/**
 * Yields every update of the turn that answers `event`; the last one is its end (`reply`, `limited`, `silent` or `failed`).
 * Throws what `message` throws, the signal's reason, or a `late` problem. Leaves nothing behind however it ends.
 */
export async function* followTurn(event: MessageEvent, options: FollowOptions): AsyncGenerator<TurnUpdate> {
  const { inbound, services, signal } = options;
  const arrived: TurnUpdate[] = [];
  let wake = () => {};
  const take = (update: TurnUpdate) => {
    arrived.push(update);
    wake();
  };

  let late = false;
  let asking = false;
  const ask = async () => {
    if (asking) return;
    asking = true;
    const end = await services.outcome(event.address.channel, event.id).catch(() => null);
    asking = false;
    if (end) take(end);
  };

  signal.throwIfAborted();
  // Before the message is queued: the turn may be over before `message` resolves.
  const unwatch = services.watch(event.address.channel, event.id, take);
  const poll = setInterval(ask, options.pollMs);
  const bound = setTimeout(() => {
    late = true;
    wake();
  }, options.timeoutMs);
  const abort = () => wake();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await inbound.message(event);
    while (true) {
      for (let update = arrived.shift(); update; update = arrived.shift()) {
        yield update;
        if (isEnd(update)) return;
      }
      signal.throwIfAborted();
      if (late) throw new Problem('late', 'The reply is still being written. It will be in the history of this conversation.');
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    unwatch();
    clearInterval(poll);
    clearTimeout(bound);
    signal.removeEventListener('abort', abort);
  }
}

function isEnd(update: TurnUpdate): boolean {
  return update.type !== 'read' && update.type !== 'delta';
}

/** A turn's end without a reply, as the problem a caller sees. */
export function refusalOf(update: Exclude<TurnUpdate, { type: 'read' | 'delta' | 'reply' }>): Problem {
  if (update.type === 'limited')
    return new Problem('rate-limited', `Too many turns; try again in ${Math.max(1, Math.ceil(update.retryAfterS))} s.`, {
      retryAfterS: update.retryAfterS,
    });
  if (update.type === 'failed') return new Problem('turn-failed', update.message, { code: update.code, retryAfterS: 5 });
  return new Problem(update.reason, SILENCES[update.reason]);
}

const SILENCES = {
  stopped: 'Somebody wrote `stop` here. Write `start` to wake the bot.',
  'handed-off': 'A person was called, so the character is quiet. Write `start` to wake it.',
  deleted: 'The message was deleted before it was answered.',
  'channel-not-allowed': 'ALLOWED_CHANNELS does not name this conversation.',
} as const;
