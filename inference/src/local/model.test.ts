// What one sequence has read, the others need not read: counted by the library's own meter, on a tiny model.
import { LlamaContext, LlamaContextSequence } from 'node-llama-cpp';
import { afterEach, describe, expect, it } from 'vitest';
import { openBase } from './base.ts';
import { type LocalModel, type LocalModelOptions, openLocalModel } from './model.ts';

const tiny = 'inference/src/fixtures/tiny.gguf';
const never = new AbortController().signal;
const open: LocalModel[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((model) => model.close()));
});

async function opened(given: Partial<LocalModelOptions>): Promise<LocalModel> {
  const model = await openLocalModel({ base: await openBase(tiny, 1), adapterFile: null, threads: 1, ...given });
  open.push(model);
  return model;
}
const card = 'You are June. You keep a small bakery by the harbour and you remember what people tell you. '.repeat(3);
const prompt = (model: LocalModel, text: string) =>
  model.render({
    messages: [
      { role: 'system', content: card },
      { role: 'user', content: text },
    ],
    stop: [],
  });
const asked = { maxTokens: 6, stop: [], seed: 1, temperature: 0, signal: never };

describe('a prompt', () => {
  it('is read once for all candidates', async () => {
    const model = await opened({ sequences: 4 });
    const tokens = await prompt(model, 'hello');
    const replies = await model.write(tokens, { ...asked, count: 4 });
    const written = replies.reduce((sum, reply) => sum + reply.tokens, 0);
    expect(model.evaluated()).toBeLessThanOrEqual(tokens.length + written + 4);
  });

  it('has its card read once for all who write at once', async () => {
    const model = await opened({ sequences: 4 });
    const prompts = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((text) => prompt(model, text)));
    const shared = commonLength(prompts);
    const replies = (await Promise.all(prompts.map((tokens) => model.write(tokens, { ...asked, count: 1 })))).flat();
    const own = prompts.reduce((sum, { length }) => sum + length - shared, 0);
    const written = replies.reduce((sum, { tokens }) => sum + tokens, 0);
    expect(shared).toBeGreaterThan(100);
    // Where all but a few tokens are known, they are read rather than copied.
    expect(model.evaluated()).toBeLessThanOrEqual(shared + own + written + 8 * prompts.length);
  });

  it('that was copied is continued as one that was read, also where the library copies no more', async () => {
    const [one, many] = [await opened({ sequences: 1 }), await opened({ sequences: 4 })];
    const tokens = await prompt(one, 'hello');
    const [read] = await one.write(tokens, { ...asked, count: 1 });
    const texts = async () => (await many.write(tokens, { ...asked, count: 4 })).map(({ text }) => text);
    expect(await texts()).toEqual(Array(4).fill(read?.text));

    const kept = LlamaContextSequence.prototype as { _copyStateFromOtherSequence?: unknown };
    const copy = kept._copyStateFromOtherSequence;
    delete kept._copyStateFromOtherSequence;
    try {
      const without = await opened({ sequences: 4 });
      const replies = await without.write(tokens, { ...asked, count: 4 });
      expect(replies.map(({ text }) => text)).toEqual(Array(4).fill(read?.text));
      expect(without.evaluated()).toBeGreaterThan(4 * (tokens.length - 1));
    } finally {
      kept._copyStateFromOtherSequence = copy;
    }
  });

  it('is copied from one that is being continued, whose reply goes on unharmed', async () => {
    const model = await opened({ sequences: 2 });
    const tokens = await prompt(model, 'hello');
    const long = { ...asked, count: 1, maxTokens: 40 };
    const [undisturbed] = await model.write(tokens, long);
    let joined: Promise<unknown> | undefined;
    const other = await prompt(model, 'another');
    const onPiece = () => {
      joined ??= model.write(other, long);
    };
    const [disturbed] = await model.write(tokens, { ...long, onPiece });
    await joined;
    expect(disturbed).toEqual(undisturbed);
  });
});

it('writes its candidates in the same batches, a token of each in every one', async () => {
  const sizes = watchBatches();
  const model = await opened({ sequences: 4 });
  const replies = await model.write(await prompt(model, 'hello'), { ...asked, count: 4, maxTokens: 12 });
  const longest = Math.max(...replies.map(({ tokens }) => tokens));
  expect(longest).toBeGreaterThan(6);
  // The first writes a token or two while the others copy what it has read.
  expect(sizes.filter((size) => size === 4).length).toBeGreaterThanOrEqual(longest - 3);
});

/** The sizes of the batches that the next context evaluates. */
function watchBatches(): number[] {
  const sizes: number[] = [];
  const { getSequence } = LlamaContext.prototype;
  LlamaContext.prototype.getSequence = function (this: LlamaContext & { _ctx: { initBatch(size: number): void } }, ...given) {
    LlamaContext.prototype.getSequence = getSequence;
    const initBatch = this._ctx.initBatch.bind(this._ctx);
    const value = (size: number) => {
      sizes.push(size);
      initBatch(size);
    };
    Object.defineProperty(this._ctx, 'initBatch', { value });
    return this.getSequence(...given);
  };
  return sizes;
}

function commonLength([first = [], ...others]: number[][]): number {
  const at = first.findIndex((token, i) => others.some((other) => other[i] !== token));
  return at < 0 ? first.length : at;
}
