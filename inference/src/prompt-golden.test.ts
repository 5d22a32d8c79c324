// The same prompts as training/prompt.py builds: fixtures/training-prompts.json holds them, and each side's test keeps to it.
// After a change of prompt.ts: `npx vitest run inference/src/prompt-golden.test.ts -u`, then make training/prompt.py follow.
import { expect, test } from 'vitest';
import type { Card } from './cards.ts';
import type { WriteJob } from './contract.ts';
import type { Draft, WriteRequest } from './generator.ts';
import { buildPrompt } from './prompt.ts';

interface Case {
  name: string;
  card: Omit<Card, 'slug' | 'examples'>;
  moment: { text: string; detected: string[]; history: [string, string][]; mood: string; intensity: number; grave: boolean };
  exemplars: string[];
  budget: number;
}

const mate = {
  ...{ name: 'Ida Krog', nickname: 'Ida', description: 'First mate, retired.', personality: 'Dry, kind, brief.', scenario: 'A quay.' },
  ...{ systemPrompt: '', postHistory: '' },
};
const moment = { text: 'my dog died last night', detected: ['sadness', 'grief'], history: [], mood: 'neutral', intensity: 0, grave: false };
const talk: [string, string][] = [
  ['user', 'hey'],
  ['character', 'Hello yourself. What brings you down to the water?'],
  ['user', 'just tired 😴 and a bit low'],
  ['character', 'Sit, then. The tide does the work here.'],
];
const cases: Case[] = [
  { name: 'first message', card: mate, moment, exemplars: [], budget: 3000 },
  { name: 'nothing felt', card: mate, moment: { ...moment, text: 'what time is it', detected: ['neutral'] }, exemplars: [], budget: 3000 },
  {
    name: 'history, mood, exemplars, and all fields of a card',
    card: { ...mate, systemPrompt: 'Never shout.', postHistory: 'End softly.' },
    moment: { ...moment, history: talk, mood: 'sadness', intensity: 0.6, detected: ['sadness', 'neutral', 'love', 'grief', 'fear'] },
    exemplars: ['Then we keep a lamp lit for him.', 'Good dogs wait at the gate.', 'c', 'd', 'e', 'f', 'the seventh'],
    budget: 3000,
  },
  {
    name: 'a faint mood and a grave moment',
    card: mate,
    moment: { ...moment, mood: 'anger', intensity: 0.2, grave: true },
    exemplars: [],
    budget: 3000,
  },
  { name: 'the oldest does not fit', card: mate, moment: { ...moment, history: talk }, exemplars: ['Aye.', 'No.'], budget: 240 },
  { name: 'nothing but card and message fits', card: mate, moment: { ...moment, history: talk }, exemplars: ['Aye.'], budget: 10 },
];

test('builds the prompts that training learns from', async () => {
  const built = cases.map(({ name, card, moment: { text, detected, history, mood, intensity, grave }, exemplars, budget }) => {
    const job = {
      ...{ text, read: { detected }, mood: { label: mood, intensity }, grave },
      history: history.map(([role, said]) => ({ role, text: said })),
    } as unknown as WriteJob;
    const request = { job, exemplars: exemplars.map((said) => ({ text: said }) as Draft) } as unknown as WriteRequest;
    const { messages } = buildPrompt(request, { ...card, slug: 'ida', examples: '' }, budget);
    return { name, card, moment: { text, detected, history, mood, intensity, grave }, exemplars, budget, messages };
  });
  await expect(`${JSON.stringify(built, null, 1)}\n`).toMatchFileSnapshot('fixtures/training-prompts.json');
});
