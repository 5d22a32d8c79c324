// What only the embedded store has to promise: one session shared in order, one process a folder, nothing lost to a kill.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PGlite } from '@electric-sql/pglite';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { POSTGRES_MAJOR } from './embedded.ts';
import { openStore, type Store } from './index.ts';
import { lockFolder } from './lock.ts';
import { embeddedPool } from './pool.ts';
import { tidy } from './upkeep.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-embedded-'));
const pristine = join(folder, 'pristine');
const open: Store[] = [];
const children: ChildProcess[] = [];

/** Making a folder takes seconds, copying one does not. */
beforeAll(async () => {
  await (await openStore({ dataDir: pristine })).close();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const store of open.splice(0)) await store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fresh(name: string): string {
  const dataDir = join(folder, name);
  cpSync(pristine, dataDir, { recursive: true });
  return dataDir;
}

async function opened(dataDir: string): Promise<Store & { pool: pg.Pool }> {
  const store = await openStore({ dataDir });
  open.push(store);
  return store as Store & { pool: pg.Pool };
}

/** A process of its own that runs this text with an open `store`; `next` is its next line of output. */
function child(dataDir: string, text: string): { process: ChildProcess; next(): Promise<string> } {
  const code = `import { openStore } from './prisma/src/index.ts';
    const store = await openStore({ dataDir: ${JSON.stringify(dataDir)} });
    ${text}`;
  const process_ = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(process_);
  const lines = createInterface({ input: process_.stdout! })[Symbol.asyncIterator]();
  return { process: process_, next: async () => (await lines.next()).value as string };
}

async function kill(victim: ChildProcess): Promise<void> {
  const gone = once(victim, 'exit');
  victim.kill('SIGKILL');
  await gone;
}

describe('one session', () => {
  it('keeps the statements of two transactions apart, and of whoever has none', async () => {
    const { pool } = await opened(fresh('apart'));
    await pool.query('CREATE TABLE seen (who TEXT, step INT, at SERIAL)');
    const [a, b] = [await pool.connect(), await pool.connect()];
    await a.query('BEGIN');
    const others = [
      b.query('BEGIN').then(() => b.query("INSERT INTO seen VALUES ('b', 1)")),
      pool.query("INSERT INTO seen VALUES ('nobody', 1)"),
    ];
    for (let step = 1; step <= 20; step++) await a.query('INSERT INTO seen VALUES ($1, $2)', ['a', step]);
    expect((await a.query('SELECT DISTINCT who FROM seen')).rows).toEqual([{ who: 'a' }]);
    await a.query('ROLLBACK');
    await b.query('COMMIT');
    await Promise.all(others);
    expect((await pool.query('SELECT who FROM seen ORDER BY who')).rows).toEqual([{ who: 'b' }, { who: 'nobody' }]);
    a.release();
    b.release();
  });

  it('keeps Prisma and whoever uses the pool apart under load', async () => {
    const { pool, prisma } = await opened(fresh('load'));
    await pool.query('CREATE TABLE account (id INT PRIMARY KEY, amount INT NOT NULL)');
    await pool.query('INSERT INTO account SELECT n, 100 FROM generate_series(1, 10) n');
    let wrong = 0;
    const move = async (n: number) => {
      const [from, to] = [(n % 10) + 1, ((n * 7 + 3) % 10) + 1];
      if (n % 2) {
        await prisma
          .$transaction(async (sql) => {
            await sql.$executeRaw`UPDATE public.account SET amount = amount - 1 WHERE id = ${from}`;
            await new Promise((resolve) => setImmediate(resolve));
            const [{ total }] = (await sql.$queryRaw`SELECT sum(amount)::int AS total FROM public.account`) as [{ total: number }];
            if (total !== 999) wrong++;
            await sql.$executeRaw`UPDATE public.account SET amount = amount + 1 WHERE id = ${to}`;
            if (n % 5 === 0) throw new Error('undo');
          })
          .catch((error: Error) => {
            if (error.message !== 'undo') throw error;
          });
        return;
      }
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        await client.query('UPDATE public.account SET amount = amount - 1 WHERE id = $1', [from]);
        await new Promise((resolve) => setImmediate(resolve));
        const { rows } = await client.query('SELECT sum(amount)::int AS total FROM public.account');
        if (rows[0].total !== 999) wrong++;
        await client.query('UPDATE public.account SET amount = amount + 1 WHERE id = $1', [to]);
        if (n % 3 === 0) throw new Error('undo');
        await client.query('COMMIT');
      } catch {
        await client.query('ROLLBACK');
      } finally {
        client.release();
      }
    };
    const look = async () => {
      const { rows } = await pool.query('SELECT sum(amount)::int AS total FROM public.account');
      if (rows[0].total !== 1000) wrong++;
    };
    await Promise.all(Array.from({ length: 300 }, (_, n) => Promise.all([move(n), look()])));
    await look();
    expect(wrong).toBe(0);
  });

  it('is free again after a client was given back within a transaction', async () => {
    const { pool } = await opened(fresh('given-back'));
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query('CREATE TABLE never (id INT)');
    client.release();
    expect((await pool.query("SELECT to_regclass('public.never') AS never")).rows).toEqual([{ never: null }]);
  });

  it('goes on after a statement that fails, within a transaction and without', async () => {
    const { pool } = await opened(fresh('fails'));
    await expect(pool.query('SELECT $1::int', ['x'])).rejects.toMatchObject({ code: '22P02' });
    await expect(pool.query('SELECT nothing')).rejects.toMatchObject({ code: '42703' });
    const round: { self?: unknown } = {};
    round.self = round;
    await expect(pool.query('SELECT $1::jsonb', [round])).rejects.toThrow(TypeError);
    const client = await pool.connect();
    await client.query('BEGIN');
    await expect(client.query('SELECT 1/$1::int', [0])).rejects.toMatchObject({ code: '22012' });
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
    await client.query('ROLLBACK');
    expect((await client.query('SELECT 1/$1::int AS one', [1])).rows).toEqual([{ one: 1 }]);
    client.release();
  });

  it('runs several statements of one text and gives back the last one’s rows', async () => {
    const { pool } = await opened(fresh('several'));
    const result = await pool.query('CREATE TABLE s (n INT); INSERT INTO s VALUES (1), (2); SELECT n FROM s ORDER BY n');
    expect(result.rows).toEqual([{ n: 1 }, { n: 2 }]);
    expect((await pool.query('SELECT 1 AS a; UPDATE s SET n = n + 1')).rowCount).toBe(2);
  });

  it('carries values as node-postgres does', async () => {
    const { pool } = await opened(fresh('values'));
    const at = new Date('2026-11-28T21:00:00.123Z');
    const { rows } = await pool.query(
      'SELECT $1::text AS t, $2::text[] AS l, $3::jsonb AS j, $4::timestamptz AS d, $5::bytea AS b, $6::bigint AS n, $7::boolean AS y, $8::text AS z',
      ['ü"\\', ['a,b', 'NULL', null, '"\\'], { a: [1] }, at, Buffer.from([0, 255]), 2n ** 60n, true, null],
    );
    expect(rows).toEqual([
      {
        t: 'ü"\\',
        l: ['a,b', 'NULL', null, '"\\'],
        j: { a: [1] },
        d: at,
        b: Buffer.from([0, 255]),
        n: String(2n ** 60n),
        y: true,
        z: null,
      },
    ]);
  });

  it('prepares anew what a changed table made useless, and forgets what it has too many of', async () => {
    const { pool } = await opened(fresh('plans'));
    await pool.query('CREATE TABLE wide (a INT); INSERT INTO wide VALUES (1)');
    const all = () => pool.query('SELECT * FROM wide WHERE a = $1', [1]);
    expect((await all()).rows).toEqual([{ a: 1 }]);
    await pool.query('ALTER TABLE wide ADD COLUMN b INT');
    await expect(all()).rejects.toMatchObject({ code: '0A000' });
    expect((await all()).rows).toEqual([{ a: 1, b: null }]);
    for (let n = 0; n < 500; n++) await pool.query(`SELECT $1::int + ${n}`, [n]);
    const { rows } = await pool.query('SELECT count(*)::int AS plans FROM pg_prepared_statements');
    expect(rows[0].plans).toBeLessThanOrEqual(400);
    expect((await all()).rows).toEqual([{ a: 1, b: null }]);
  });

  it('tells each client of the channels it listens to, once a transaction is through', async () => {
    const { pool } = await opened(fresh('listen'));
    const [a, b, sender] = [await pool.connect(), await pool.connect(), await pool.connect()];
    const heard: string[] = [];
    a.on('notification', ({ channel, payload }) => heard.push(`a ${channel} ${payload}`));
    b.on('notification', ({ channel, payload }) => heard.push(`b ${channel} ${payload}`));
    await a.query('-- a comment\nLISTEN "Jobs";');
    await b.query('LISTEN events');
    await sender.query('BEGIN');
    await sender.query('SELECT pg_notify($1, $2)', ['Jobs', '1']);
    await sender.query("NOTIFY events, '2'");
    expect(heard).toEqual([]);
    await sender.query('COMMIT');
    expect(heard.sort()).toEqual(['a Jobs 1', 'b events 2']);
    await a.query('UNLISTEN "Jobs"');
    b.release();
    await sender.query("NOTIFY events, '3'; NOTIFY \"Jobs\", '4'");
    await sender.query('SELECT 1');
    expect(heard).toHaveLength(2);
    a.release();
    sender.release();
  });

  it('lets timers and sockets have their turn in a long chain of statements', async () => {
    const { pool } = await opened(fresh('breath'));
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    for (let n = 0; n < 400; n++) await pool.query('SELECT $1::int', [n]);
    clearInterval(counting);
    expect(turns).toBeGreaterThan(3);
  });

  it('says so to everybody when the engine itself breaks', async () => {
    const dataDir = fresh('crash');
    const pglite = await PGlite.create({ dataDir: join(dataDir, 'pg') });
    const { pool, end } = embeddedPool(pglite);
    const listener = await pool.connect();
    const told = once(listener, 'error');
    vi.spyOn(pglite, 'execProtocolStream').mockRejectedValue(new Error('unreachable'));
    const asked = await Promise.allSettled([pool.query('SELECT 1'), pool.query('SELECT 2')]);
    expect(asked.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(['store-crashed', 'store-crashed']);
    expect(await told).toEqual([
      expect.objectContaining({ code: 'store-crashed', message: expect.stringContaining('Start Troupe again') }),
    ]);
    await expect(pool.query('SELECT 3')).rejects.toThrow();
    listener.release();
    await end();
    await pglite.close();
  });

  it('ends even when somebody keeps a client for ever', async () => {
    const dataDir = fresh('kept');
    const store = await openStore({ dataDir });
    const client = await store.pool!.connect();
    await client.query('BEGIN');
    await client.query("INSERT INTO people (id, platform, workspace, external_id, name) VALUES ('late', '', '', '', '')");
    await store.close();
    await expect(client.query('COMMIT')).rejects.toMatchObject({ code: 'store-closed' });
    expect(await (await opened(dataDir)).prisma.person.count()).toBe(0);
  });

  it('refuses whoever comes after the end', async () => {
    const { pool, prisma, ...store } = await opened(fresh('ended'));
    const client = await pool.connect();
    await client.query('SELECT 1'); // the session is this client's before the last statement is asked
    const last = client.query('SELECT 1 AS last');
    client.release();
    await store.close();
    open.splice(0);
    expect((await last).rows).toEqual([{ last: 1 }]);
    await expect(pool.query('SELECT 1')).rejects.toThrow();
    await expect(prisma.person.count()).rejects.toThrow();
    await expect(store.ping()).rejects.toMatchObject({ code: 'store-unreachable' });
  });
});

describe('upkeep', () => {
  it('shortens the log and clears the busy tables, and does nothing where nothing was written', async () => {
    const dataDir = fresh('upkeep');
    const { pool } = await opened(dataDir);
    const start = await tidy(pool, undefined);
    expect(await tidy(pool, start)).toBe(start);
    await pool.query("CREATE TABLE busy (n INT, t TEXT); INSERT INTO busy SELECT n, repeat('x', 500) FROM generate_series(1, 20000) n");
    await pool.query('UPDATE busy SET n = n + 1');
    await pool.query('SELECT pg_stat_force_next_flush()');
    const { rows: before } = await pool.query("SELECT n_dead_tup::int AS dead FROM pg_stat_user_tables WHERE relname = 'busy'");
    expect(before[0].dead).toBeGreaterThan(500);
    expect(await tidy(pool, start, 1_000_000)).not.toBe(start);
    await pool.query('SELECT pg_stat_force_next_flush()');
    const { rows: after } = await pool.query("SELECT n_dead_tup::int AS dead FROM pg_stat_user_tables WHERE relname = 'busy'");
    expect(after[0].dead).toBeLessThan(500);
    const { rows: log } = await pool.query(
      'SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), redo_lsn)::int AS unsaved FROM pg_control_checkpoint()',
    );
    expect(log[0].unsaved).toBeLessThan(100_000);
  });
});

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
    open.splice(0);
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

  it('begins anew when its making was cut short', async () => {
    const dataDir = fresh('half');
    writeFileSync(join(dataDir, 'making'), '');
    rmSync(join(dataDir, 'pg', 'base'), { recursive: true });
    const { prisma } = await opened(dataDir);
    expect(await prisma.person.count()).toBe(0);
    expect(existsSync(join(dataDir, 'making'))).toBe(false);
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
