// One suite for both stores: whatever the bot relies on holds on PostgreSQL and embedded alike.
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { migrate, openStore, Prisma, type Store } from './index.ts';

const migrations = new URL('../migrations/', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'troupe-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Kind {
  kind: Store['kind'];
  open(): Promise<Store>;
  /** A session of the same database, for statements Prisma does not know. */
  connect(store: Store): Promise<{ query: pg.PoolClient['query']; leave(): Promise<void> }>;
}

const database = `store_${process.pid}_${Date.now()}`;
const databaseUrl = () => inject('postgresUrl').replace(/\/postgres$/, `/${database}`);

const kinds: Kind[] = [
  {
    kind: 'postgres',
    async open() {
      const server = new pg.Client(inject('postgresUrl'));
      await server.connect();
      const { rowCount } = await server.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
      if (!rowCount) await server.query(`CREATE DATABASE ${database}`);
      await server.end();
      return openStore({ databaseUrl: databaseUrl(), dataDir: folder });
    },
    async connect() {
      const client = new pg.Client(databaseUrl());
      await client.connect();
      return { query: client.query.bind(client) as pg.PoolClient['query'], leave: () => client.end() };
    },
  },
  {
    kind: 'embedded',
    open: () => openStore({ dataDir: join(folder, 'data') }),
    async connect(store) {
      const client = await store.pool!.connect();
      return { query: client.query.bind(client) as pg.PoolClient['query'], leave: async () => client.release() };
    },
  },
];

describe.each(kinds)('the $kind store', ({ kind, open, connect }) => {
  let store: Store;
  beforeAll(async () => {
    store = await open();
  });
  afterAll(() => store.close());

  it('says what it is and that it is there', async () => {
    expect(store.kind).toBe(kind);
    await store.ping();
  });

  it('keeps every column of every model', async () => {
    const { prisma } = store;
    const at = new Date('2026-11-28T21:00:00.123Z');
    const text = `\u{1F3AD} Ça va, "Häns"? {1,2}\\ \n'NULL'`;
    const json = { text, deep: [{ n: 0.1 }, null, true], empty: {} };
    const rows = {
      person: { id: 'p', platform: 'web', workspace: '', externalId: 'x', name: text, noticedAt: at, trainOptIn: true, createdAt: at },
      conversation: {
        id: 'c',
        platform: 'web',
        workspace: '',
        channel: 'c',
        character: 'vivienne',
        silent: true,
        crisisAt: at,
        handedOffAt: at,
        createdAt: at,
      },
      turn: { id: 't', conversationId: 'c', personId: 'p', state: 'open', leaseOwner: 'o', leaseUntil: at, openedAt: at, closedAt: at },
      message: {
        id: 'm',
        inboundKey: 'k',
        conversationId: 'c',
        personId: 'p',
        turnId: 't',
        text,
        source: 'web',
        trainOk: true,
        character: 'margot',
        address: json,
        direct: true,
        sentAt: at,
        receivedAt: at,
      },
      read: {
        turnId: 't',
        emotions: [json],
        detected: ['joy', text, 'NULL', ''],
        sentiment: json,
        intent: json,
        safety: 'none',
        versions: json,
        createdAt: at,
      },
      reply: {
        id: 'r',
        turnId: 't',
        conversationId: 'c',
        personId: 'p',
        character: 'vivienne',
        characterVersion: '1',
        text,
        expression: 'joy',
        source: json,
        line: 'l',
        intent: json,
        mood: json,
        candidates: [json],
        versions: json,
        promptVersion: 'v',
        timing: json,
        createdAt: at,
      },
      outbox: {
        id: 'o',
        replyId: 'r',
        platform: 'web',
        address: json,
        notice: text,
        state: 'sent',
        attempts: 2,
        error: 'e',
        createdAt: at,
        sentAt: at,
      },
      sentMessage: { platform: 'web', workspace: '', messageId: 'm1', replyId: 'r', sentAt: at },
      vote: { replyId: 'r', personId: 'p', value: 'up', reason: text, via: 'api', at, createdAt: at },
      mood: { personId: 'p', conversationId: 'c', character: 'vivienne', scores: json, turns: 3, lastTurnId: 't', updatedAt: at },
    };
    type Table = { create(given: object): Promise<object>; findMany(): Promise<object[]> };
    const tables = prisma as unknown as Record<string, Table>;
    const models = Object.keys(Prisma.ModelName).map((name) => name[0]!.toLowerCase() + name.slice(1));
    expect(Object.keys(rows).sort()).toEqual(models.sort());
    for (const [model, row] of Object.entries(rows)) {
      await tables[model]!.create({ data: row });
      expect(await tables[model]!.findMany(), model).toEqual([row]);
    }
    await prisma.person.delete({ where: { id: 'p' } });
    expect(await prisma.message.count()).toBe(0);
    expect(await prisma.vote.count()).toBe(0);
    expect((await prisma.reply.findUniqueOrThrow({ where: { id: 'r' } })).text).toBe(text);
    await prisma.conversation.delete({ where: { id: 'c' } });
    for (const model of models) expect(await tables[model]!.findMany(), model).toEqual([]);
  });

  it('allows one open turn a conversation', async () => {
    const { prisma } = store;
    await prisma.conversation.create({ data: { id: 'one', platform: 'web', workspace: '', channel: 'one' } });
    await prisma.turn.create({ data: { id: 'one-1', conversationId: 'one' } });
    const second = prisma.turn.create({ data: { id: 'one-2', conversationId: 'one' } });
    await expect(second).rejects.toMatchObject({ code: 'P2002' });
    await prisma.turn.update({ where: { id: 'one-1' }, data: { state: 'answered' } });
    await prisma.turn.create({ data: { id: 'one-2', conversationId: 'one' } });
  });

  it('gives a conversation to one transaction at a time', async () => {
    const { prisma } = store;
    await prisma.conversation.create({ data: { id: 'lock', platform: 'web', workspace: '', channel: 'lock' } });
    await prisma.person.create({ data: { id: 'lock', platform: 'web', workspace: '', externalId: 'lock', name: '0' } });
    const add = () =>
      prisma.$transaction(async (sql) => {
        await sql.$queryRaw`SELECT id FROM conversations WHERE id = 'lock' FOR UPDATE`;
        const { name } = await sql.person.findUniqueOrThrow({ where: { id: 'lock' } });
        await sql.person.update({ where: { id: 'lock' }, data: { name: String(Number(name) + 1) } });
      });
    await Promise.all(Array.from({ length: 30 }, add));
    expect((await prisma.person.findUniqueOrThrow({ where: { id: 'lock' } })).name).toBe('30');
  });

  it('undoes a transaction whose work fails', async () => {
    const { prisma } = store;
    const failing = prisma.$transaction(async (sql) => {
      await sql.conversation.create({ data: { id: 'undone', platform: 'web', workspace: '', channel: 'undone' } });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await prisma.conversation.findUnique({ where: { id: 'undone' } })).toBeNull();
  });

  it('does not take a transaction for done that PostgreSQL gave up', async () => {
    const { prisma } = store;
    const row = { id: 'twice', platform: 'web', workspace: '', channel: 'twice' };
    const failing = prisma.$transaction(async (sql) => {
      await sql.conversation.create({ data: row });
      await sql.conversation.create({ data: row }).catch(() => {});
      await sql.conversation.count();
    });
    await expect(failing).rejects.toThrow();
    expect(await prisma.conversation.findUnique({ where: { id: 'twice' } })).toBeNull();
  });

  it('goes on after a transaction that took too long', async () => {
    const { prisma } = store;
    let begin = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const slow = prisma.$transaction(
      async (sql) => {
        for (;;) {
          await sql.conversation.count();
          begin();
        }
      },
      { timeout: 200 },
    );
    slow.catch(() => {});
    await begun;
    // Embedded it waits for the session, which comes free only when the time is over.
    await prisma.person.update({ where: { id: 'lock' }, data: { name: 'late' } });
    await expect(slow).rejects.toMatchObject({ code: 'P2028' });
  });

  it('migrates once and refuses what was changed or is missing by its name', async () => {
    const session = await connect(store);
    const mine = join(folder, `migrations-${kind}`);
    cpSync(migrations, mine, { recursive: true });
    expect(await migrate(session, mine)).toEqual([]);

    mkdirSync(join(mine, '20990101000000_extra'));
    const extra = join(mine, '20990101000000_extra', 'migration.sql');
    writeFileSync(extra, `CREATE TABLE extra_${kind} (id TEXT);\r\nCREATE INDEX extra_${kind}_idx ON extra_${kind}(id);\r\n`);
    expect(await migrate(session, mine)).toEqual(['20990101000000_extra']);
    writeFileSync(extra, readFileSync(extra, 'utf8').replaceAll('\r\n', '\n'));
    expect(await migrate(session, mine)).toEqual([]);

    writeFileSync(extra, 'SELECT 1');
    await expect(migrate(session, mine)).rejects.toMatchObject({
      code: 'migration-changed',
      message: expect.stringMatching(/20990101000000_extra.*Restore/),
    });
    rmSync(join(mine, '20990101000000_extra'), { recursive: true });
    await expect(migrate(session, mine)).rejects.toMatchObject({
      code: 'migration-missing',
      message: expect.stringMatching(/20990101000000_extra.*newer/),
    });
    await session.query(`DELETE FROM public."_prisma_migrations" WHERE migration_name LIKE '2099%'`);
    await session.leave();
  });

  it('leaves nothing behind of a migration that fails', async () => {
    const session = await connect(store);
    const mine = join(folder, `failing-${kind}`);
    cpSync(migrations, mine, { recursive: true });
    mkdirSync(join(mine, '20990102000000_broken'));
    writeFileSync(join(mine, '20990102000000_broken', 'migration.sql'), `CREATE TABLE half_${kind} (id TEXT); SELECT no_such_thing;`);
    await expect(migrate(session, mine)).rejects.toMatchObject({
      code: 'migration-failed',
      message: expect.stringContaining('no_such_thing'),
    });
    const { rows } = await session.query('SELECT to_regclass($1) AS half', [`public.half_${kind}`]);
    expect(rows).toEqual([{ half: null }]);
    await session.leave();
  });

  it('writes the ledger that Prisma would', async () => {
    const session = await connect(store);
    const { rows } = await session.query(
      'SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished, applied_steps_count AS steps FROM public."_prisma_migrations" ORDER BY name',
    );
    const names = readdirSync(migrations).filter((name) => /^\d/.test(name));
    const sum = (name: string) =>
      createHash('sha256')
        .update(readFileSync(join(migrations, name, 'migration.sql')))
        .digest('hex');
    expect(rows).toEqual(names.sort().map((name) => ({ name, checksum: sum(name), finished: true, steps: 1 })));
    await session.leave();
  });
});

describe('PostgreSQL', () => {
  it('is migrated once when several processes start together', async () => {
    const server = new pg.Client(inject('postgresUrl'));
    await server.connect();
    const name = `${database}_many`;
    await server.query(`CREATE DATABASE ${name}`);
    await server.end();
    const url = inject('postgresUrl').replace(/\/postgres$/, `/${name}`);
    const stores = await Promise.all([1, 2, 3, 4].map(() => openStore({ databaseUrl: url, dataDir: folder })));
    expect(await stores[3]!.prisma.turn.count()).toBe(0);
    await Promise.all(stores.map((store) => store.close()));
  });

  it('that does not answer is said so, without the password', async () => {
    const opening = openStore({ databaseUrl: 'postgresql://troupe:secret@127.0.0.1:1/troupe', dataDir: folder, patienceMs: 300 });
    await expect(opening).rejects.toMatchObject({
      code: 'store-unreachable',
      retryable: true,
      message: expect.not.stringContaining('secret'),
    });
  });
});
