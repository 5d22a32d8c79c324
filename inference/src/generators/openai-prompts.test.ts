// What a server is sent, whole: fixtures/prompts/ holds it, and training/prompt.py keeps to the messages.
// After a change of prompt.ts: `npx vitest run inference/src/generators/openai-prompts.test.ts -u`, then make training/prompt.py follow.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Card } from '../cards.ts';
import type { Emotion, WriteJob } from '../contract.ts';
import { fakeJob, fakeRead, line } from '../fakes.ts';
import { toRequest } from '../generator.ts';
import { estimateTokens } from '../prompt.ts';
import { createOpenAi } from './openai.ts';

interface Case {
  name: string;
  card: Omit<Card, 'slug' | 'examples'>;
  moment: {
    text: string;
    detected: Emotion[];
    history: ['user' | 'character', string][];
    mood: Emotion;
    intensity: number;
    grave: boolean;
  };
  exemplars: string[];
  budget: number;
}

const mate = {
  ...{ name: 'Ida Krog', nickname: 'Ida', description: 'First mate, retired.', personality: 'Dry, kind, brief.', scenario: 'A quay.' },
  ...{ systemPrompt: '', postHistory: '' },
};
const moment: Case['moment'] = {
  ...{ text: 'my dog died last night', detected: ['sadness', 'grief'], history: [] },
  ...{ mood: 'neutral', intensity: 0, grave: false },
};
const exemplars = ['Then we keep a lamp lit for him.', 'Good dogs wait at the gate.', 'Sit. The kettle is on.'];
const long: Case['moment']['history'] = Array.from({ length: 12 }, (_, i) => [
  i % 2 ? 'character' : 'user',
  `${i + 1}: ${'the tide comes in and the tide goes out again, '.repeat(1 + (i % 3))}so it does.`,
]);

const cases: Case[] = [
  { name: 'short', card: mate, moment, exemplars, budget: 3000 },
  { name: 'no-exemplars', card: mate, moment: { ...moment, text: 'what time is it', detected: ['neutral'] }, exemplars: [], budget: 3000 },
  {
    name: 'mood',
    card: { ...mate, systemPrompt: 'Never shout.', postHistory: 'End softly.' },
    moment: {
      ...moment,
      history: long.slice(0, 2),
      mood: 'sadness',
      intensity: 0.6,
      detected: ['sadness', 'neutral', 'love', 'grief', 'fear'],
    },
    exemplars: [...exemplars, 'd', 'e', 'f', 'the seventh is left out'],
    budget: 3000,
  },
  { name: 'grave', card: mate, moment: { ...moment, text: 'i do not want to be here', grave: true }, exemplars, budget: 3000 },
  { name: 'long-history', card: mate, moment: { ...moment, history: long }, exemplars, budget: 480 },
  { name: 'tiny-budget', card: mate, moment: { ...moment, history: long }, exemplars, budget: 10 },
  {
    name: 'long-card',
    card: { ...mate, description: `First mate, retired. ${'She knows every rope on the quay by its name. '.repeat(40)}`.trim() },
    moment: { ...moment, history: long },
    exemplars,
    budget: 600,
  },
  {
    name: 'long-message',
    card: mate,
    moment: { ...moment, text: `my dog died last night. ${'he was a good dog and '.repeat(170)}i miss him`, history: long },
    exemplars,
    budget: 1000,
  },
  {
    name: 'other-languages',
    card: { ...mate, name: 'Ида Крог', nickname: 'Ида', description: 'Старпом на пенсии.' },
    moment: {
      ...{ ...moment, text: '昨晚我的狗死了 🐕 и мне грустно', detected: ['sadness'] },
      history: [
        ['user', 'Привет! Это было давно, и всё же я помню каждый день на этом причале.'],
        ['character', '潮が満ちて、潮が引く。それだけのことさ。'],
        ['user', 'كان كلبا طيبا'],
      ],
    },
    exemplars: ['Тогда оставим для него свет.'],
    budget: 320,
  },
];

let server: Server;
const bodies: Record<string, unknown>[] = [];
beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    bodies.push(JSON.parse(body));
    const choices = [{ index: 0, delta: { content: 'Oh.' }, finish_reason: 'stop' }];
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: ${JSON.stringify({ choices })}\n\ndata: [DONE]\n\n`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => void server.close());

async function sent({ card, moment: { text, detected, history, mood, intensity, grave }, exemplars: shown, budget }: Case) {
  const job: WriteJob = fakeJob({
    ...{ character: 'ida', text, grave, used: ['a secret line id'], conversation: 'a secret conversation' },
    read: { ...fakeRead(), detected },
    mood: { label: mood, valence: 0, intensity, turns: 3 },
    history: history.map(([role, said]) => ({ role, text: said })),
  });
  const generator = createOpenAi({
    ...{ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, apiKey: 'none', model: 'tiny', promptTokens: budget },
    cards: new Map([['ida', { ...card, slug: 'ida', examples: 'Examples are not shown.' }]]),
    log: pino({ level: 'silent' }),
  });
  await generator.candidates(
    toRequest(
      job,
      shown.map((said) => line(said)),
    ),
    new AbortController().signal,
  );
  return bodies.pop() as { messages: { role: string; content: string }[] };
}

test.each(cases)('sends card, mood, history and exemplars within the budget, and nothing else: $name', async (given) => {
  const { messages, ...rest } = await sent(given);
  const golden = { ...given, messages, rest };
  await expect(`${JSON.stringify(golden, null, 1)}\n`).toMatchFileSnapshot(`../fixtures/prompts/${given.name}.json`);

  const { card, moment: asked, budget } = given;
  for (const text of [card.name, card.description, card.personality, card.scenario, card.systemPrompt, card.postHistory])
    expect(messages[0]?.content).toContain(text);
  expect(messages.at(-1)).toEqual({ role: 'user', content: asked.text });
  expect(Object.keys(rest).sort()).toEqual(['max_tokens', 'model', 'stop', 'stream', 'temperature', 'top_p']);
  expect(JSON.stringify(messages)).not.toMatch(/secret|Examples are not shown/);

  const kept = messages.slice(1, -1).map(({ content }) => content);
  expect(kept).toEqual(asked.history.slice(asked.history.length - kept.length).map(([, said]) => said));
  const bare = { ...given, moment: { ...asked, history: [] }, exemplars: [] };
  const least = (await sent(bare)).messages.reduce((sum, { content }) => sum + estimateTokens(content), 0);
  const all = messages.reduce((sum, { content }) => sum + estimateTokens(content), 0);
  expect(all).toBeLessThanOrEqual(Math.max(budget, least));
});
