// The skills' examples on disk: a folder is a skill, its examples.json an array of what people say for it.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InferenceError } from './errors.ts';

export interface SkillExamples {
  name: string;
  examples: string[];
  /** There is more than examples in the folder: it answers with facts, and a wrong guess interrupts a conversation. */
  hasFacts: boolean;
}

/** What is none of the skills. */
export const OUT_OF_SCOPE = 'oos';

/** Sorted by name. Rejects with `skill_invalid`, naming the file and what it should be. */
export async function readSkillExamples(skillsDir: string): Promise<SkillExamples[]> {
  const folders = await readdir(skillsDir, { withFileTypes: true }).catch((cause) => {
    throw new InferenceError('skill_invalid', `${skillsDir} cannot be read; SKILLS_DIR must name the folder of the skills`, { cause });
  });
  const names = folders.filter((entry) => entry.isDirectory() && !/^[._]|^node_modules$/.test(entry.name)).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const files = await readdir(join(skillsDir, name));
      return {
        name,
        examples: await readExamples(join(skillsDir, name, 'examples.json')),
        hasFacts: files.some((file) => /^index\.[jt]s$/.test(file)),
      };
    }),
  );
}

async function readExamples(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new InferenceError(
      'skill_invalid',
      `${path} is missing: a skill needs an array of what people say for it; write it, or remove the folder`,
      { cause },
    );
  });
  try {
    const examples = z.array(z.string().trim().min(1)).min(1).parse(JSON.parse(text));
    return [...new Set(examples)];
  } catch (cause) {
    throw new InferenceError('skill_invalid', `${path} must be a JSON array of at least one non-empty string`, { cause });
  }
}

/** One wording of every second situation: what people say when they want no skill. Empty where there are no situations. */
export async function readOrdinaryChat(charactersDir: string): Promise<string[]> {
  const text = await readFile(join(charactersDir, 'situations.jsonl'), 'utf8').catch(() => '');
  const rows = text
    .split('\n')
    .filter(Boolean)
    .filter((_, i) => i % 2 === 0);
  const examples = rows.map((row) => z.object({ examples: z.array(z.string()).min(1) }).parse(JSON.parse(row)).examples);
  return examples.map((wordings) => wordings[2] ?? (wordings[0] as string));
}
