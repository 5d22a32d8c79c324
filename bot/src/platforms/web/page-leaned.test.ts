// What the page says a reply leaned on, in a real browser.
import type { Candidate } from '@troupe/inference/contract';
import { expect } from 'vitest';
import { createFakeCore } from '../../../../test/web/fake-core.ts';
import { faint, focused, replies, say, test, visit } from '../../../../test/web/visit.ts';
import type { Answer } from '../../platform.ts';

type Leaning = NonNullable<Candidate['leansOn']>;
const first = '00000000-0000-4000-8000-000000000001';
const leaning = (leansOn: Leaning) => (answer: Answer) => ({
  ...answer,
  candidates: answer.candidates.map((candidate) => ({ ...candidate, leansOn })),
});
const fact: Leaning = { kind: 'fact', it: 'interview: Tomorrow', role: 'user', reply: first, turnsAgo: 1 };

async function open(colorScheme: 'light' | 'dark' = 'light') {
  const fake = createFakeCore();
  const { answerTo } = fake;
  const seen = await visit({ services: fake.services, inbound: fake.inbound, browser: { colorScheme } });
  const { page } = seen;
  /** Says it, has it answered so, and tells what the reply is said to have leaned on. */
  const tell = async (text: string, change: (answer: Answer) => Answer = (answer) => answer) => {
    fake.answerTo = (event) => change(answerTo(event));
    const before = fake.messages.length;
    await say(page, text);
    await replies(page).nth(before).waitFor();
    return page.locator('#backstage .part:has(.leaned)').textContent();
  };
  return { ...seen, tell };
}

test('what a reply leaned on is said in words', async () => {
  const { tell, complaints } = await open();
  expect(await tell('I have an interview tomorrow')).toBe('Leaned onYour message alone.');
  expect(await tell('when is it?', leaning(fact))).toBe(
    'Leaned onWhat you told in the turn before: interview: TomorrowShow in the chat: I have an interview tomorrow',
  );
  expect(await tell('why?', leaning({ kind: 'turn', it: null, role: 'character', reply: first, turnsAgo: 2 }))).toMatch(
    /^Leaned onWhat Vivienne said 2 turns before\.Show in the chat: Nerves, my dear/,
  );
  expect(await tell('ok', leaning({ kind: 'mood', it: 'sadness', role: null, reply: null, turnsAgo: null }))).toBe(
    'Leaned onHow you have been lately: sadness',
  );
  // Of a turn that this page does not have, no words can be shown.
  expect(await tell('still', leaning({ kind: 'topic', it: 'job-loss', role: 'user', reply: 'gone', turnsAgo: 3 }))).toBe(
    'Leaned onWhat the talk has been about for 3 turns: job loss',
  );
  const ruled = (answer: Answer): Answer => ({
    ...answer,
    reply: { ...answer.reply, source: { generator: 'rules', kind: 'safety', id: null } },
    candidates: [],
  });
  expect(await tell('help', ruled)).toBe('Leaned onA rule answered, whatever was said before.');
  expect(complaints).toEqual([]);
});

test('a language model and its adapter are named, and it is not said to have leaned on what nobody knows', async () => {
  const { page, tell } = await open();
  const written = (generator: string) => (answer: Answer) => {
    const source = { generator: 'local', kind: 'model', id: null } as const;
    const candidates = answer.candidates.map((candidate) => ({ ...candidate, source }));
    return { ...answer, reply: { ...answer.reply, source }, candidates, versions: { encoder: '3', generator } };
  };
  const madeBy = () => page.locator('.versions').textContent();
  expect(await tell('hello', written('local/Smol+LM2+v1'))).toMatch(/a language model wrote this, and does not tell which turn/);
  expect(await madeBy()).toBe('said bylocallanguage modelSmol+LM2adapterv1encoder3');
  await tell('hello', written('local/SmolLM2'));
  expect(await madeBy()).toBe('said bylocallanguage modelSmolLM2adapternoneencoder3');
  await tell('hello', written('openai/org/model+x'));
  expect(await madeBy()).toBe('said bylocallanguage modelorg/model+xencoder3');
  await tell('hello', written('lines'));
  expect(await madeBy()).toBe('said bylocalencoder3');
});

test('the words that were leaned on lead back to where they were said', async () => {
  const { page, tell } = await open();
  await tell('I have an interview tomorrow');
  await tell('when is it?', leaning(fact));
  await page.locator('.leaned-words').click();
  expect(await focused(page)).toMatch(/^You: I have an interview tomorrow/);
  await tell('why?', leaning({ ...fact, kind: 'turn', role: 'character' }));
  await page.locator('.leaned-words').press('Enter');
  expect(await focused(page)).toMatch(/^Vivienne Ashgrove.*Nerves, my dear/);
  // On a phone backstage lies over the chat, and makes way.
  await page.setViewportSize({ width: 390, height: 844 });
  await page.locator('.behind').nth(1).click();
  await page.locator('.leaned-words').click();
  expect(await focused(page)).toMatch(/^You: I have an interview tomorrow/);
  expect(await page.evaluate('document.querySelector("#backstage").inert')).toBe(true);
});

for (const colorScheme of ['light', 'dark'] as const)
  test(`what is said of it has enough contrast in ${colorScheme}`, async () => {
    const { page, tell } = await open(colorScheme);
    await tell('I have an interview tomorrow');
    await tell('when is it?', leaning(fact));
    expect(await faint(page, ['.leaned', '.leaned strong', '.leaned-words'])).toEqual([]);
  });
