// The port of a skill that answers with facts: bot/src/skills/<name>/index.ts exports `answer`.
import { readFile } from 'node:fs/promises';
import type { Act, Read, Utterance } from '@troupe/inference/contract';

export interface SkillRequest {
  /** Cleaned text of the turn. */
  text: string;
  read: Read;
  character: { slug: string; name: string };
  /** Oldest first, without this turn. */
  history: Utterance[];
  now: () => number;
}

export interface SkillAnswer {
  /** Reaches the person verbatim; a generator may only frame it. */
  text: string;
  /** The character's own line of this act comes first. */
  act?: Act;
}

/** Null: no facts for this, a person is offered instead. Rejections count as null and are logged. */
export type Answer = (request: SkillRequest) => Promise<SkillAnswer | null>;

/**
 * Answers with the text of a file the operator writes, and with nothing (a person is offered) while there is none.
 * Read anew for every answer, so that an edit counts at once.
 */
export function factsFrom(file: URL): Answer {
  return async () => {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    return text.trim() ? { text: text.trim() } : null;
  };
}
