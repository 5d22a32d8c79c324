// What the bot can do for people: every folder of SKILLS_DIR. Its examples teach the intent; an index answers with facts.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Logger } from 'pino';
import { z } from 'zod';
import { TroupeError } from './errors.ts';
import type { Answer, SkillAnswer, SkillRequest } from './skill.ts';

export interface Skills {
  /** All folders, `oos` left out. */
  names: ReadonlySet<string>;
  /** Those that answer with facts. */
  withFacts: ReadonlySet<string>;
  /** The skill's facts; null when it has none, failed (logged) or took too long. */
  answer(skill: string, request: SkillRequest, log: Logger): Promise<SkillAnswer | null>;
}

/** The folder of examples of what is none of the skills. */
const outOfScope = 'oos';
const Examples = z.array(z.string().min(1)).min(1, 'expected at least one example');
const Facts = z.object({ text: z.string().trim().min(1), act: z.string().optional() }).nullable();

/** Throws a TroupeError that names the folder and the fix. */
export async function discoverSkills(skillsDir: string, timeoutMs = 5000): Promise<Skills> {
  const names = new Set<string>();
  const answers = new Map<string, Answer>();
  for (const name of folders(skillsDir)) {
    checkExamples(join(skillsDir, name, 'examples.json'));
    if (name === outOfScope) continue;
    names.add(name);
    const answer = await loadAnswer(join(skillsDir, name));
    if (answer) answers.set(name, answer);
  }
  return {
    names,
    withFacts: new Set(answers.keys()),
    async answer(skill, request, log) {
      try {
        const answered = await within(timeoutMs, answers.get(skill)?.(request));
        return Facts.parse(answered ?? null) as SkillAnswer | null;
      } catch (error) {
        log.warn({ err: error, skill }, 'skill failed; a person is offered instead');
        return null;
      }
    },
  };
}

function folders(skillsDir: string): string[] {
  try {
    return readdirSync(skillsDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
      .map((entry) => entry.name)
      .sort();
  } catch (cause) {
    throw new TroupeError('skills-missing', `SKILLS_DIR=${skillsDir} cannot be read; name a folder with one folder a skill`, { cause });
  }
}

function checkExamples(file: string): void {
  if (!existsSync(file))
    throw new TroupeError('skill-broken', `${file} is missing; put a JSON array of things people say there, or remove the folder`);
  try {
    Examples.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new TroupeError('skill-broken', `${file} must be a JSON array of one or more strings`, { cause });
  }
}

async function loadAnswer(folder: string): Promise<Answer | undefined> {
  const file = ['index.ts', 'index.js', 'index.mjs'].map((name) => join(folder, name)).find((path) => existsSync(path));
  if (!file) return undefined;
  let loaded: { answer?: unknown };
  try {
    loaded = await import(pathToFileURL(file).href);
  } catch (cause) {
    throw new TroupeError(
      'skill-broken',
      `${file} cannot be loaded (${String(cause)}); mend it, or remove it to let the character answer`,
      { cause },
    );
  }
  if (typeof loaded.answer !== 'function')
    throw new TroupeError('skill-broken', `${file} must export a function \`answer\`; see bot/src/skill.ts`);
  return loaded.answer as Answer;
}

function within<T>(ms: number, work: Promise<T> | undefined): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TroupeError('skill-slow', `no answer within ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
