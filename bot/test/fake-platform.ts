// A platform of pigeons: keeps what was sent, once per outbox id, and can be told to fail.
import { z } from 'zod';
import { TroupeError } from '../src/errors.ts';
import type {
  Capabilities,
  Inbound,
  MessageEvent,
  Outgoing,
  Platform,
  PlatformContext,
  PlatformModule,
  VoteEvent,
} from '../src/platform.ts';

export interface Loft {
  module: PlatformModule;
  inbound: Inbound;
  context: PlatformContext;
  /** What stands there for all to see, in order. */
  seen: (Outgoing & { id: string })[];
  /** Every call of `send`. */
  calls: Outgoing[];
  typed: string[];
  /** Runs before a message is seen, and after; may reject. */
  before: (out: Outgoing) => Promise<void>;
  after: (out: Outgoing) => Promise<void>;
  failsToStart: Error | null;
  say(text: string, over?: Partial<Said>): Promise<string>;
  edit(id: string, text: string | null, over?: Partial<Said>): Promise<void>;
  thumb(over: Partial<VoteEvent> & Pick<VoteEvent, 'target' | 'value'>): Promise<void>;
}

export interface Said {
  who: string;
  where: string;
  id: string;
  direct: boolean;
  character: string;
  fromBot: boolean;
  sentAtMs: number;
}

const usual: Capabilities = { streams: true, needsNotice: true, trainingNeedsPermission: true, maxMessageLength: 2000 };

export function createLoft(name: string, capabilities: Partial<Capabilities> = {}, now: () => number = Date.now): Loft {
  let count = 0;
  const address = (where: string) => ({ workspace: name, channel: where, place: { room: where } });
  const loft: Loft = {
    seen: [],
    calls: [],
    typed: [],
    before: async () => {},
    after: async () => {},
    failsToStart: null,
    inbound: undefined as unknown as Inbound,
    context: undefined as unknown as PlatformContext,
    module: {
      name,
      settings: z.object({ PIGEONS: z.string().optional() }).transform(({ PIGEONS }) => (PIGEONS === 'off' ? null : {})),
      howToTurnOn: 'unset PIGEONS',
      create(_settings, context): Platform {
        loft.context = context;
        return {
          name,
          capabilities: { ...usual, ...capabilities },
          async start(inbound) {
            loft.inbound = inbound;
            if (loft.failsToStart) throw loft.failsToStart;
            inbound.connection(true, `${name} is listening`);
          },
          async send(out) {
            loft.calls.push(out);
            await loft.before(out);
            let one = loft.seen.find(({ outboxId }) => outboxId === out.outboxId);
            if (!one) {
              one = { ...out, id: `${name}-${out.outboxId}` };
              loft.seen.push(one);
            }
            await loft.after(out);
            return { ids: [one.id] };
          },
          async typing({ channel }) {
            loft.typed.push(channel);
          },
          stop: async () => {},
        };
      },
    },
    async say(text, over = {}) {
      const { who = 'ada', where = 'roof', id = `${name}-${count++}`, direct = true, fromBot = false, sentAtMs = now(), character } = over;
      const event: MessageEvent = {
        id,
        address: address(where),
        person: { id: who, name: who },
        text,
        sentAtMs,
        direct,
        character,
        fromBot,
      };
      await loft.inbound.message(event);
      return id;
    },
    edit: (id, text, { where = 'roof' } = {}) => loft.inbound.edit({ id, address: address(where), text }),
    thumb: (over) => loft.inbound.vote({ workspace: name, person: { id: 'ada', name: 'ada' }, via: 'reaction', atMs: now(), ...over }),
  };
  return loft;
}

export const refused = new TroupeError('credentials', 'PIGEON_TOKEN was refused; check it', { retryable: false });
export const busy = new TroupeError('busy', 'the loft is busy', { retryable: true });
