import { openStore, type Store } from '@troupe/prisma';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { ownStores } from '../../test/services.ts';
import type { Turn } from './memory.ts';
import { createInboxMemory, type Incoming } from './memory-inbox.ts';
import { createOutbox } from './outbox.ts';

let store: Store;
beforeAll(async () => {
  store = await openStore({ databaseUrl: (await ownStores(inject('postgresUrl'), inject('redisUrl'))).databaseUrl, dataDir: '' });
});
afterAll(() => store.close());

function incoming(text: string, channel: string): Incoming {
  const address = { workspace: 'w', channel, place: {} };
  return {
    platform: 'loft',
    messageId: text,
    address,
    person: { id: 'p', name: 'p' },
    text,
    direct: true,
    character: null,
    sentAtMs: 1,
    receivedAtMs: 1,
    training: 'never',
  };
}

test('a message stored while a turn ends is not overlooked', async () => {
  const memory = createInboxMemory(store.sql, {
    owner: 'me',
    leaseMs: 60_000,
    now: Date.now,
    limitWindowMs: 1000,
    standsAlone: () => false,
  });
  const outbox = createOutbox({
    database: store.sql,
    owner: 'me',
    now: Date.now,
    platform: () => undefined,
    characterName: String,
    resume: memory.resume,
    checkpoint: async () => {},
  });
  for (let round = 0; round < 20; round++) {
    const channel = `c${round}`;
    const first = (await memory.receive(incoming('first', channel))) as Turn;
    await store.prisma.turn.update({ where: { id: first.id }, data: { state: 'answered' } });
    // Within the storing transaction, before it is over, the turn begins to end: it has to wait, and then to look again.
    let next: Promise<Turn | null> = Promise.resolve(null);
    const claimed = await memory.receive(incoming('second', channel), () => {
      next = outbox.close(first);
      return round % 2 === 0;
    });
    const turns = [claimed, await next].filter((turn) => turn !== null);
    expect(turns.map(({ messages }) => messages.map(({ text }) => text))).toEqual([['second']]);
  }
});

test('two processes storing at once begin one turn', async () => {
  const memories = ['a', 'b', 'c'].map((owner) =>
    createInboxMemory(store.sql, { owner, leaseMs: 60_000, now: Date.now, limitWindowMs: 1000, standsAlone: () => false }),
  );
  for (let round = 0; round < 20; round++) {
    const turns = await Promise.all(memories.map((memory, n) => memory.receive(incoming(`m${n}`, `d${round}`))));
    expect(turns.filter((turn) => turn !== null)).toHaveLength(1);
  }
});

test('a stale lease is taken over by one, with all that is known', async () => {
  const at = Date.now(); // one moment for all: what counts as lately does not move between the looks
  const [gone, ...others] = ['gone', 'x', 'y'].map((owner) =>
    createInboxMemory(store.sql, {
      owner,
      leaseMs: owner === 'gone' ? -1 : 60_000,
      now: () => at,
      limitWindowMs: 1000,
      standsAlone: () => false,
    }),
  );
  const begun = await gone!.receive(incoming('hello', 'stale'));
  const [id] = await others[0]!.neglected(10).then((ids) => ids.filter((one) => one === begun!.place.id));
  const taken = await Promise.all(others.map((memory) => memory.resume(id!)));
  expect(taken.filter((turn) => turn !== null)).toEqual([begun]);
  expect(await gone!.renew([begun!.id])).toEqual(new Set());
});
