import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { check } from './check.ts';
import { fakeEncoder, fakeJob, fakeLines, line } from './fakes.ts';
import { readRegistry, verifyLive } from './registry.ts';
import { openVoice, readVoice } from './voice.ts';
import { createWriter } from './writer.ts';

const modelsDir = fileURLToPath(new URL('../../models', import.meta.url));
const registry = await readRegistry(modelsDir);
const shipped = await verifyLive(registry, 'voice');
const voice = await readVoice(shipped);

test('scores every golden text as Python does', () => {
  const golden = readFileSync(join(shipped.folder, 'golden.jsonl'), 'utf8').trim().split('\n');
  expect(golden.length).toBeGreaterThan(100);
  for (const row of golden) {
    const { text, logProbabilities } = JSON.parse(row) as { text: string; logProbabilities: number[] };
    for (const [k, found] of voice.logProbabilities(text).entries()) expect(found, text).toBeCloseTo(logProbabilities[k] as number, 4);
  }
});

test.each([
  ['walt', 'I shall put the kettle on, and you need not say a word. We will take the ledger one line at a time, with the lobby light on.'],
  ['barnaby', "Come aboard, skipper. There's weather in it, but the tide'll turn, and I'd sooner sit the watch with you than not."],
  ['vivienne', 'My dear, what a lugubrious little scene. I have wept in better lighting, and so shall you.'],
])('knows %s, and refuses the same words from another', (who, text) => {
  expect(voice.strays(text, who)).toBe(false);
  const others = voice.characters.filter((slug) => slug !== who);
  expect(others.filter((slug) => voice.strays(text, slug))).toEqual(others);
});

test('says nothing about a character it has not met', () => {
  expect(voice.strays('My dear, I have wept in better lighting.', 'hamlet')).toBe(false);
});

test('keeps a language model’s candidate in another’s voice from being said', async () => {
  const theirs = "Come aboard, skipper. There's weather in it, but the tide'll turn, and I'd sooner sit the watch with you than not.";
  const model = {
    ...fakeLines([]),
    name: 'openai',
    candidates: async () => [{ ...line(theirs, 1), line: null, source: { generator: 'openai', kind: 'model' as const, id: null } }],
  };
  const said = async (character: string, known: typeof voice | null) => {
    const options = { lines: fakeLines([line('Oh, hon.', 0.3)]), other: model, encoder: fakeEncoder(), cards: new Map(), versions: {} };
    const writer = createWriter({ ...options, voice: known, log: pino({ level: 'silent' }) });
    return (await writer.write(fakeJob({ character }), { signal: new AbortController().signal })).text;
  };
  expect(await said('walt', voice)).toBe('Oh, hon.');
  expect(await said('barnaby', voice)).toBe(theirs);
  expect(await said('hamlet', voice)).toBe(theirs);
  expect(await said('walt', null)).toBe(theirs);
  expect(check(theirs, { names: [], others: [], prompt: '', history: [], text: '', grave: false, strays: () => true })).toEqual({
    refused: 'out-of-character',
  });
});

test('is absent where the registry names none, and refused where its files are not what they should be', async () => {
  expect(await openVoice({ ...registry, models: registry.models.filter(({ task }) => task !== 'voice') })).toBe(null);
  const folder = mkdtempSync(join(tmpdir(), 'troupe-voice-'));
  cpSync(shipped.folder, folder, { recursive: true });
  writeFileSync(join(folder, 'voice.int8'), Buffer.alloc(10));
  await expect(readVoice({ ...shipped, folder })).rejects.toMatchObject({
    code: 'model_invalid',
    message: expect.stringContaining('has 10 bytes'),
  });
  writeFileSync(join(folder, 'config.json'), '{"schema": 2}');
  await expect(readVoice({ ...shipped, folder })).rejects.toMatchObject({ code: 'model_invalid' });
  rmSync(folder, { recursive: true });
});
