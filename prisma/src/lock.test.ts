// One process a folder.
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kill, useFolders } from '../test/embedded.ts';
import { openStore } from './index.ts';
import { lockFolder } from './lock.ts';

const { folder, fresh, opened, child } = useFolders();

describe('one process a folder', () => {
  it('refuses a second process, naming the first, and takes over when that was killed', async () => {
    const dataDir = fresh('two');
    const first = child(dataDir, `console.log('open'); setInterval(() => {}, 1000);`);
    expect(await first.next()).toBe('open');
    await expect(openStore({ dataDir })).rejects.toMatchObject({
      code: 'store-held',
      message: expect.stringMatching(new RegExp(`held by process ${first.process.pid};.*kill ${first.process.pid}.*DATA_DIR`)),
    });
    await kill(first.process);
    const store = await opened(dataDir);
    await expect(openStore({ dataDir })).rejects.toMatchObject({
      code: 'store-held',
      message: expect.stringContaining('this very process'),
    });
    await store.close();
    expect(existsSync(join(dataDir, 'lock'))).toBe(false);
  });

  it('gives the folder back when the process ends without closing', async () => {
    const dataDir = fresh('exits');
    const first = child(dataDir, 'process.exit(0);');
    await once(first.process, 'exit');
    expect(existsSync(join(dataDir, 'lock'))).toBe(false);
    await opened(dataDir);
  });

  it('knows a pid that was given to another process since', async () => {
    const dataDir = fresh('reused');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    writeFileSync(join(dataDir, 'lock'), JSON.stringify({ pid: process.ppid, born: `${boot} 1`, host: hostname() }));
    await opened(dataDir);
  });

  it('takes over what holds no name, as after a full disk', async () => {
    const dataDir = fresh('empty-lock');
    writeFileSync(join(dataDir, 'lock'), '');
    await opened(dataDir);
  });

  it('waits for a sign of life of a holder in another container, and takes over when there is none', async () => {
    const place = join(folder, 'elsewhere');
    mkdirSync(place);
    const touch = () => writeFileSync(join(place, 'lock'), JSON.stringify({ pid: 1, born: 'boot 1', host: 'another' }));
    touch();
    const beat = setInterval(touch, 20);
    await expect(lockFolder(place, 100)).rejects.toMatchObject({ code: 'store-held', message: expect.stringContaining('on another') });
    clearInterval(beat);
    (await lockFolder(place, 20))();
    expect(existsSync(join(place, 'lock'))).toBe(false);
  });

  it('lets one of many in who find the same dead holder', async () => {
    const dataDir = fresh('race');
    writeFileSync(join(dataDir, 'lock'), JSON.stringify({ pid: 2 ** 22 + 1, born: null, host: hostname() }));
    const racers = [1, 2, 3].map(() => child(dataDir, `console.log('open'); setInterval(() => {}, 1000);`));
    const outcomes = await Promise.all(
      racers.map((racer) => Promise.race([racer.next(), once(racer.process, 'exit').then(() => 'refused')])),
    );
    expect(outcomes.map((outcome) => outcome ?? 'refused').sort()).toEqual(['open', 'refused', 'refused']);
  });
});
