// A room of its own for each test, on a stage that the file shares: what is said there, and what comes back.
import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import { ownStores } from '../../test/services.ts';
import type { TurnUpdate } from '../src/platform.ts';
import { openStage, type Stage, until } from './stage.ts';

export const wheres = ['the embedded store', 'PostgreSQL and Redis'] as const;

/** To be called where tests are declared: it opens and closes the stage around them. */
export function openRoom(where: (typeof wheres)[number]) {
  let stage: Stage;
  let room = '';
  let count = 0;
  beforeAll(async () => {
    const servers = where === 'the embedded store' ? undefined : await ownStores(inject('postgresUrl'), inject('redisUrl'));
    stage = await openStage({ servers });
  });
  afterAll(() => stage.close());
  beforeEach(() => {
    room = `room-${count++}`;
    const { puppet, loft, page, clock } = stage;
    Object.assign(puppet, { before: async () => {}, means: () => [[null, 0.1]], reads: [], writes: [] });
    for (const platform of [loft, page]) Object.assign(platform, { before: async () => {}, after: async () => {} });
    clock.real = true;
  });

  const seen = (platform = stage.loft) => platform.seen.filter(({ address }) => address.channel === room);
  const texts = () => seen().map(({ text }) => text);
  const answers = (many: number, platform = stage.loft) =>
    until(() => (seen(platform).length >= many ? seen(platform).slice(0, many) : null));
  type Say = Parameters<Stage['loft']['say']>;
  const say = (text: Say[0], over: Say[1] = {}) => stage.loft.say(text, { where: room, who: `ada-${room}`, ...over });
  const sayOnPage = (text: Say[0], over: Say[1] = {}) => stage.page.say(text, { where: room, who: `ada-${room}`, ...over });
  const ask = async (text: Say[0], over: Say[1] = {}) => {
    const before = seen().length;
    await say(text, over);
    return (await answers(before + 1)).at(-1)!;
  };
  const end = async (id: string) =>
    until(() =>
      stage.updates
        .get(id)
        ?.find((update): update is Exclude<TurnUpdate, { type: 'read' | 'delta' }> => !['read', 'delta'].includes(update.type)),
    );
  const states = () =>
    stage
      .rows<{ state: string }>(
        'SELECT t.state FROM turns t JOIN conversations c ON c.id = t.conversation_id WHERE c.channel = $1 ORDER BY t.opened_at',
        room,
      )
      .then((rows) => rows.map(({ state }) => state));
  const settled = () => until(async () => (await stage.rows('SELECT 1 FROM turns WHERE lease_until IS NOT NULL')).length === 0);
  const stored = (many: number) =>
    until(
      async () =>
        (await stage.rows('SELECT 1 FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.channel = $1', room))
          .length === many,
    );
  /** Holds every read or write until the result is called. */
  const hold = (kind: 'read' | 'write') => {
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    stage.puppet.before = async (asked) => {
      if (asked === kind) await gate;
    };
    return go;
  };

  return {
    get stage() {
      return stage;
    },
    get room() {
      return room;
    },
    ...{ seen, texts, answers, say, sayOnPage, ask, end, states, settled, stored, hold },
  };
}
