import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createFakeCore } from '../../../../test/web/fake-core.ts';
import type { MessageEvent, TurnUpdate } from '../../platform.ts';
import { Problem } from './problem.ts';
import { followTurn } from './turn.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const event: MessageEvent = {
  id: 'm1',
  address: { workspace: 'web', channel: 'c1', place: {} },
  person: { id: 'user:ada', name: 'ada' },
  text: 'hello',
  sentAtMs: 0,
  direct: true,
  fromBot: false,
};

function follow(core = createFakeCore(), signal = new AbortController().signal) {
  const updates = followTurn(event, { inbound: core.inbound, services: core.services, signal, timeoutMs: 60_000, pollMs: 1000 });
  const seen: TurnUpdate[] = [];
  const done = (async () => {
    for await (const update of updates) seen.push(update);
  })();
  done.catch(() => {});
  return { core, seen, done };
}

const silent: TurnUpdate = { type: 'silent', reason: 'stopped' };

test('it watches before the message is queued, so that a turn over at once is not missed', async () => {
  const core = createFakeCore();
  core.onMessage = () => core.publish('c1', 'm1', silent);
  const { seen, done } = follow(core);
  await done;
  expect(seen).toEqual([silent]);
});

test('it passes updates on in order and ends with the end', async () => {
  const core = createFakeCore();
  core.onMessage = () => {};
  const { seen, done } = follow(core);
  await vi.advanceTimersByTimeAsync(10);
  const reply: TurnUpdate = { type: 'reply', answer: core.answerTo(event) };
  for (const update of [{ type: 'delta', text: 'a' }, { type: 'delta', text: 'b' }, reply, { type: 'delta', text: 'late' }] as TurnUpdate[])
    core.publish('c1', 'm1', update);
  await done;
  expect(seen).toEqual([{ type: 'delta', text: 'a' }, { type: 'delta', text: 'b' }, reply]);
});

test('it finds in the store the end that the bus did not bring', async () => {
  const core = createFakeCore();
  core.onMessage = () => void core.outcomes.set('c1\nm1', silent);
  const { seen, done } = follow(core);
  await vi.advanceTimersByTimeAsync(999);
  expect(seen).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  await done;
  expect(seen).toEqual([silent]);
});

test('it goes on asking when the store does not answer', async () => {
  const core = createFakeCore();
  core.onMessage = () => {};
  let asked = 0;
  core.services.outcome = async () => {
    asked++;
    if (asked < 3) throw new Error('store away');
    return silent;
  };
  const { seen, done } = follow(core);
  await vi.advanceTimersByTimeAsync(3000);
  await done;
  expect(seen).toEqual([silent]);
});

test('it gives up after its bound and says where the reply will be', async () => {
  const core = createFakeCore();
  core.onMessage = () => {};
  const { done } = follow(core);
  await vi.advanceTimersByTimeAsync(60_000);
  await expect(done).rejects.toMatchObject({ code: 'late', status: 504, message: expect.stringContaining('history') });
});

test.each([
  ['the end', async (core: ReturnType<typeof createFakeCore>) => core.publish('c1', 'm1', silent)],
  ['an abort', async (_: unknown, abort: () => void) => abort()],
  ['the bound', async () => vi.advanceTimersByTimeAsync(60_000)],
])('it leaves no watcher and no timer behind after %s', async (_name, end) => {
  const core = createFakeCore();
  core.onMessage = () => {};
  const hangUp = new AbortController();
  const { done } = follow(core, hangUp.signal);
  await vi.advanceTimersByTimeAsync(10);
  expect(core.watching()).toBe(1);
  await end(core, () => hangUp.abort(new Problem('gone', 'gone')));
  await done.catch(() => {});
  expect(core.watching()).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test('it leaves nothing behind when the inbox refuses the message', async () => {
  const core = createFakeCore();
  core.onMessage = () => Promise.reject(new Error('inbox away'));
  const { done } = follow(core);
  await expect(done).rejects.toThrow('inbox away');
  expect(core.watching()).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});
