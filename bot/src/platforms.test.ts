import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createLoft, refused } from '../test/fake-platform.ts';
import { until } from '../test/stage.ts';
import { TroupeError } from './errors.ts';
import type { PlatformContext } from './platform.ts';
import { createPlatforms, discoverPlatforms } from './platforms.ts';

const log = pino({ level: 'silent' });
const inbound = () => ({}) as never;

function open(lofts: ReturnType<typeof createLoft>[], settings: Record<string, unknown>, connected: [string, boolean][] = []) {
  return createPlatforms({
    modules: lofts.map(({ module }) => module),
    settings,
    context: () => ({ log }) as PlatformContext,
    connected: (name, is) => void connected.push([name, is]),
    log,
    retryMs: 10,
  });
}

/** Off unless its settings say otherwise. */
function optional(name: string) {
  const loft = createLoft(name);
  loft.module.settings = { safeParse: () => ({ success: true, data: null }) } as never;
  return loft;
}

test('the repository’s own are all found', async () => {
  expect((await discoverPlatforms()).map(({ name }) => name)).toEqual(expect.arrayContaining(['discord', 'slack', 'web']));
});

test('a folder is a platform, and a wrong one stops with the fix', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-platforms-'));
  mkdirSync(join(folder, 'pigeon'));
  await expect(discoverPlatforms(folder)).rejects.toThrow(/pigeon\/index\.ts cannot be loaded .*mend it, or remove the folder/);
  writeFileSync(join(folder, 'pigeon', 'index.ts'), "export const platform = { name: 'dove' };");
  await expect(discoverPlatforms(folder)).rejects.toThrow(/must export `platform` with the name "pigeon"/);
});

test('wrong credentials stop one platform and no other', async () => {
  const [wrong, right] = [optional('wrong'), optional('right')];
  wrong.failsToStart = refused;
  const connected: [string, boolean][] = [];
  const platforms = await open([wrong, right, optional('off')], { wrong: {}, right: {}, off: null }, connected);
  await platforms.start(inbound);
  expect(platforms.states()).toEqual([
    { name: 'wrong', connected: false, detail: 'PIGEON_TOKEN was refused; check it', off: false },
    { name: 'right', connected: true, detail: 'right is listening', off: false },
    { name: 'off', connected: false, detail: 'unset PIGEONS', off: true },
  ]);
  expect(connected).toEqual(
    expect.arrayContaining([
      ['wrong', false],
      ['right', true],
    ]),
  );
  expect(platforms.of('off')).toBeUndefined();
  await platforms.stop();
});

test('a failure that may pass is tried again', async () => {
  const loft = optional('pigeon');
  loft.failsToStart = new TroupeError('away', 'nobody answers', { retryable: true });
  const platforms = await open([loft], { pigeon: {} });
  await platforms.start(inbound);
  expect(platforms.states()[0]?.connected).toBe(false);
  loft.failsToStart = null;
  await until(() => platforms.states()[0]?.connected);
  await platforms.stop();
});

test('what needs no setting is needed', async () => {
  const page = createLoft('page');
  page.failsToStart = new TroupeError('port-in-use', 'PORT 3000 is taken');
  const platforms = await open([page], { page: {} });
  await expect(platforms.start(inbound)).rejects.toThrow('PORT 3000 is taken');
});
