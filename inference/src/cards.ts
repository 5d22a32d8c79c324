// The characters' cards (Character Card V3), for those who speak as them with a language model.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InferenceError } from './errors.ts';

export interface Card {
  slug: string;
  name: string;
  /** What others call the character; the name where there is none. */
  nickname: string;
  description: string;
  personality: string;
  scenario: string;
  systemPrompt: string;
  postHistory: string;
  /** Example dialogue, `<START>` between pieces, macros already replaced. */
  examples: string;
}

/** By slug. Rejects with `card_invalid`; a folder without card.json is no character. */
export async function readCards(charactersDir: string): Promise<Map<string, Card>> {
  const folders = await readdir(charactersDir, { withFileTypes: true }).catch((cause) => {
    throw new InferenceError('card_invalid', `${charactersDir} cannot be read; CHARACTERS_DIR must name the folder of the characters`, {
      cause,
    });
  });
  const cards = new Map<string, Card>();
  for (const folder of folders.filter((entry) => entry.isDirectory())) {
    const card = await readCard(join(charactersDir, folder.name, 'card.json'), folder.name);
    if (card) cards.set(folder.name, card);
  }
  return cards;
}

const text = z.string().default('');
const File = z.object({
  data: z.object({
    name: z.string().min(1),
    nickname: z.string().optional(),
    description: text,
    personality: text,
    scenario: text,
    system_prompt: text,
    post_history_instructions: text,
    mes_example: text,
  }),
});

async function readCard(path: string, slug: string): Promise<Card | undefined> {
  const json = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (json === undefined) return undefined;
  try {
    const { data } = File.parse(JSON.parse(json));
    const nickname = data.nickname || data.name;
    const filled = (template: string) => template.replaceAll(/\{\{char\}\}/gi, nickname).replaceAll(/\{\{user\}\}/gi, 'User');
    return {
      slug,
      name: data.name,
      nickname,
      description: filled(data.description),
      personality: filled(data.personality),
      scenario: filled(data.scenario),
      systemPrompt: filled(data.system_prompt),
      postHistory: filled(data.post_history_instructions),
      examples: filled(data.mes_example),
    };
  } catch (cause) {
    throw new InferenceError(
      'card_invalid',
      `${path} is no Character Card V3: ${cause instanceof z.ZodError ? z.prettifyError(cause) : cause}`,
      { cause },
    );
  }
}
