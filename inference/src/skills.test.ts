import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadCorpus, situationTexts } from './corpus.ts';
import type { Encoder } from './encoder.ts';
import { type OnnxEncoder, openEncoder } from './onnx-encoder.ts';
import { readRegistry } from './registry.ts';
import { readSettings } from './settings.ts';
import { readOrdinaryChat, readSkillExamples } from './skill-examples.ts';
import { type Intents, openIntents } from './skills.ts';
import { openVectors, type Vectors } from './vectors.ts';

const log = pino({ level: 'silent' });
const folder = mkdtempSync(join(tmpdir(), 'troupe-skills-'));
const { modelsDir, charactersDir, skillsDir } = readSettings({});
let encoder: OnnxEncoder;
let vectors: Vectors;

beforeAll(async () => {
  const registry = await readRegistry(modelsDir);
  encoder = await openEncoder({ registry, threads: 2, log });
  const shippedFile = join(modelsDir, 'encoder', encoder.version, 'lines.vectors');
  vectors = await openVectors({ encoder, shippedFile, cacheDir: join(folder, 'cache'), log });
});
afterAll(async () => {
  await encoder?.close();
  rmSync(folder, { recursive: true });
});

test('a first start finds every vector it needs before its first reply beside the model', async () => {
  const skills = (await readSkillExamples(skillsDir)).flatMap(({ examples }) => examples);
  const missing = [...situationTexts(await loadCorpus(charactersDir)), ...skills].filter((text) => !vectors.has(text));
  expect(missing, 'encoded at every first start; wordings like others belong in wordings.everyday.jsonl').toEqual([]);
});

describe('the skills of the repository', () => {
  let intents: Intents;
  beforeAll(async () => {
    intents = await open(skillsDir, await readOrdinaryChat(charactersDir));
  });

  test.each([
    ['i forgot my password again', 'password-reset'],
    ['hey, where is my order?', 'order-status'],
    ['i want to get my money back please', 'refund'],
    ['can you recommend a good movie for tonight', 'film-recommendation'],
    ['how do i cancel my subscription', 'cancel-subscription'],
    ['can i talk to a real human please', 'talk-to-human'],
    ['tell me a joke please', 'joke'],
    ['thank you so much', 'thanks'],
  ])('hears what %j asks for', async (text, name) => {
    expect((await hear(intents, text)).name).toBe(name);
  });

  test.each([
    'my dog died',
    'my dog died last night',
    'i locked myself out emotionally lol',
    'he cancelled on me again',
    'my life is out of order',
    'i need a break from everything',
    'nobody talks to me',
    'i want my ex back',
    'i want my childhood back',
    'she returned my hoodie and left',
    'i feel broken',
    'everything keeps crashing down on me',
    'i lost my mom in march',
    'i watched a sad film with my sister',
    'my boss reported me to hr',
    'i can not reset my sleep schedule',
    'we were charged with emotion',
    'the delivery of my baby went well',
    'just got back from the gym',
    'the mitochondria is the powerhouse of the cell',
    'what is the capital of mongolia',
    'asdf jkl',
  ])('takes %j for no skill with facts', async (text) => {
    const { name } = await hear(intents, text);
    expect(name === null || !withFacts.has(name)).toBe(true);
  });

  test('interrupts ordinary chat less than once in a hundred messages', async () => {
    // The other wordings of every situation; those about what the skills are for are right to be taken.
    const texts = await otherWordings();
    const { embeddings } = await encoder.encode(texts);
    const taken = texts.filter((_, i) => {
      const { name } = intents.classify(embeddings[i] as Float32Array);
      return name !== null && withFacts.has(name);
    });
    expect(taken.length / texts.length).toBeLessThan(0.01);
  });

  test('orders the alternatives, without what is out of scope', async () => {
    const { alternatives, confidence } = await hear(intents, 'where is my refund for the order');
    expect(alternatives.length).toBeGreaterThan(1);
    expect(alternatives.map((a) => a.confidence)).toEqual(alternatives.map((a) => a.confidence).sort((a, b) => b - a));
    expect(alternatives[0]?.confidence).toBe(confidence);
    expect(alternatives.some(({ name }) => name === 'oos')).toBe(false);
  });
});

describe('learning', () => {
  test('takes what it learned before from the cache, and learns anew when an example is added', async () => {
    const dir = skills({ tea: ['a cup of tea please', 'make me some tea', 'i would like tea'], oos: ['the sky is blue'] });
    const first = await open(dir);
    const again = await open(dir);
    expect(again.version).toBe(first.version);
    expect(await hear(again, 'tea please')).toEqual(await hear(first, 'tea please'));
    write(dir, 'tea', ['a cup of tea please', 'make me some tea', 'i would like tea', 'brew a pot']);
    expect((await open(dir)).version).not.toBe(first.version);
    expect(readdirSync(join(folder, 'cache')).filter((name) => name.startsWith('intents-')).length).toBeGreaterThanOrEqual(2);
  });

  test('hears nothing where there are no skills', async () => {
    expect(await hear(await open(skills({})), 'hello')).toEqual({ name: null, confidence: 0, alternatives: [] });
  });

  test('works with one skill and nothing else', async () => {
    const intents = await open(skills({ tea: ['a cup of tea please', 'make me some tea', 'i would like tea'] }));
    expect((await hear(intents, 'could you make tea')).name).toBe('tea');
    expect((await hear(intents, 'the stock market fell by two percent')).name).toBe(null);
  });

  test('works without a cache folder it may write', async () => {
    writeFileSync(join(folder, 'file'), '');
    const dir = skills({ tea: ['a cup of tea please', 'make me some tea'] });
    await expect(
      openIntents({ skillsDir: dir, chat: [], vectors, encoderChecksum: 'x', cacheDir: join(folder, 'file'), log }),
    ).resolves.toBeDefined();
  });

  test.each([
    ['no array', '{"a": 1}', 'must be a JSON array'],
    ['an empty array', '[]', 'must be a JSON array'],
    ['an empty string', '["tea", " "]', 'must be a JSON array'],
    ['no JSON', 'tea', 'must be a JSON array'],
    ['no file', null, 'is missing'],
  ])('refuses a skill with %s, naming the file', async (_, content, message) => {
    const dir = skills({});
    mkdirSync(join(dir, 'tea'));
    if (content !== null) writeFileSync(join(dir, 'tea/examples.json'), content);
    await expect(open(dir)).rejects.toMatchObject({
      code: 'skill_invalid',
      message: expect.stringContaining(`${join(dir, 'tea/examples.json')} ${message}`),
    });
  });

  test('says which setting names no folder', async () => {
    await expect(open('/nowhere')).rejects.toThrow('SKILLS_DIR');
  });
});

const withFacts = new Set(
  readdirSync(skillsDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && readdirSync(join(skillsDir, entry.name)).includes('index.ts'))
    .map(({ name }) => name),
);

function open(dir: string, chat: string[] = []): Promise<Intents> {
  return openIntents({ skillsDir: dir, chat, vectors, encoderChecksum: encoder.checksum, cacheDir: join(folder, 'cache'), log });
}

async function hear(intents: Intents, text: string) {
  const { embeddings } = await (encoder as Encoder).encode([text]);
  return intents.classify(embeddings[0] as Float32Array);
}

function skills(content: Record<string, string[]>): string {
  const dir = mkdtempSync(join(folder, 'skills-'));
  for (const [name, examples] of Object.entries(content)) {
    mkdirSync(join(dir, name));
    write(dir, name, examples);
  }
  return dir;
}

function write(dir: string, name: string, examples: string[]): void {
  writeFileSync(join(dir, name, 'examples.json'), JSON.stringify(examples));
}

async function otherWordings(): Promise<string[]> {
  const { readFile } = await import('node:fs/promises');
  const rows = (await readFile(join(charactersDir, 'situations.jsonl'), 'utf8')).trim().split('\n');
  return rows.flatMap((row) => (JSON.parse(row).examples as string[]).filter((_, i) => i === 0 || i === 4));
}
