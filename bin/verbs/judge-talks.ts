// What is put before both sides, and one side's talk: every turn a job as the bot makes it, its own replies the history of the next.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { cleanIncoming, cleanOutgoing } from '../../bot/src/clean.ts';
import { moodAfter, moodAt, moodless } from '../../bot/src/mood.ts';
import { dangerIn } from '../../bot/src/safety.ts';
import { CONTRACT_VERSION, Source, type Utterance, Versions, type WriteJob, type Written } from '../../inference/src/contract.ts';
import type { Reader } from '../../inference/src/reader.ts';

/** A message is a conversation of one turn. */
export interface Asked {
  id: string;
  kind: Kind;
  /** What the person writes, whatever is answered. */
  turns: string[];
}

export const Kind = z.enum(['message', 'conversation']);
export type Kind = z.infer<typeof Kind>;

export const Turn = z.object({
  user: z.string(),
  reply: z.string(),
  line: z.string().nullable(),
  source: Source,
});
export const Talk = z.object({ id: z.string(), kind: Kind, character: z.string(), turns: z.array(Turn).min(1) });
export type Talk = z.infer<typeof Talk>;

/** A side's talks as they are kept, and given again as `file:…`. */
export const Transcript = z.object({ schema: z.literal(1), side: z.string(), versions: Versions, talks: z.array(Talk) });
export type Transcript = z.infer<typeof Transcript>;

/** Who answers a job: the writer, or the plain baseline. */
export type Answer = (job: WriteJob) => Promise<Pick<Written, 'text' | 'line' | 'source' | 'versions'>>;

/** One message a line. Rejects naming the file when it is missing or empty. */
export async function readMessages(file: string): Promise<Asked[]> {
  const lines = await linesOf(file);
  return lines.map((text, i) => ({ id: `m${numbered(i)}`, kind: 'message', turns: [text] }));
}

/** JSONL of {"id", "turns": [what the person writes, …]}. */
export async function readConversations(file: string): Promise<Asked[]> {
  const Row = z.object({ id: z.string().min(1), turns: z.array(z.string().trim().min(1)).min(1) });
  const seen = new Set<string>();
  return (await linesOf(file)).map((line, i) => {
    const row = parsed(line, Row, `${file} line ${i + 1}: expected {"id": "c01", "turns": ["what the person writes", …]}`);
    if (seen.has(row.id)) throw bad(`${file} line ${i + 1}: the id ${row.id} stands there twice`);
    seen.add(row.id);
    return { ...row, kind: 'conversation' };
  });
}

/**
 * The bot's rules for mood, history, used lines and what is grave; a turn a minute. Its skills and hand-offs are left out: they say the same
 * whoever writes.
 */
export async function talk(asked: Asked, character: string, reader: Pick<Reader, 'read'>, answer: Answer): Promise<Talk> {
  const turns: Talk['turns'] = [];
  const history: Utterance[] = [];
  const used: string[] = [];
  let mood = moodless;
  let grave = false;
  for (const [n, user] of asked.turns.entries()) {
    const text = cleanIncoming(user);
    const read = await reader.read(text);
    mood = moodAfter(mood, read.emotions, n * 60_000);
    const selfHarm = read.safety?.some(({ label, level }) => label === 'self-harm' && level !== 'none') ?? false;
    const danger = dangerIn(text) !== null;
    const written = await answer({
      contract: CONTRACT_VERSION,
      turnId: `${character}-${asked.id}-${n + 1}`,
      conversation: `${character}-${asked.id}`,
      character,
      text,
      read,
      mood: moodAt(mood, n * 60_000),
      history: history.slice(-mostHistory),
      used: [...used],
      facts: null,
      act: null,
      grave: grave || danger || selfHarm,
      stream: false,
    });
    grave ||= danger;
    const reply = cleanOutgoing(written.text).trim();
    if (written.line) used.push(written.line);
    history.push({ role: 'user', text }, { role: 'character', text: reply });
    turns.push({ user, reply, line: written.line, source: written.source });
  }
  return { id: asked.id, kind: asked.kind, character, turns };
}

/** As many utterances as the bot gives. */
const mostHistory = 12;

/** Parses JSON; says `expected` and why where it is something else. */
export function parsed<T>(json: string, schema: z.ZodType<T>, expected: string): T {
  try {
    return schema.parse(JSON.parse(json));
  } catch (cause) {
    throw bad(`${expected}; found ${cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message}`, cause);
  }
}

/** A fault of what was given: told without a stack. */
export function bad(sentence: string, cause?: unknown): Error {
  return Object.assign(new Error(sentence, { cause }), { code: 'judge_invalid' });
}

async function linesOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw bad(`${file} cannot be read; expected a file with one message or conversation a line`, cause);
  });
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) throw bad(`${file} is empty; expected one message or conversation a line`);
  return lines.map((line) => line.trim());
}

function numbered(i: number): string {
  return String(i + 1).padStart(3, '0');
}
