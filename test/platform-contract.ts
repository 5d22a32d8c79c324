// What every platform promises the core, as one suite: each platform's test calls it with a fake outside that speaks its wire.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TroupeError } from '../bot/src/errors.ts';
import type { Address, EditEvent, Inbound, MessageEvent, Outgoing, Platform, VoteEvent } from '../bot/src/platform.ts';

/** One fake outside, with a person, another bot and a shared place in it. Made anew for every test. */
export interface PlatformHarness {
  /** A platform with working credentials, not started. Called again: the process after a restart, against the same outside. */
  create(): Platform;
  /** A platform whose credentials the outside refuses, and the setting its error must name. */
  createRefused(): { platform: Platform; setting: string };
  /** The person writes `text` to the bot in the shared place, with whatever addresses it there (a mention). Never waits for the answer. */
  write(text: string): Promise<{ id?: string; personId?: string }>;
  /** Another bot writes the same way. */
  writeAsBot(text: string): Promise<void>;
  /** The bot's visible messages in the shared place, oldest first. */
  visible(): Promise<{ id: string; text: string }[]>;
  /** The outside accepts the next post and cuts the connection before its answer. */
  loseNextAnswer(): void;
  /** Whom the bot's messages have notified beyond the person answered: `everyone`, a role, a channel. */
  pinged(): Promise<string[]>;
  /** The person puts a thumb on the bot's message, or takes it away. */
  thumb(target: { messageId: string; replyId: string }, thumb: 'up' | 'down', change: 'add' | 'remove'): Promise<void>;
  /** How many events the platform has acknowledged to the outside so far. */
  acknowledged(): number;
  close(): Promise<void>;
}

export type ContractCase =
  | 'message'
  | 'bots'
  | 'acknowledgement'
  | 'ids'
  | 'unknown outcome'
  | 'restart'
  | 'long text'
  | 'mass mentions'
  | 'votes'
  | 'credentials'
  | 'stop';

/** Runs the suite. A case that means nothing on a platform is skipped with its reason. */
export function platformContract(
  name: string,
  makeHarness: () => Promise<PlatformHarness>,
  skips: Partial<Record<ContractCase, string>> = {},
): void {
  describe(`${name} keeps the platform contract`, () => {
    let harness: PlatformHarness;
    let inbound: RecordedInbound;
    const started: Platform[] = [];

    beforeEach(async () => {
      harness = await makeHarness();
      inbound = recordInbound();
    });
    afterEach(async () => {
      inbound.release();
      await Promise.all(started.splice(0).map((platform) => platform.stop()));
      await harness.close();
    });

    const it = (kind: ContractCase, title: string, body: () => Promise<void>) =>
      skips[kind] ? test.skip(`${title} (not here: ${skips[kind]})`, body) : test(title, body);
    const start = async () => {
      const platform = harness.create();
      started.push(platform);
      await platform.start(inbound);
      return platform;
    };
    /** Starts, and has the person say something, so that there is an address to answer to. */
    const conversation = async () => {
      const platform = await start();
      await harness.write('hello there');
      const { address } = await inbound.nextMessage();
      return { platform, address };
    };
    const send = async (platform: Platform, out: Outgoing) => {
      const { ids } = await platform.send(out);
      for (const id of ids) inbound.ours.add(id);
      return ids;
    };

    it('message', 'hands over one event per message, with id, address, person, and text without the mention', async () => {
      const platform = await start();
      const written = await harness.write('I had a dreadful day');
      const event = await inbound.nextMessage();
      expect(event).toMatchObject({ text: 'I had a dreadful day', fromBot: false });
      expect(event.id).toBe(written.id ?? event.id);
      expect(event.person.id).toBe(written.personId ?? event.person.id);
      expect(event.person.name).not.toBe('');
      expect(event.address.workspace).not.toBe('');
      expect(event.address.channel).not.toBe('');
      expect(JSON.parse(JSON.stringify(event.address))).toEqual(event.address);
      expect(Object.values(event.address.place).every((value) => typeof value === 'string')).toBe(true);
      expect(Math.abs(Date.now() - event.sentAtMs)).toBeLessThan(3_600_000);
      await harness.write('and then it rained');
      expect((await inbound.nextMessage()).text).toBe('and then it rained');
      await platform.stop();
      expect(new Set(inbound.messages.map((message) => message.id)).size).toBe(2);
    });

    it('bots', 'answers neither itself nor other bots', async () => {
      const { platform, address } = await conversation();
      await send(platform, outgoing(address, { text: 'said by the bot itself' }));
      await harness.writeAsBot('said by another bot');
      await harness.write('said by a person');
      await inbound.nextMessage((event) => event.text === 'said by a person');
      expect(inbound.messages.filter((event) => !event.fromBot).map((event) => event.text)).toEqual(['hello there', 'said by a person']);
    });

    it('acknowledgement', 'acknowledges an event only once it is durably queued', async () => {
      await start();
      const before = harness.acknowledged();
      inbound.hold();
      await harness.write('keep me');
      await inbound.nextMessage();
      expect(harness.acknowledged()).toBe(before);
      inbound.release();
      await vi.waitFor(() => expect(harness.acknowledged()).toBe(before + 1));
    });

    it('ids', 'returns the ids of what it sent, in order', async () => {
      const { platform, address } = await conversation();
      const first = await send(platform, outgoing(address, { text: 'first' }));
      const second = await send(platform, outgoing(address, { text: 'second' }));
      expect((await harness.visible()).map(({ id }) => id)).toEqual([...first, ...second]);
      expect((await harness.visible()).map(({ text }) => text)).toEqual([
        expect.stringContaining('first'),
        expect.stringContaining('second'),
      ]);
    });

    it('unknown outcome', 'leaves one visible message when the answer to a post was lost', async () => {
      const { platform, address } = await conversation();
      const out = outgoing(address, { text: 'only once' });
      harness.loseNextAnswer();
      // Its own retry may already have found the message; if not, the error says that trying again can help.
      await send(platform, out).catch((error: unknown) => expect(error).toMatchObject({ name: 'TroupeError', retryable: true }));
      const ids = await send(platform, { ...out, attempt: 2 });
      expect((await harness.visible()).map(({ id }) => id)).toEqual(ids);
    });

    it('restart', 'leaves one visible message when the process died between post and answer', async () => {
      const { platform, address } = await conversation();
      const out = outgoing(address, { text: 'only once, over a restart', notice: 'This is a bot.' });
      const ids = await send(platform, out);
      await platform.stop();
      const restarted = await start();
      expect(await send(restarted, { ...out, attempt: 2 })).toEqual(ids);
      expect(await harness.visible()).toHaveLength(ids.length);
    });

    it('long text', 'splits a long reply without losing text', async () => {
      const { platform, address } = await conversation();
      const words = Array.from({ length: 1_500 }, (_, n) => `word${n}`);
      const ids = await send(platform, outgoing(address, { text: words.join(' ') }));
      const visible = await harness.visible();
      expect(visible.map(({ id }) => id)).toEqual(ids);
      expect(visible.flatMap(({ text }) => text.split(/\s+/))).toEqual(words);
      for (const { text } of visible) expect(text.length).toBeLessThanOrEqual(platform.capabilities.maxMessageLength);
    });

    it('mass mentions', 'notifies nobody but the person it answers', async () => {
      const { platform, address } = await conversation();
      await send(platform, outgoing(address, { text: '@everyone @here <!channel> <!everyone> <@&1> wake up' }));
      expect(await harness.visible()).toHaveLength(1);
      expect(await harness.pinged()).toEqual([]);
    });

    it('votes', 'turns thumbs into votes of which the latest wins', async () => {
      const { platform, address } = await conversation();
      const out = outgoing(address, { text: 'How do you like that?' });
      const [messageId = ''] = await send(platform, out);
      const target = { messageId, replyId: out.replyId };
      await harness.thumb(target, 'up', 'add');
      await inbound.nextVote();
      await harness.thumb(target, 'down', 'add');
      await inbound.nextVote();
      await harness.thumb(target, 'down', 'remove');
      await inbound.nextVote();
      const { votes } = inbound;
      expect(votes.map(({ value }) => value)).toEqual(['up', 'down', null]);
      for (const vote of votes) {
        expect([{ messageId }, { replyId: out.replyId }]).toContainEqual(vote.target);
        expect(vote.workspace).toBe(address.workspace);
        expect(vote.person.id).not.toBe('');
      }
      expect([undefined, 'down']).toContain(votes[2]?.retracts);
      expect([...votes].sort((a, b) => a.atMs - b.atMs)).toEqual(votes);
    });

    it('credentials', 'refuses to start with wrong credentials and names the setting', async () => {
      const { platform, setting } = harness.createRefused();
      const error = await platform.start(inbound).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(TroupeError);
      expect(error).toMatchObject({ retryable: false, message: expect.stringContaining(setting) });
      await platform.stop();
    });

    it('stop', 'stops only when what is in hand is queued, and then takes no more', async () => {
      const platform = await start();
      inbound.hold();
      await harness.write('in hand');
      await inbound.nextMessage();
      let stopped = false;
      const stopping = platform.stop().then(() => {
        stopped = true;
      });
      await new Promise(setImmediate);
      expect(stopped).toBe(false);
      inbound.release();
      await stopping;
      expect(inbound.queued).toEqual(inbound.messages);
      await harness.write('too late').catch(() => {});
      await new Promise(setImmediate);
      expect(inbound.messages.map(({ text }) => text)).toEqual(['in hand']);
    });
  });
}

/** An Inbound that remembers, for any test of a platform. */
export interface RecordedInbound extends Inbound {
  /** Everything handed over, in order. `queued` holds the messages whose promise has resolved. */
  messages: MessageEvent[];
  queued: MessageEvent[];
  edits: EditEvent[];
  votes: VoteEvent[];
  connections: { connected: boolean; reason?: string }[];
  /** What `isOurs`, `takesPart` (`workspace channel`) and `lastSeen` answer from. */
  ours: Set<string>;
  places: Set<string>;
  seen: { address: Address; id: string; sentAtMs: number }[];
  /** The next event that was not yet taken and fits; those before it are passed over. */
  nextMessage(fits?: (event: MessageEvent) => boolean): Promise<MessageEvent>;
  nextEdit(fits?: (event: EditEvent) => boolean): Promise<EditEvent>;
  nextVote(fits?: (event: VoteEvent) => boolean): Promise<VoteEvent>;
  nextConnection(connected: boolean): Promise<{ connected: boolean; reason?: string }>;
  /** Nothing is durably queued until `release`. */
  hold(): void;
  release(): void;
  /** The next `count` messages are refused, as when the queue is away. */
  refuse(count: number): void;
}

export function recordInbound(): RecordedInbound {
  const messages = recorder<MessageEvent>();
  const edits = recorder<EditEvent>();
  const votes = recorder<VoteEvent>();
  const connections = recorder<{ connected: boolean; reason?: string }>();
  let gate: { promise: Promise<void>; open(): void } | undefined;
  let refusals = 0;
  const inbound: RecordedInbound = {
    messages: messages.all,
    queued: [],
    edits: edits.all,
    votes: votes.all,
    connections: connections.all,
    ours: new Set(),
    places: new Set(),
    seen: [],
    async message(event) {
      if (refusals > 0) {
        refusals--;
        throw new TroupeError('queue-away', 'The queue is away.', { retryable: true });
      }
      messages.add(event);
      await gate?.promise;
      inbound.queued.push(event);
    },
    async edit(event) {
      edits.add(event);
      await gate?.promise;
    },
    async vote(event) {
      votes.add(event);
      await gate?.promise;
    },
    takesPart: async (workspace, channel) => inbound.places.has(`${workspace} ${channel}`),
    isOurs: async (_workspace, messageId) => inbound.ours.has(messageId),
    lastSeen: async (sinceMs) => inbound.seen.filter(({ sentAtMs }) => sentAtMs >= sinceMs),
    connection: (connected, reason) => connections.add({ connected, reason }),
    nextMessage: messages.next,
    nextEdit: edits.next,
    nextVote: votes.next,
    nextConnection: (connected) => connections.next((event) => event.connected === connected),
    hold() {
      let open = () => {};
      gate ??= {
        promise: new Promise<void>((resolve) => {
          open = resolve;
        }),
        open: () => open(),
      };
    },
    release() {
      gate?.open();
      gate = undefined;
    },
    refuse(count) {
      refusals = count;
    },
  };
  return inbound;
}

let outgoings = 0;

/** A reply ready to send; every call has an outbox id of its own. */
export function outgoing(address: Address, over: Partial<Outgoing> = {}): Outgoing {
  outgoings++;
  return {
    outboxId: `0198f0c2-7d31-7c3e-9a55-${String(outgoings).padStart(12, '0')}`,
    replyId: `0198f0c2-7d31-7c3e-8b66-${String(outgoings).padStart(12, '0')}`,
    address,
    text: 'A reply.',
    character: { slug: 'vivienne', name: 'Vivienne' },
    expression: 'neutral',
    attempt: 1,
    notice: null,
    ...over,
  };
}

function recorder<T>() {
  const all: T[] = [];
  let taken = 0;
  let arrived = () => {};
  return {
    all,
    add(item: T) {
      all.push(item);
      arrived();
    },
    async next(fits: (item: T) => boolean = () => true): Promise<T> {
      for (;;) {
        while (taken < all.length) {
          const item = all[taken++] as T;
          if (fits(item)) return item;
        }
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
    },
  };
}
