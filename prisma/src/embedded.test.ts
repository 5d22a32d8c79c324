// What only the embedded store has to promise: a folder that is whole or said to be broken, and nothing lost to a kill.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kill, useFolders } from '../test/embedded.ts';
import { POSTGRES_MAJOR } from './embedded.ts';
import { openStore } from './index.ts';
import { makeStore } from './making.ts';

const { folder, fresh, opened, child } = useFolders();

describe('a folder that cannot be opened', () => {
  it.each([
    ['store-newer', '19', /newer Troupe/],
    ['store-older', '17', /older Troupe/],
    ['store-corrupt', 'nonsense', /backup/],
  ])('is %s when PG_VERSION says %s', async (code, version, message) => {
    const dataDir = fresh(code);
    writeFileSync(join(dataDir, 'pg', 'PG_VERSION'), `${version}\n`);
    await expect(openStore({ dataDir })).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(existsSync(join(dataDir, 'lock'))).toBe(false);
  });

  it('says the PostgreSQL it has inside', async () => {
    const { pool } = await opened(fresh('version'));
    expect((await pool.query('SHOW server_version')).rows[0].server_version).toMatch(new RegExp(`^${POSTGRES_MAJOR}\\.`));
  });

  it.each([
    ['an emptied control file', (data: string) => truncateSync(join(data, 'global', 'pg_control'), 0)],
    ['a control file of noise', (data: string) => writeFileSync(join(data, 'global', 'pg_control'), Buffer.alloc(8192, 7))],
    ['no log', (data: string) => rmSync(join(data, 'pg_wal'), { recursive: true })],
    ['no tables', (data: string) => rmSync(join(data, 'base'), { recursive: true })],
  ])('is corrupt with %s, and this process lives on', async (name, damage) => {
    const dataDir = fresh(`corrupt ${name}`);
    damage(join(dataDir, 'pg'));
    await expect(openStore({ dataDir })).rejects.toMatchObject({
      code: 'store-corrupt',
      message: expect.stringMatching(/backup.*move it away/),
    });
  });
});

describe('a store that is being made', () => {
  it('is not there until it is whole, and begins anew when its making was cut short', async () => {
    const dataDir = join(folder, 'half');
    mkdirSync(dataDir);
    const maker = child(dataDir, '');
    const found = new Promise<string>((resolve) => {
      const watcher = watch(dataDir, (_event, name) => {
        if (!name?.startsWith('making-')) return;
        watcher.close();
        resolve(join(dataDir, name));
      });
    });
    const half = await found;
    await kill(maker.process);
    expect(existsSync(join(dataDir, 'pg'))).toBe(false);
    expect(existsSync(half)).toBe(true);
    const { prisma } = await opened(dataDir);
    expect(await prisma.person.count()).toBe(0);
    expect(readdirSync(dataDir).sort()).toEqual(['lock', 'pg']);
  }, 240_000);

  it('leaves nothing behind where it cannot be made', async () => {
    const place = mkdtempSync(join(folder, 'refused-'));
    await expect(makeStore(place, 'pg', ['-c', 'shared_buffers=nonsense'])).rejects.toThrow();
    expect(readdirSync(place)).toEqual([]);
  });
});

describe('a process killed in the middle of writing', () => {
  it('loses nothing that was acknowledged, again and again', async () => {
    const dataDir = fresh('killed');
    let acknowledged = 0;
    for (let round = 1; round <= 3; round++) {
      const writer = child(
        dataDir,
        `for (let n = ${acknowledged}; ; n++) {
          await store.prisma.$transaction(async (sql) => {
            await sql.person.create({ data: { id: 'p' + n, platform: 'web', workspace: '', externalId: 'x' + n, name: 'n'.repeat(200) } });
            await sql.conversation.create({ data: { id: 'c' + n, platform: 'web', workspace: '', channel: 'c' + n } });
          });
          process.stdout.write(n + '\\n');
        }`,
      );
      const until = acknowledged + 60;
      while (acknowledged < until) acknowledged = Number(await writer.next());
      writer.process.kill('SIGKILL');
      for (let line = await writer.next(); line !== undefined; line = await writer.next()) acknowledged = Number(line);
      const store = await openStore({ dataDir });
      const [people, conversations] = [await store.prisma.person.count(), await store.prisma.conversation.count()];
      expect(people).toBe(conversations);
      expect(people).toBeGreaterThanOrEqual(acknowledged + 1);
      await store.close();
      acknowledged = people;
    }
  }, 240_000);
});
