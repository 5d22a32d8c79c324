// What a character's card (Character Card V3, also V2) gives to speak from: its name, its greetings, its example dialogue.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { InferenceError } from './errors.ts';

export interface CardLines {
  name: string;
  /** What others call the character; the name where there is none. */
  nickname: string;
  /** first_mes and the alternate greetings. */
  greetings: string[];
  /** The example dialogue's pairs of a message and its answer. */
  pairs: { user: string; character: string }[];
}

/** Undefined when there is no such file. Rejects with `card_invalid`. */
export async function readCardLines(file: string): Promise<CardLines | undefined> {
  const json = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (json === undefined) return undefined;
  let card: z.infer<typeof Card>;
  try {
    card = Card.parse(JSON.parse(json.replace(/^\uFEFF/, '')));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new InferenceError('card_invalid', `${file} is no Character Card: ${why}`, { cause });
  }
  const { data } = card;
  const nickname = data.nickname || data.name;
  const filled = (template: string) => template.replaceAll(/\{\{char\}\}|<BOT>/gi, nickname).trim();
  return {
    name: data.name,
    nickname,
    greetings: [data.first_mes, ...data.alternate_greetings].map(filled).filter(sayable),
    pairs: pairsOf(data.mes_example)
      .map(({ user, character }) => ({ user: filled(user), character: filled(character) }))
      .filter(({ user, character }) => sayable(user) && sayable(character)),
  };
}

/** Cards from elsewhere open with whole scenes; a line of a chat is short, and knows no name to put in for {{user}}. */
export const longestLine = 600;

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
const Card = z.object({
  data: z.object({
    name: z.string().min(1),
    nickname: text,
    first_mes: text,
    mes_example: text,
    alternate_greetings: z
      .array(z.string())
      .nullish()
      .transform((value) => value ?? []),
  }),
});

function sayable(line: string): boolean {
  return line.length > 0 && line.length <= longestLine && !/\{\{\w+/.test(line);
}

function pairsOf(example: string): CardLines['pairs'] {
  const pairs: CardLines['pairs'] = [];
  for (const scene of example.split(/<START>/i)) {
    let user: string | undefined;
    for (const { speaker, said } of turnsOf(scene)) {
      if (speaker === 'user') user = said;
      else if (user !== undefined) {
        pairs.push({ user, character: said });
        user = undefined;
      }
    }
  }
  return pairs;
}

function turnsOf(scene: string): { speaker: string; said: string }[] {
  const parts = scene.split(/^\s*(\{\{user\}\}|\{\{char\}\}|<USER>|<BOT>)\s*:/gim);
  const turns: { speaker: string; said: string }[] = [];
  for (let i = 1; i + 1 < parts.length; i += 2)
    turns.push({ speaker: /user/i.test(parts[i] as string) ? 'user' : 'char', said: (parts[i + 1] as string).trim() });
  return turns;
}
