import { afterEach, expect, test, vi } from 'vitest';
import { run } from './bench.ts';
import type { TurnFigures } from './bench-turn.ts';

afterEach(() => vi.restoreAllMocks());

test('measures whole turns on the one store that is named', async () => {
  const said = vi.spyOn(console, 'log').mockImplementation(() => {});
  expect(await run(['turn', '--store', 'embedded', '--turns', '2', '--users', '2', '--json'])).toBe(0);
  const figures = JSON.parse(said.mock.calls[0]?.[0]) as TurnFigures[];
  expect(figures.map(({ store }) => store)).toEqual(['embedded']);
  for (const value of Object.values(figures[0] ?? {})) if (typeof value === 'number') expect(value).toBeGreaterThan(0);
}, 240_000);

test('refuses a store that there is not, and says which there are', async () => {
  await expect(run(['turn', '--store', 'sqlite'])).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringMatching(/embedded, redis\+postgres/),
  });
});
