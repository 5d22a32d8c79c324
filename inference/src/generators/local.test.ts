// `local` on a tiny language model (training/tiny_model.py) by the real llama.cpp: what is asked for comes, and nothing is left behind.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createBreaker } from '../breaker.ts';
import { readCards } from '../cards.ts';
import { fakeJob } from '../fakes.ts';
import { toRequest } from '../generator.ts';
import { fitting, readAdapter } from '../local/adapter.ts';
import { openBase } from '../local/base.ts';
import { openLocalModel } from '../local/model.ts';
import { readRegistry, sha256Of } from '../registry.ts';
import { createLocal, type LocalGenerator, type LocalOptions } from './local.ts';

const tiny = 'inference/src/fixtures/tiny.gguf';
const tinyAdapter = 'inference/src/fixtures/tiny-adapter.gguf';
const folder = mkdtempSync(join(tmpdir(), 'troupe-local-'));
const cards = await readCards('characters');
const log = pino({ level: 'silent' });
const never = new AbortController().signal;
const open: LocalGenerator[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((generator) => generator.close()));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function local(given: Partial<LocalOptions> = {}): Promise<LocalGenerator> {
  const generator = createLocal({
    ...{ baseFile: tiny, adapter: null, cards, log, threads: 1, sequences: 2, contextTokens: 2048, totalMs: 60_000 },
    ...given,
  });
  await generator.load();
  open.push(generator);
  return generator;
}
const request = (text = 'my boss yelled at me', turnId = 't1') => toRequest(fakeJob({ text, turnId, character: 'june' }));

describe('a reply', () => {
  it('is offered as often as asked, and the same for the same turn', async () => {
    const generator = await local({ candidates: 3, maxReplyTokens: 12 });
    const [once, twice] = [await generator.candidates(request(), never), await generator.candidates(request(), never)];
    expect(once.map(({ text }) => text)).toEqual(twice.map(({ text }) => text));
    for (const { source, tokens } of once) expect([source.generator, tokens <= 12]).toEqual(['local', true]);
    expect(generator.busy()).toEqual({ busy: 0, waiting: 0 });
  });

  it('comes sentence by sentence where one is asked for, and adds up', async () => {
    const generator = await local({ candidates: 1, maxReplyTokens: 24 });
    let text = '';
    for await (const sentence of generator.sentences(request(), never)) text += sentence.text;
    const [draft] = await generator.candidates(request(), never);
    expect(text.trim()).toBe(draft?.text ?? '');
  });

  it('ends at a stop word', async () => {
    const base = await openBase(tiny, 1);
    const model = await openLocalModel({ base, adapterFile: null, threads: 1, sequences: 1 });
    const tokens = await model.render({ messages: [{ role: 'user', content: 'hello' }], stop: [] });
    const ask = (stop: string[]) => model.write(tokens, { count: 1, maxTokens: 30, stop, seed: 3, temperature: 0, signal: never });
    const [free] = await ask([]);
    const stop = (free?.text ?? '').slice(4, 7);
    const [stopped] = await ask([stop]);
    expect(stopped).toMatchObject({ end: 'stop', text: free?.text.slice(0, free.text.indexOf(stop)) });
    await model.close();
  });

  it('of a prompt longer than the context keeps card and last message, and is refused where even they are too long', async () => {
    const generator = await local({ contextTokens: 2048, maxReplyTokens: 8, candidates: 1 });
    const history = Array.from({ length: 12 }, (_, i) => ({
      role: i % 2 ? ('character' as const) : ('user' as const),
      text: 'so it goes on and on '.repeat(40),
    }));
    await generator.candidates(toRequest(fakeJob({ text: 'hi', character: 'june', history })), never);
    await expect(generator.candidates(request('word '.repeat(3000)), never)).rejects.toMatchObject({ code: 'local_prompt_too_long' });
  });
});

describe('an adapter', () => {
  it('changes what is written', async () => {
    const base = { name: 'tiny', sha256: await sha256Of(tiny) };
    const plain = await local({ candidates: 1, maxReplyTokens: 16 });
    const adapted = await local({ candidates: 1, maxReplyTokens: 16, adapter: { version: 'v1', file: tinyAdapter, base } });
    const texts = await Promise.all([plain, adapted].map(async (generator) => (await generator.candidates(request(), never))[0]?.text));
    expect(texts[0]).not.toBe(texts[1]);
  });

  it('made for another base is refused by name, and leaves a base of one\u2019s own to write alone', async () => {
    const refused: unknown[] = [];
    const told = pino({ level: 'error' }, { write: (line: string) => void refused.push(JSON.parse(line)) });
    const fits = { version: 'v1', file: tinyAdapter, base: { name: 'tiny', sha256: await sha256Of(tiny) } };
    expect(await fitting(fits, tiny, told)).toBe(fits);
    expect(await fitting({ ...fits, base: { name: 'SmolLM2', sha256: 'f'.repeat(64) } }, tiny, told)).toBeNull();
    expect(refused).toMatchObject([{ adapter: 'v1', madeFor: 'SmolLM2', base: tiny }]);
  });

  it('that is no adapter is refused', async () => {
    const file = join(folder, 'bad.gguf');
    writeFileSync(file, readFileSync(tinyAdapter).subarray(0, 1000));
    const base = { name: 'tiny', sha256: await sha256Of(tiny) };
    await expect(local({ adapter: { version: 'v1', file, base } })).rejects.toMatchObject({ code: 'adapter_invalid' });
  });

  it('is the one the registry names, with its sums', async () => {
    const models = join(folder, 'models');
    const version = join(models, 'generator', 'v1');
    mkdirSync(version, { recursive: true });
    const registry = { schema: 1, tasks: { generator: { live: 'v1', versions: ['v1'] } }, generator: { default: 'lines' } };
    writeFileSync(join(models, 'registry.json'), JSON.stringify(registry));
    copyFileSync(tinyAdapter, join(version, 'adapter.gguf'));
    const { createHash } = await import('node:crypto');
    const bytes = readFileSync(tinyAdapter);
    const manifest = {
      ...{
        task: 'generator',
        version: 'v1',
        base: { name: 'tiny', sha256: 'a'.repeat(64) },
        adapter: { kind: 'lora', file: 'adapter.gguf' },
      },
      files: [{ path: 'adapter.gguf', bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }],
    };
    writeFileSync(join(version, 'manifest.json'), JSON.stringify(manifest));
    expect(await readAdapter(await readRegistry(models))).toEqual({
      version: 'v1',
      file: join(version, 'adapter.gguf'),
      base: manifest.base,
    });
    writeFileSync(join(version, 'adapter.gguf'), 'x');
    await expect(readAdapter(await readRegistry(models))).rejects.toMatchObject({ code: 'model_damaged' });
  });
});

describe('a base', () => {
  it.each([
    ['is not here', () => join(folder, 'nowhere.gguf'), 'base_missing'],
    ['is no GGUF', () => 'package.json', 'base_invalid'],
    [
      'is cut short',
      () => {
        const file = join(folder, 'short.gguf');
        writeFileSync(file, readFileSync(tiny).subarray(0, 20_000));
        return file;
      },
      'base_invalid',
    ],
    [
      'is of an architecture nobody knows',
      () => {
        const file = join(folder, 'odd.gguf');
        const bytes = Buffer.from(readFileSync(tiny));
        for (let at = bytes.indexOf('llama'); at >= 0; at = bytes.indexOf('llama', at + 1)) bytes.write('lxyzq', at);
        writeFileSync(file, bytes);
        return file;
      },
      'base_invalid',
    ],
  ])('that %s is refused with its path', async (_, file, code) => {
    const baseFile = file();
    await expect(local({ baseFile })).rejects.toMatchObject({ code, message: expect.stringContaining(baseFile) });
  });

  it('larger than memory is refused before it is loaded', async () => {
    await expect(local({ availableBytes: 1000 })).rejects.toMatchObject({ code: 'base_too_large' });
  });
});

describe('trouble', () => {
  it('an abort frees the sequence', async () => {
    const generator = await local({ candidates: 1, maxReplyTokens: 400 });
    const controller = new AbortController();
    await expect(
      (async () => {
        const writing = generator.candidates(request(), controller.signal);
        controller.abort(new Error('enough'));
        await writing;
      })(),
    ).rejects.toThrow('enough');
    expect(generator.busy()).toEqual({ busy: 0, waiting: 0 });
    expect(await generator.candidates(request(), never)).toBeDefined();
  });

  it('a hundred at once are written or refused as busy, and none is lost', async () => {
    const generator = await local({ candidates: 1, maxReplyTokens: 4, mostWaiting: 16 });
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => generator.candidates(request('hi', `t${i}`), never)));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason.code);
    expect(new Set(refused)).toEqual(new Set(['local_busy']));
    expect(outcomes.length - refused.length).toBeGreaterThanOrEqual(18);
    expect(generator.busy()).toEqual({ busy: 0, waiting: 0 });
    expect(generator.failing()).toBeNull();
  });

  it('one that never stops ends at its length and, when too slow, at its time', async () => {
    const generator = await local({
      candidates: 1,
      contextTokens: 4096,
      maxReplyTokens: 1500,
      totalMs: 1,
      breaker: createBreaker({ failures: 1 }),
    });
    await expect(generator.candidates(request(), never)).rejects.toMatchObject({ code: 'local_timeout' });
    expect(generator.failing()).toMatch(/lines answer/);
    await expect(generator.candidates(request(), never)).rejects.toMatchObject({ code: 'local_paused' });
  });

  it('closing in mid-reply ends it, and those that wait', async () => {
    const generator = await local({ candidates: 1, maxReplyTokens: 1500, sequences: 1 });
    const [one, two] = [generator.candidates(request('a', 'a'), never), generator.candidates(request('b', 'b'), never)];
    const ended = Promise.allSettled([one, two]);
    await generator.close();
    for (const outcome of await ended) expect(outcome.status).toBe('rejected');
  });

  it('two thousand writes leave no sequence, and no memory that grows', async () => {
    const base = await openBase(tiny, 1);
    const model = await openLocalModel({ base, adapterFile: null, threads: 1, sequences: 4, contextTokens: 64, replyTokens: 4 });
    const tokens = await model.render({ messages: [{ role: 'user', content: 'hi' }], stop: [] });
    const writes = async (from: number, to: number) => {
      for (let i = from; i < to; i += 4)
        await Promise.all(
          [0, 1, 2, 3].map((k) => model.write(tokens.slice(-40), { count: 1, maxTokens: 2, stop: [], seed: i + k, signal: never })),
        );
      globalThis.gc?.();
      return process.memoryUsage().rss;
    };
    const warm = await writes(0, 400);
    const end = await writes(400, 2000);
    expect(model.load()).toEqual({ busy: 0, waiting: 0 });
    expect(end - warm).toBeLessThan(40e6);
    await model.close();
  });
});
