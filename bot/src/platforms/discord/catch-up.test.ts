import { expect, test } from 'vitest';
import { placesToLookAt } from './catch-up.ts';

const now = Date.parse('2026-11-28T12:00:00Z');
const hour = 3_600_000;
const idAt = (ms: number) => String(BigInt(ms - 1_420_070_400_000) << 22n);
const minute = 60_000;

test('looks behind the newest message of each place after a start', () => {
  const seen = [
    { workspace: 'g', channel: 'a', id: idAt(now - 2 * hour) },
    { workspace: '@me', channel: 'd', id: idAt(now - hour) },
  ];
  const channels = [{ workspace: 'g', channel: 'a', lastMessageId: idAt(now - minute) }];
  expect(placesToLookAt({ seen, channels, nowMs: now })).toEqual([
    { workspace: '@me', channel: 'd', after: idAt(now - hour) },
    { workspace: 'g', channel: 'a', after: idAt(now - 2 * hour) },
  ]);
});

test('leaves out channels where nothing was said since', () => {
  const seen = [{ workspace: 'g', channel: 'a', id: idAt(now - hour) }];
  const channels = [
    { workspace: 'g', channel: 'a', lastMessageId: idAt(now - hour) },
    { workspace: 'g', channel: 'b', lastMessageId: idAt(now - 3 * hour) },
    { workspace: 'g', channel: 'c', lastMessageId: null },
    { workspace: 'g', channel: 'e', lastMessageId: idAt(now - minute) },
  ];
  expect(placesToLookAt({ seen, channels, nowMs: now })).toEqual([{ workspace: 'g', channel: 'e', after: idAt(now - hour - 2 * minute) }]);
});

test('goes back to before a lost connection, even where something was heard since', () => {
  const seen = [{ workspace: 'g', channel: 'a', id: idAt(now - 1) }];
  const channels = [{ workspace: 'g', channel: 'a', lastMessageId: idAt(now - 1) }];
  expect(placesToLookAt({ seen, channels, lostAtMs: now - 5 * minute, nowMs: now })).toEqual([
    { workspace: 'g', channel: 'a', after: idAt(now - 7 * minute) },
  ]);
});

test('answers nothing that has waited for more than a day', () => {
  const seen = [{ workspace: '@me', channel: 'd', id: idAt(now - 240 * hour) }];
  expect(placesToLookAt({ seen, channels: [], nowMs: now })).toEqual([{ workspace: '@me', channel: 'd', after: idAt(now - 24 * hour) }]);
});

test('looks at the newest places only when there are very many', () => {
  const seen = Array.from({ length: 1000 }, (_, n) => ({ workspace: '@me', channel: `d${n}`, id: idAt(now - n * minute) }));
  const looks = placesToLookAt({ seen, channels: [], nowMs: now });
  expect(looks).toHaveLength(200);
  expect(looks.at(-1)).toMatchObject({ channel: 'd199' });
});
