// What one turn is answered with: rules first, then the reading, the route, the facts, and the words for them.
import type { Read, SafetyScore, WriteJob, Written } from '@troupe/inference/contract';
import { CONTRACT_VERSION } from '@troupe/inference/contract';
import type { Logger } from 'pino';
import type { Characters } from './characters.ts';
import { cleanOutgoing } from './clean.ts';
import { TroupeError } from './errors.ts';
import { type Limit, underLimit } from './limits.ts';
import type { Turn } from './memory.ts';
import type { Composed, Effects, Silence } from './memory-reply.ts';
import { moodAfter, moodAt, moodless } from './mood.ts';
import { type Plan, planByRules, planOfRoute } from './plan.ts';
import type { TurnIntent } from './platform.ts';
import type { Queues } from './queue.ts';
import { route } from './router.ts';
import { dangerIn } from './safety.ts';
import type { Skills } from './skills.ts';
import { wordOf } from './words.ts';

export interface ComposeOptions {
  queues: Pick<Queues, 'read' | 'write'>;
  characters: Characters;
  skills: Skills;
  crisisText: string;
  limit: Limit | null;
  now: () => number;
  checkpoint(name: 'read-added' | 'read-done' | 'write-added' | 'write-done'): Promise<void>;
  /** How long inference may take before the turn is put off. */
  readTimeoutMs?: number;
  writeTimeoutMs?: number;
}

export interface Occasion {
  log: Logger;
  signal: AbortSignal;
  /** How often the turn was composed before with other messages in it. */
  revision: number;
  /** Inference was away too often: say something plain now. */
  lastTry: boolean;
  /** A notice of the limit is told as a reply; otherwise the update `limited` is enough. */
  noticesLimit: boolean;
  /** Says what is stored about the person, for `forget me`. */
  countStored(): Promise<string>;
  onRead(read: Read | null, intent: TurnIntent): void;
  /** Present when somebody may be watching. */
  onDelta?: (text: string) => void;
}

export type Compose = (turn: Turn, occasion: Occasion) => Promise<Composed | Silence>;

/** After a crisis message nothing light is said for so long. */
const graveForMs = 7 * 86_400_000;
/** A crisis is answered without waiting for a reading that does not come. */
const crisisReadMs = 1500;

/** Rejects with a retryable TroupeError while inference is away, unless it is the last try. */
export function createCompose(options: ComposeOptions): Compose {
  const { queues, characters, skills, now, checkpoint, readTimeoutMs = 10_000, writeTimeoutMs = 30_000 } = options;

  return async (turn, occasion) => {
    const { place } = turn;
    const texts = turn.messages.flatMap(({ text }) => (text ? [text] : []));
    if (texts.length === 0) return 'deleted';
    const text = texts.join('\n').slice(0, 4000);
    const word = texts.length === 1 ? wordOf(text, characters.all) : null;
    let danger = dangerIn(text);
    // Silence gives way to a crisis, and to the words that end it or that are a person's right.
    const urgent = danger !== null || word?.word === 'forget me' || word?.word === 'start';
    if (!urgent && place.silent) return 'stopped';
    if (!urgent && place.handedOffAtMs !== null) return 'handed-off';
    const allowance = urgent || word?.word === 'stop' ? 'answer' : underLimit(options.limit, turn.lately);
    if (allowance === 'silence' || (allowance === 'notice' && !occasion.noticesLimit)) return 'limited';

    const slug = (word?.word === 'be' && word.character) || turn.messages.at(-1)?.character || place.character;
    const character = characters.of(slug);
    const startedAtMs = now();
    const timing = {
      queueMs: Math.max(0, turn.openedAtMs - (turn.messages[0]?.receivedAtMs ?? turn.openedAtMs)),
      readMs: 0,
      writeMs: 0,
      totalMs: 0,
    };
    const jobTurn = occasion.revision === 0 ? turn.id : `${turn.id}.${occasion.revision}`;
    const stored = word?.word === 'forget me' ? await occasion.countStored() : '';
    const given = {
      text,
      word,
      danger,
      overLimit: allowance === 'notice',
      stored,
      characters,
      character,
      crisisText: options.crisisText,
    };
    let plan = planByRules(given);

    let read: Read | null = null;
    if (!plan?.said || danger) {
      read = await reading(danger ? crisisReadMs : readTimeoutMs).catch((error: unknown) => {
        if (danger) return null;
        return afterFailure(error, occasion);
      });
      timing.readMs = now() - startedAtMs;
      if (read) await checkpoint('read-done');
    }
    const before = turn.moods[character.slug] ?? moodless;
    // A reading of another language, or of a word for the bot, says nothing about the person.
    const moodState = read && (!plan || danger) ? moodAfter(before, read.emotions, now()) : null;
    const alarm = plan ? undefined : alarmIn(read, 'self-harm');
    if (alarm?.level === 'certain') {
      danger = 'self-harm';
      plan = planByRules({ ...given, danger });
      if (plan) plan.intent = { ...plan.intent, confidence: alarm.score, decidedBy: 'model' };
    }
    if (!plan && read) plan = await planned(read);
    plan ??= { intent: { name: null, confidence: 0, decidedBy: 'rule' }, fallback: apology };
    occasion.onRead(read, plan.intent);

    const wroteFromMs = now();
    const mood = moodAt(moodState ?? before, now());
    const written =
      plan.said ??
      (read ? await writing(plan, read).catch((error: unknown) => afterFailure(error, occasion)) : null) ??
      plainly(plan.fallback);
    timing.writeMs = plan.said ? 0 : now() - wroteFromMs;
    timing.totalMs = now() - (turn.messages[0]?.receivedAtMs ?? startedAtMs);
    return {
      text: cleanOutgoing(written.text).trim() || apology,
      character: { slug: character.slug, version: character.version },
      expression: written.expression,
      source: written.source,
      line: written.line,
      intent: plan.intent,
      mood,
      candidates: written.candidates.map((candidate) => ({ ...candidate, text: cleanOutgoing(candidate.text) })),
      versions: { ...read?.versions, ...written.versions },
      timing,
      read,
      safety: danger ?? 'none',
      moodState,
      effects: (plan.effects ?? {}) satisfies Effects,
    };

    async function reading(timeoutMs: number): Promise<Read> {
      const asking = queues.read({ contract: CONTRACT_VERSION, turnId: jobTurn, text }, { timeoutMs, signal: occasion.signal });
      asking.catch(() => {});
      await checkpoint('read-added');
      return (await asking).result;
    }

    async function planned(read: Read): Promise<Plan> {
      const routed = route(text, read.intent, skills.withFacts);
      const request = { text, read, character: { slug: character.slug, name: character.nickname }, history: turn.history, now };
      const facts = routed.kind === 'facts' ? await skills.answer(routed.skill, request, occasion.log) : null;
      return planOfRoute(routed, facts);
    }

    async function writing(plan: Plan, read: Read): Promise<Written> {
      const job: WriteJob = {
        contract: CONTRACT_VERSION,
        turnId: jobTurn,
        conversation: place.id,
        character: character.slug,
        text,
        read,
        mood,
        history: turn.history,
        used: turn.used,
        facts: plan.facts ?? null,
        act: plan.act ?? null,
        // Where it may be self-harm and is not sure, the character stays, and nothing light is said.
        grave:
          (alarmIn(read, 'self-harm')?.level ?? 'none') !== 'none' || (place.crisisAtMs !== null && now() - place.crisisAtMs < graveForMs),
        stream: occasion.onDelta !== undefined,
      };
      const asking = queues.write(job, {
        timeoutMs: writeTimeoutMs,
        signal: occasion.signal,
        onDelta: occasion.onDelta && ((delta) => occasion.onDelta?.(cleanOutgoing(delta))),
      });
      asking.catch(() => {});
      await checkpoint('write-added');
      const { result } = await asking;
      await checkpoint('write-done');
      return result;
    }
  };
}

function alarmIn(read: Read | null, wanted: SafetyScore['label']): SafetyScore | undefined {
  return read?.safety?.find(({ label }) => label === wanted);
}

const apology =
  'Something on my side is not working right now, so I have no answer for you. Nothing is lost; please write to me again in a few minutes.';

/** A failure that trying again cannot mend, or the last try, becomes something plain. */
function afterFailure(error: unknown, { lastTry, signal, log }: Occasion): null {
  const retryable = !(error instanceof TroupeError) || error.retryable;
  if (signal.aborted || (retryable && !lastTry)) throw error;
  log.error({ err: error }, 'inference has no answer; a plain apology is the reply');
  return null;
}

function plainly(text: string | undefined): Written {
  const said = text ?? apology;
  const kind = said === apology ? 'universal' : 'skill';
  return {
    text: said,
    expression: 'neutral',
    line: null,
    source: { generator: 'rules', kind, id: null },
    candidates: [],
    versions: {},
    tokens: 0,
  };
}
