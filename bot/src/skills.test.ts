import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { SkillRequest } from './skill.ts';
import { discoverSkills } from './skills.ts';

const log = pino({ level: 'silent' });
const request = { text: 'when do you open?' } as SkillRequest;

function folder(skills: Record<string, Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-skills-'));
  for (const [name, files] of Object.entries(skills)) {
    mkdirSync(join(dir, name));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, name, file), text);
  }
  writeFileSync(join(dir, 'README.md'), '');
  return dir;
}
const examples = '["when are you open", "opening hours"]';

test('the repository’s own are whole', async () => {
  const { names, withFacts } = await discoverSkills('bot/src/skills');
  expect(names.has('oos')).toBe(false);
  expect([...withFacts]).toEqual(expect.arrayContaining(['film-recommendation', 'refund']));
});

test('a folder is a skill; with an index it answers with facts', async () => {
  const skills = await discoverSkills(
    folder({
      hours: {
        'examples.json': examples,
        'index.ts': "export const answer = async ({ text }: { text: string }) => ({ text: 'Nine to five. (' + text + ')' });",
      },
      plain: { 'examples.json': examples, 'index.js': 'export const answer = async () => null;' },
      joke: { 'examples.json': examples },
      oos: { 'examples.json': examples },
    }),
  );
  expect([...skills.names]).toEqual(['hours', 'joke', 'plain']);
  expect([...skills.withFacts]).toEqual(['hours', 'plain']);
  expect(await skills.answer('hours', request, log)).toEqual({ text: 'Nine to five. (when do you open?)' });
  expect(await skills.answer('plain', request, log)).toBeNull();
  expect(await skills.answer('joke', request, log)).toBeNull();
});

test('a skill that fails, hangs or answers nonsense has no facts', async () => {
  const skills = await discoverSkills(
    folder({
      fails: { 'examples.json': examples, 'index.js': "export const answer = async () => { throw new Error('no database'); };" },
      throws: { 'examples.json': examples, 'index.js': "export const answer = () => { throw new Error('at once'); };" },
      hangs: { 'examples.json': examples, 'index.js': 'export const answer = () => new Promise(() => {});' },
      nonsense: { 'examples.json': examples, 'index.js': 'export const answer = async () => 42;' },
      blank: { 'examples.json': examples, 'index.js': "export const answer = async () => ({ text: ' ' });" },
    }),
    20,
  );
  for (const name of skills.names) expect([name, await skills.answer(name, request, log)]).toEqual([name, null]);
});

test.each([
  [{ hours: {} }, /hours\/examples\.json is missing; put a JSON array/],
  [{ hours: { 'examples.json': '{}' } }, /hours\/examples\.json must be a JSON array/],
  [{ hours: { 'examples.json': '[]' } }, /hours\/examples\.json must be a JSON array of one or more/],
  [{ hours: { 'examples.json': examples, 'index.js': 'export const reply = 1;' } }, /hours\/index\.js must export a function `answer`/],
  [{ hours: { 'examples.json': examples, 'index.js': 'export const answer = (;' } }, /hours\/index\.js cannot be loaded .*; mend it/],
] as [Record<string, Record<string, string>>, RegExp][])('stops at %j, saying what to do', async (skills, sentence) => {
  await expect(discoverSkills(folder(skills))).rejects.toThrow(sentence);
});

test('a missing SKILLS_DIR is named', async () => {
  await expect(discoverSkills('/nowhere/skills')).rejects.toThrow(/SKILLS_DIR=\/nowhere\/skills cannot be read/);
});
