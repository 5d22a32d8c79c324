// Writers go on together, and none waits for one that has stopped.
import { describe, expect, it } from 'vitest';
import { createPace } from './pace.ts';

/** Steps that end when they are told to. */
function steps() {
  const begun: { name: string; end(): void; fail(error: Error): void }[] = [];
  const step = (name: string) => () => new Promise<string>((end, fail) => begun.push({ name, end: () => end(name), fail }));
  return { step, begun, names: () => begun.map(({ name }) => name) };
}
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('the pace', () => {
  it('begins all steps that are asked for at once, and the next ones when the last of them has ended', async () => {
    const pace = createPace();
    const { step, begun, names } = steps();
    const writer = async (name: string) => {
      await pace.together(step(`${name}1`));
      await pace.together(step(`${name}2`));
    };
    const done = Promise.all([writer('a'), writer('b')]);
    await turn();
    expect(names()).toEqual(['a1', 'b1']);
    begun[0]?.end();
    await turn();
    await turn();
    expect(names()).toEqual(['a1', 'b1']);
    begun[1]?.end();
    await turn();
    await turn();
    expect(names()).toEqual(['a1', 'b1', 'a2', 'b2']);
    for (const { end } of begun) end();
    await done;
  });

  it('goes on after a step that fails, and after a writer that stops in mid-reply', async () => {
    const pace = createPace();
    const { step, begun, names } = steps();
    const failing = pace.together(step('fails'));
    await turn();
    const after = pace.together(step('after'));
    begun[0]?.fail(new Error('no'));
    await expect(failing).rejects.toThrow('no');
    await turn();
    expect(names()).toEqual(['fails', 'after']);
    begun[1]?.end();
    await after;

    let returned = false;
    async function* endless() {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        returned = true;
      }
    }
    for await (const token of pace.each(endless())) if (token === 2) break;
    expect(returned).toBe(true);
    expect(await pace.alone(async () => 'still')).toBe('still');
  });

  it('lets work alone have its turn between steps', async () => {
    const pace = createPace();
    const { step, begun } = steps();
    const order: string[] = [];
    const first = pace.together(step('first')).then((name) => order.push(name));
    await turn();
    const alone = pace.alone(async () => void order.push('alone'));
    const second = pace.together(async () => void order.push('second'));
    await turn();
    expect(order).toEqual([]);
    begun[0]?.end();
    await Promise.all([first, alone, second]);
    expect(order).toEqual(['first', 'alone', 'second']);
  });
});
