// Who can answer: every folder of CHARACTERS_DIR with a Character Card V3 in card.json.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { TroupeError } from './errors.ts';

export interface Character {
  slug: string;
  name: string;
  /** What people call them: the card's nickname, or the name. */
  nickname: string;
  description: string;
  version: string;
}

export interface Characters {
  /** In the folder's order. */
  all: readonly Character[];
  /** Who answers where nothing else is chosen, or where the chosen one is gone. */
  fallback: Character;
  /** The character of this slug, or the fallback. */
  of(slug: string | null | undefined): Character;
}

/** As much of a card as the bot needs; the rest is kept for those who read it. */
const Card = z.object({
  spec: z.literal('chara_card_v3', 'spec must be "chara_card_v3"'),
  data: z.object({
    name: z.string('data.name must be a name').min(1, 'data.name must not be empty'),
    nickname: z.string().optional(),
    description: z.string().default(''),
    creator_notes: z.string().default(''),
    character_version: z.string().default(''),
  }),
});

/** Throws a TroupeError that names the folder and the fix. */
export function discoverCharacters(charactersDir: string, fallbackSlug: string): Characters {
  const all = folders(charactersDir).map((slug) => character(charactersDir, slug));
  const fallback = all.find(({ slug }) => slug === fallbackSlug);
  if (!fallback) {
    const there = all.map(({ slug }) => slug).join(', ') || 'none';
    throw new TroupeError('unknown-character', `CHARACTER=${fallbackSlug}: not in ${charactersDir}; allowed: ${there}`);
  }
  const bySlug = new Map(all.map((one) => [one.slug, one]));
  return { all, fallback, of: (slug) => bySlug.get(slug ?? '') ?? fallback };
}

function folders(charactersDir: string): string[] {
  try {
    return readdirSync(charactersDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .sort();
  } catch (cause) {
    throw new TroupeError(
      'characters-missing',
      `CHARACTERS_DIR=${charactersDir} cannot be read; name a folder with one folder a character`,
      { cause },
    );
  }
}

function character(charactersDir: string, slug: string): Character {
  const file = join(charactersDir, slug, 'card.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new TroupeError('card-missing', `${file} is missing; put a Character Card V3 there, or remove the folder`, { cause });
  }
  try {
    const { data } = Card.parse(JSON.parse(text));
    const { name, nickname, description, creator_notes, character_version } = data;
    return { slug, name, nickname: nickname || name, description: creator_notes || description, version: character_version || '0' };
  } catch (cause) {
    const why =
      cause instanceof z.ZodError ? cause.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') : String(cause);
    throw new TroupeError('card-invalid', `${file} is no Character Card V3: ${why}`, { cause });
  }
}
