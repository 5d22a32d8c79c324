import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createInbox } from './inbox.ts';
import type { Turn } from './memory.ts';
import type { Incoming } from './memory-inbox.ts';
import type { InboxJob } from './queue.ts';

/** An inbox over a memory that takes its time, and what happened to it. */
function open() {
  const events: string[] = [];
  const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
  const handler = createInbox({
    memory: {
      async receive({ text }: Incoming, moreComing) {
        events.push(`store ${text}`);
        await pause();
        if (moreComing?.()) return null;
        events.push(`claim with ${text}`);
        return { id: text } as Turn;
      },
      async edit(_platform, id, _address, text) {
        events.push(`edit ${id} to ${text}`);
      },
      resume: async (id) => ({ id }) as Turn,
    },
    run: async ({ id }) => void events.push(`run ${id}`),
    bus: { publish: (_topic, update) => void events.push(update.type) },
    capabilities: () => undefined,
    allowedChannels: new Set(['lobby']),
    trainOn: 'derived',
    metrics: { turn: (platform, outcome) => void events.push(`${platform} ${outcome}`) },
    log: pino({ level: 'silent' }),
    now: Date.now,
    checkpoint: async () => {},
  });
  const address = (channel: string) => ({ workspace: 'w', channel, place: {} });
  const message = (text: string, channel = 'lobby', fromBot = false): InboxJob => ({
    type: 'message',
    platform: 'pigeon',
    event: { id: text, address: address(channel), person: { id: 'p', name: 'p' }, text, sentAtMs: 0, direct: false, fromBot },
  });
  const edit = (id: string, text: string | null): InboxJob => ({
    type: 'edit',
    platform: 'pigeon',
    event: { id, address: address('lobby'), text },
  });
  const all = (...jobs: InboxJob[]) => Promise.all(jobs.map((job) => handler(job, { attempt: 1, queueMs: 0 })));
  return { events, message, edit, all };
}

test('messages of one place are stored in order, and only the last of those at hand begins a turn', async () => {
  const { events, message, all } = open();
  await all(message('1'), message('2'), message('3'));
  expect(events).toEqual(['store 1', 'store 2', 'store 3', 'claim with 3', 'run 3']);
});

test('what is no message of anybody does not keep one from beginning a turn', async () => {
  const { events, message, edit, all } = open();
  await all(message('1'), message('beep', 'lobby', true), message(' \u200b'), edit('1', 'one'));
  expect(events).toEqual(['failed', 'store 1', 'claim with 1', 'run 1', 'edit 1 to one']);
});

test('a place that never rests gets a turn all the same', async () => {
  const { events, message, all } = open();
  await all(...Array.from({ length: 25 }, (_, n) => message(String(n))));
  expect(events.filter((event) => event.startsWith('claim'))).toEqual(['claim with 10', 'claim with 21', 'claim with 24']);
});

test('a place that is not allowed is told so, and a conversation can be taken up again', async () => {
  const { events, message, all } = open();
  await all(message('hi', 'attic'), { type: 'resume', conversationId: 'c1' });
  expect(events).toEqual(['pigeon channel-not-allowed', 'silent', 'run c1']);
});
