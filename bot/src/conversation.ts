// A turn from its claim to the next one: composed, stored, sent; each step can be done again by whoever takes it up.
import type { Logger } from 'pino';
import { toAnswer, toReadUpdate } from './answer.ts';
import type { Bus } from './bus.ts';
import { topicOf } from './bus.ts';
import type { Compose } from './compose.ts';
import { goesInCircles } from './loop.ts';
import type { Turn, Unsent } from './memory.ts';
import { silenceUpdate } from './memory-history.ts';
import type { InboxMemory } from './memory-inbox.ts';
import { addressOf, type Composed, type ReplyMemory, type Silence } from './memory-reply.ts';
import type { Metrics, Outcome } from './metrics.ts';
import type { Outbox } from './outbox.ts';
import { storedText } from './plan.ts';
import type { Platform, TurnUpdate } from './platform.ts';
import type { Privacy } from './privacy.ts';

export interface ConversationOptions {
  inbox: Pick<InboxMemory, 'resume' | 'renew' | 'release' | 'neglected'>;
  replies: ReplyMemory;
  outbox: Outbox;
  privacy: Privacy;
  compose: Compose;
  bus: Pick<Bus, 'publish'>;
  platform(name: string): Pick<Platform, 'capabilities' | 'typing'> | undefined;
  metrics: Metrics;
  log: Logger;
  now: () => number;
  leaseMs: number;
  limitWindowMs: number;
  /** Said once to every person on platforms that need it. */
  notice: string;
  checkpoint(name: 'claimed' | 'reply-stored'): Promise<void>;
  /** How often inference may be away before a plain apology is said, and the pause before it is asked again. */
  tries?: number;
  pauseMs?: number;
  /** Turns in hand at once. */
  room?: number;
}

export interface Conversations {
  /** Runs the turn and those that follow it. Resolves when there is room for another one, not when it is over. */
  run(turn: Turn): Promise<void>;
  /** Takes up what nobody takes care of. */
  sweep(): Promise<void>;
  /** Lets the turns in hand finish for so long, then gives them back. */
  stop(graceMs: number): Promise<void>;
}

/** So often a turn may break for reasons that are not inference's. */
const hopelessAfter = 20;
/** Somebody watching is shown that an answer is coming once it takes this long; platforms forget after ten seconds. */
const typingAfterMs = 700;
const typingEveryMs = 8000;

export function createConversations(options: ConversationOptions): Conversations {
  const { inbox, replies, outbox, privacy, bus, metrics, now, checkpoint, tries = 4, pauseMs = 5000, room = 256 } = options;
  const inHand = new Map<string, AbortController>();
  const running = new Set<Promise<void>>();
  const waiting: (() => void)[] = [];
  const failures = new Map<string, number>();
  let stopping = false;

  const renewing = setInterval(renew, options.leaseMs / 4);

  async function renew(): Promise<void> {
    // A turn that begins while the store is asked is not among those asked for.
    const asked = [...inHand];
    if (asked.length === 0) return;
    const ours = await inbox.renew(asked.map(([id]) => id)).catch(() => null);
    for (const [id, control] of ours ? asked : [])
      if (!ours?.has(id) && inHand.get(id) === control) control.abort(new Error('the turn was taken over'));
  }

  async function runAll(first: Turn): Promise<void> {
    for (let turn: Turn | null = first; turn; ) turn = await runOne(turn);
  }

  async function runOne(turn: Turn): Promise<Turn | null> {
    const log = options.log.child({ turnId: turn.id, platform: turn.place.platform });
    const control = new AbortController();
    inHand.set(turn.id, control);
    if (stopping) control.abort(new Error('stopping'));
    try {
      await checkpoint('claimed');
      const ended = turn.unsent ?? (await reply(turn, log, control.signal));
      if (ended === 'lost') return null;
      const next = typeof ended === 'string' ? await outbox.close(turn) : await send(turn, ended, log, control.signal);
      failures.delete(turn.id);
      return next;
    } catch (err) {
      const failed = (failures.get(turn.id) ?? 0) + 1;
      if (!control.signal.aborted) failures.set(turn.id, failed);
      if (failed > hopelessAfter) return giveUp(turn, log).catch(() => null);
      log.warn({ err, failed }, 'turn put off');
      // Should the store be away as well, the lease runs out by itself.
      await inbox.release([turn.id], stopping ? -1000 : pauseMs).catch(() => {});
      return null;
    } finally {
      inHand.delete(turn.id);
    }
  }

  /** A turn that breaks whatever is done must not keep its conversation for ever. */
  async function giveUp(turn: Turn, log: Logger): Promise<Turn | null> {
    log.error('turn given up');
    failures.delete(turn.id);
    await replies.silence(turn, 'failed');
    tell(turn, silenceUpdate('failed', options.limitWindowMs));
    metrics.turn(turn.place.platform, 'failed');
    return outbox.close(turn);
  }

  /** Composes until the turn's messages stood still meanwhile. */
  async function reply(turn: Turn, log: Logger, signal: AbortSignal): Promise<Unsent | Silence | 'lost'> {
    const platform = options.platform(turn.place.platform);
    const chats = platform?.capabilities.needsNotice ?? false;
    const stopTyping = showTyping(turn, platform);
    try {
      for (;;) {
        const watched = platform?.capabilities.streams ?? false;
        const composed = circles(turn)
          ? 'limited'
          : await options.compose(turn, {
              log,
              signal,
              revision: turn.messages.filter(({ text }) => text === null).length,
              lastTry: (failures.get(turn.id) ?? 0) >= tries - 1,
              noticesLimit: chats,
              countStored: async () => storedText(await privacy.count(turn), chats),
              onRead: (read, intent) => tell(turn, toReadUpdate(read, intent)),
              onDelta: watched ? (text) => tell(turn, { type: 'delta', text }) : undefined,
            });
        if (typeof composed === 'string') {
          await replies.silence(turn, composed);
          tell(turn, silenceUpdate(composed, options.limitWindowMs));
          metrics.turn(turn.place.platform, composed);
          return composed;
        }
        const forgets = composed.intent.name === 'forget me' && composed.intent.decidedBy === 'rule';
        const notice = chats && !forgets && turn.person?.noticed === false ? options.notice : null;
        const stored = forgets ? await privacy.forget(turn, composed) : await replies.answer(turn, composed, notice);
        if (stored === 'lost') return 'lost';
        if (stored !== 'changed') {
          count(turn, composed);
          if (composed.effects.handedOff) log.warn({ conversationId: turn.place.id, channel: turn.place.channel }, 'a person is asked for');
          tell(turn, { type: 'reply', answer: toAnswer({ ...composed, id: stored.replyId, character: composed.character.slug }) });
          await checkpoint('reply-stored');
          return stored;
        }
        const texts = await replies.texts(turn);
        for (const message of turn.messages) message.text = texts.get(message.id) ?? null;
      }
    } finally {
      stopTyping();
    }
  }

  async function send(turn: Turn, unsent: Unsent, log: Logger, signal: AbortSignal): Promise<Turn | null> {
    const fromMs = now();
    const { state, next } = await outbox.deliver(turn, unsent, log, signal);
    metrics.stage('send', now() - fromMs);
    metrics.stage('total', now() - (turn.messages[0]?.receivedAtMs ?? turn.openedAtMs));
    if (state === 'failed') metrics.turn(turn.place.platform, 'failed');
    log.info({ state, attempts: unsent.attempts, ms: now() - turn.openedAtMs }, 'turn ended');
    return next;
  }

  function circles(turn: Turn): boolean {
    const text = turn.messages.map((message) => message.text ?? '').join('\n');
    return turn.messages.every(({ direct }) => !direct) && goesInCircles(text, turn.history);
  }

  function tell(turn: Turn, update: TurnUpdate): void {
    if (!options.platform(turn.place.platform)?.capabilities.streams) return;
    for (const { messageId } of turn.messages) bus.publish(topicOf(turn.place.platform, turn.place.channel, messageId), update);
  }

  function count(turn: Turn, { timing, read, intent, safety, source }: Composed): void {
    const outcome: Outcome =
      safety !== 'none' ? 'crisis' : source.generator === 'rules' && source.kind === 'universal' ? 'apologised' : 'answered';
    metrics.turn(turn.place.platform, outcome);
    metrics.intent(intent.decidedBy);
    metrics.stage('queue', timing.queueMs);
    if (read) {
      metrics.emotions(read.detected);
      metrics.stage('read', timing.readMs);
    }
    if (timing.writeMs > 0) metrics.stage('write', timing.writeMs);
  }

  /** Shows that an answer is coming, until the result is called. */
  function showTyping(turn: Turn, platform: Pick<Platform, 'typing'> | undefined): () => void {
    const show = () => void platform?.typing(addressOf(turn));
    const first = setTimeout(show, typingAfterMs);
    const again = setInterval(show, typingEveryMs);
    return () => {
      clearTimeout(first);
      clearInterval(again);
    };
  }

  async function run(turn: Turn): Promise<void> {
    const all = runAll(turn).finally(() => {
      running.delete(all);
      waiting.shift()?.();
    });
    running.add(all);
    if (running.size >= room) await new Promise<void>((resolve) => waiting.push(resolve));
  }

  return {
    run,

    async sweep() {
      if (stopping) return;
      for (const conversationId of await inbox.neglected(100)) {
        if (stopping) return;
        const turn = await inbox.resume(conversationId);
        if (turn) await run(turn);
      }
    },

    async stop(graceMs) {
      stopping = true;
      const patience = setTimeout(() => {
        for (const control of inHand.values()) control.abort(new Error('stopping'));
      }, graceMs);
      // A platform that never answers must not keep the process: its reply is looked up and sent again by whoever takes the turn up.
      let late: NodeJS.Timeout | undefined;
      const hopeless = new Promise<void>((resolve) => {
        late = setTimeout(resolve, graceMs + 5000);
      });
      await Promise.race([Promise.all(running), hopeless]);
      clearTimeout(patience);
      clearTimeout(late);
      clearInterval(renewing);
      if (inHand.size > 0) await inbox.release([...inHand.keys()], -1000).catch(() => {});
    },
  };
}
