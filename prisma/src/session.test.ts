// One session shared in order by everybody who has a client, and what keeps it short.
import { once } from 'node:events';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { describe, expect, it, vi } from 'vitest';
import { useFolders } from '../test/embedded.ts';
import { openStore } from './index.ts';
import { embeddedPool } from './pool.ts';
import { tidy } from './upkeep.ts';

const { fresh, opened } = useFolders();

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
    // However fast the machine is: without a breath no timer runs before the end of the chain.
    for (let n = 0; turns <= 3 && n < 20_000; n++) await pool.query('SELECT $1::int', [n]);
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
    // After a busy one the next takes a breath first: the end comes while it has been asked and has not begun.
    await client.query('SELECT sum(n) FROM generate_series(1, 300000) n');
    const last = client.query('SELECT 1 AS last');
    client.release();
    await store.close();
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
