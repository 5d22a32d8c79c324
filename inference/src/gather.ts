// One write to the socket for all that a turn of the event loop has to say: many turns at once would else pay a system call for every command.
import type { Duplex } from 'node:stream';

/** What this uses of an ioredis client: the socket of the moment, another one after each reconnect. */
interface Client {
  readonly stream: Duplex;
  on(event: 'connect', listener: () => void): unknown;
}

/** Nothing waits longer than the events at hand take; the order stays. */
export function gatherWrites<C extends Client>(client: C): C {
  client.on('connect', () => {
    const { stream } = client;
    const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
    let gathering = false;
    const flush = () => {
      gathering = false;
      stream.uncork();
    };
    stream.write = (...given: unknown[]) => {
      if (!gathering) {
        gathering = true;
        stream.cork();
        setImmediate(flush);
      }
      return write(...given);
    };
  });
  return client;
}
