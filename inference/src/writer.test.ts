import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { Card } from './cards.ts';
import { Written } from './contract.ts';
import { InferenceError } from './errors.ts';
import { fakeEncoder, fakeJob, fakeLines, line } from './fakes.ts';
import type { Draft, Generator, StreamingGenerator } from './generator.ts';
import type { Ranker } from './ranker.ts';
import { createWriter, type WriteOptions } from './writer.ts';

test('says the best line and keeps the others as candidates', async () => {
  const reply = await write({ lines: [line('Sit down.', 0.9), line('Oh, hon.', 0.6)] });
  expect(Written.parse(reply)).toEqual({
    text: 'Sit down.',
    expression: 'caring',
    line: 'Sit down.',
    source: { generator: 'lines', kind: 'situation', id: 'lost-job' },
    candidates: [
      {
        text: 'Sit down.',
        line: 'Sit down.',
        source: { generator: 'lines', kind: 'situation', id: 'lost-job' },
        score: 0.9,
        why: 'it fits',
      },
      { text: 'Oh, hon.', line: 'Oh, hon.', source: { generator: 'lines', kind: 'situation', id: 'lost-job' }, score: 0.6, why: 'it fits' },
    ],
    versions: { encoder: 'v1', generator: 'lines' },
    tokens: 0,
  });
});

test('never says a line the person has been told, even when it is offered', async () => {
  const reply = await write({ lines: [line('Sit down.', 0.9, 'd-1'), line('Oh, hon.', 0.6, 'd-2')], job: { used: ['d-1'] } });
  expect(reply.text).toBe('Oh, hon.');
  expect(reply.candidates.map((candidate) => candidate.line)).toEqual(['d-2']);
});

test('fails with a code when nothing is left to say', async () => {
  await expect(write({ lines: [] })).rejects.toMatchObject({ code: 'nothing_to_say', retryable: false });
});

test('sends no pieces of a reply that stands whole', async () => {
  const deltas: string[] = [];
  await write({ lines: [line('Oh, hon. Sit down.')], job: { stream: true }, options: { onDelta: (delta) => deltas.push(delta) } });
  expect(deltas).toEqual([]);
});

test('tells facts verbatim after the line of their act', async () => {
  const facts = { skill: 'film-recommendation', text: '“Paper Moon” (1973),  2 hours @ 9', act: 'film' as const };
  const reply = await write({ lines: [line('Tonight it has to be:', 0.9, 'd-u1')], job: { facts } });
  expect(reply).toMatchObject({
    text: `Tonight it has to be: ${facts.text}`,
    line: 'd-u1',
    source: { generator: 'lines', kind: 'skill', id: 'film-recommendation' },
  });
});

test('tells facts alone where no act is given or no line is left', async () => {
  const facts = { skill: 'refund', text: 'Within 14 days.' };
  expect((await write({ lines: [line('Never this.')], job: { facts } })).text).toBe('Within 14 days.');
  expect(await write({ lines: [], job: { facts: { ...facts, act: 'film' } } })).toMatchObject({ text: 'Within 14 days.', line: null });
});

test('prefers a language model that was asked for over lines that are unsure', async () => {
  const reply = await write({ lines: [line('Oh, hon.', 0.6)], model: saying('They will miss you!') });
  expect(reply).toMatchObject({
    text: 'They will miss you!',
    line: null,
    expression: 'joy',
    tokens: 7,
    source: { generator: 'model', kind: 'model', id: null },
    versions: { generator: 'model' },
  });
  expect(reply.candidates.map(({ source }) => source.generator)).toEqual(['model', 'lines']);
});

test('prefers lines that fit for sure over words far from the message', async () => {
  const reply = await write({ lines: [line('Oh, hon.', 0.9)], model: saying('Bananas are yellow.'), far: ['Bananas are yellow.'] });
  expect(reply.text).toBe('Oh, hon.');
});

test('shows the model the best lines as exemplars', async () => {
  let seen: string[] = [];
  const model = generator(async ({ exemplars }) => {
    seen = exemplars.map(({ text }) => text);
    return [];
  });
  await write({ lines: [line('Oh, hon.'), line('Sit down.')], model });
  expect(seen).toEqual(['Oh, hon.', 'Sit down.']);
});

test.each([
  'User: thanks',
  'Hey @everyone!',
  'June: I would not.',
  '',
  'i lost my job today',
  'You are Delia Marsh. Stay Delia in every word; write only what Delia says',
  'I will hurt you.',
  "I'm June, hon.",
  '- sit\n- eat',
  'Das tut mir so leid, setz dich doch erst einmal zu mir.',
])('lets lines stand in for a model that writes %j', async (text) => {
  const reply = await write({ lines: [line('Oh, hon.', 0.3)], model: saying(text) });
  expect(reply.text).toBe('Oh, hon.');
  expect(reply.candidates).toHaveLength(1);
});

test('lets lines stand in for a model that fails', async () => {
  const model = generator(async () => Promise.reject(new InferenceError('openai_timeout', 'too slow', { retryable: true })));
  expect((await write({ lines: [line('Oh, hon.', 0.3)], model })).text).toBe('Oh, hon.');
});

test('asks no model for an act, nor for facts', async () => {
  const model = generator(async () => expect.unreachable('it should not be asked'));
  expect((await write({ lines: [line('Hello, hon!')], model, job: { act: 'greeting' } })).text).toBe('Hello, hon!');
  expect((await write({ lines: [], model, job: { facts: { skill: 'refund', text: 'Within 14 days.' } } })).text).toBe('Within 14 days.');
});

test('lets nothing light pass when the moment is grave, and keeps a grave face', async () => {
  const job = { grave: true };
  expect((await write({ lines: [line('I am here.', 0.3)], model: saying('Haha, cheer up!'), job })).text).toBe('I am here.');
  expect((await write({ lines: [line('I am here.', 0.3)], model: saying('Stay with me, please!'), job })).expression).toBe('caring');
});

test('ends with the reason it was cancelled for', async () => {
  const stop = new AbortController();
  const model = generator(async () => {
    stop.abort(new Error('no longer wanted'));
    throw new Error('aborted');
  });
  await expect(write({ lines: [line('Oh, hon.')], model, options: { signal: stop.signal } })).rejects.toThrow('no longer wanted');
});

test('streams a model sentence by sentence once its first has won', async () => {
  const { reply, deltas } = await stream(['Oh, hon. ', 'They will miss you! ', 'Eat.']);
  expect(deltas).toEqual(['Oh, hon.', ' They will miss you!', ' Eat.']);
  expect(reply).toMatchObject({ text: 'Oh, hon. They will miss you! Eat.', expression: 'joy', tokens: 3, source: { kind: 'model' } });
});

test('takes the name off before it streams, and says whole what stands in quotation marks', async () => {
  expect((await stream(['Delia: Oh, hon. ', 'Eat.'])).deltas).toEqual(['Oh, hon.', ' Eat.']);
  const quoted = await stream(['"Oh, hon. ', 'Eat."']);
  expect(quoted.reply.text).toBe('Oh, hon. Eat.');
  expect(quoted.deltas).toEqual([]);
});

test('says no sentence that does harm, and none twice', async () => {
  expect(await stream(['Oh, hon. ', 'I will hurt you. ', 'Eat.'])).toMatchObject({ reply: { text: 'Oh, hon.' }, deltas: ['Oh, hon.'] });
  expect(await stream(['I will hurt you. ', 'Eat.'])).toMatchObject({ reply: { text: 'Sit down.' }, deltas: [] });
  const again = await stream(['You can sit down here. ', 'You can sit down here. ', 'You can sit down here.']);
  expect(again.reply.text).toBe('You can sit down here.');
});

test('waits for the first word where a stage direction comes first, and sends no empty pieces', async () => {
  const { reply, deltas } = await stream(['*sighs* ', 'Oh, hon. ', '*pours coffee* ', 'Eat.']);
  expect([reply.text, deltas]).toEqual(['Oh, hon. Eat.', ['Oh, hon.', ' Eat.']]);
});

test('lets every candidate of a model compete, each once', async () => {
  const source = { generator: 'model', kind: 'model' as const, id: null };
  const texts = ['Bananas.', 'Stay a while.', 'Stay a while.', 'User: hi', 'I will hurt you.'];
  const model = generator(async () =>
    texts.map((text) => ({ text, line: null, source, score: 0, why: '', expression: 'neutral', tokens: 3 })),
  );
  const reply = await write({ lines: [line('Oh, hon.', 0.8)], model, far: ['Bananas.'] });
  expect(reply.candidates.map(({ text }) => text)).toEqual(['Stay a while.', 'Oh, hon.', 'Bananas.']);
});

test('ends a streamed reply before a sentence that fails the check', async () => {
  const { reply, deltas } = await stream(['Oh, hon. ', 'Eat.\n', 'User: thanks']);
  expect(deltas.join('')).toBe('Oh, hon. Eat.');
  expect(reply.text).toBe('Oh, hon. Eat.');
});

test('ends a streamed reply where the model breaks off', async () => {
  const { reply, deltas } = await stream(['Oh, hon. ', new Error('the line is dead')]);
  expect([reply.text, deltas]).toEqual(['Oh, hon.', ['Oh, hon.']]);
});

test('answers with the lines, whole, when the model breaks off before its first sentence, or loses', async () => {
  expect(await stream([new Error('the line is dead')])).toMatchObject({ reply: { text: 'Sit down.' }, deltas: [] });
  expect(await stream(['User: hi'])).toMatchObject({ reply: { text: 'Sit down.' }, deltas: [] });
  expect(await stream(['Bananas. ', 'Yellow.'], { far: ['Bananas.'], score: 0.9 })).toMatchObject({
    reply: { text: 'Sit down.' },
    deltas: [],
  });
});

test('lets the ranker have the last word among all candidates, but not in an act or a grave moment', async () => {
  const lines = [line('Sit down.', 0.9), line('Oh, hon.', 0.88)];
  // The other way round, whatever is offered.
  const ranker: Ranker = { version: 'v1', rank: (_, drafts) => [...drafts].reverse() };
  expect((await write({ lines, ranker })).text).toBe('Oh, hon.');
  expect((await write({ lines, ranker, model: saying('Stay a while.') })).candidates.map(({ text }) => text)).toEqual([
    'Oh, hon.',
    'Sit down.',
    'Stay a while.',
  ]);
  for (const job of [{ grave: true }, { act: 'greeting' as const }]) expect((await write({ lines, ranker, job })).text).toBe('Sit down.');
});

test('streams a model’s reply only where the ranker leaves it the first', async () => {
  const ranker: Ranker = { version: 'v1', rank: (_, drafts) => [...drafts].reverse() };
  expect(await stream(['Oh, hon. ', 'Eat.'], { ranker })).toMatchObject({ reply: { text: 'Sit down.' }, deltas: [] });
});

interface Setting {
  lines: Draft[];
  ranker?: Ranker;
  model?: Generator;
  job?: Parameters<typeof fakeJob>[0];
  far?: string[];
  options?: Partial<WriteOptions>;
}

function write({ lines, ranker, model, job, far = [], options = {} }: Setting) {
  const writer = createWriter({
    lines: fakeLines(lines),
    other: model ?? null,
    encoder: fakeEncoder(far),
    ranker: ranker ?? null,
    cards: new Map([card('delia', 'Delia Marsh', 'Delia'), card('june', 'June Okonkwo', 'June')]),
    versions: { encoder: 'v1', generator: model?.name ?? 'lines' },
    log: pino({ level: 'silent' }),
  });
  return writer.write(fakeJob(job), { signal: new AbortController().signal, ...options });
}

async function stream(
  sentences: (string | Error)[],
  { far = [], score = 0.5, ranker }: { far?: string[]; score?: number; ranker?: Ranker } = {},
) {
  const model: StreamingGenerator = {
    ...generator(async () => []),
    capabilities: { streams: true, languageModel: true },
    async *sentences() {
      for (const text of sentences) {
        if (text instanceof Error) throw text;
        yield { text, tokens: 1 };
      }
    },
  };
  const deltas: string[] = [];
  const reply = await write({
    lines: [line('Sit down.', score)],
    model,
    far,
    ...(ranker && { ranker }),
    job: { stream: true },
    options: { onDelta: (delta) => deltas.push(delta) },
  });
  return { reply, deltas };
}

function saying(text: string): Generator {
  const source = { generator: 'model', kind: 'model' as const, id: null };
  return generator(async () => [{ text, line: null, source, score: 0, why: '', expression: 'neutral', tokens: 7 }]);
}

function generator(candidates: Generator['candidates']): Generator {
  return {
    name: 'model',
    capabilities: { streams: false, languageModel: true },
    load: async () => {},
    candidates,
    failing: () => null,
    close: async () => {},
  };
}

function card(slug: string, name: string, nickname: string): [string, Card] {
  return [slug, { slug, name, nickname, description: '', personality: '', scenario: '', systemPrompt: '', postHistory: '', examples: '' }];
}
