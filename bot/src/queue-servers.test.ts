// What one of the two transports has to bear and the other has not.
import { createPostgresBackend, Worker } from 'bullmq';
import { describe, expect, it } from 'vitest';
import { idOf, log, message, OPTIONS, read, readJob, until, useTransports } from '../test/queue-kinds.ts';
import { openQueues } from './queue.ts';

const { held } = useTransports();

describe('queues on Redis', () => {
  it('say so aloud when Redis is away, and go on when it is back', { timeout: 60_000 }, async () => {
    const queues = await openQueues({ redisUrl: held.redis.url }, { log });
    const worker = new Worker('read', async () => read, { ...OPTIONS, connection: { url: held.redis.url, maxRetriesPerRequest: null } });
    worker.on('error', () => {});
    await worker.waitUntilReady();
    await queues.read(readJob('before'));
    await held.redis.kill();
    await expect(queues.inbox.add(message('away'))).rejects.toMatchObject({ code: 'queue-unreachable', retryable: true });
    await expect(queues.ping()).rejects.toMatchObject({ code: 'queue-unreachable' });
    await held.redis.start();
    await until(() => queues.ping().then(() => 'back', String)).toBe('back');
    await queues.inbox.add(message('back'));
    expect((await queues.read(readJob('after'))).result).toEqual(read);
    await worker.close();
    await held.redis.kill();
    await queues.close();
    await held.redis.start();
  });

  it('refuse to open where there is none', { timeout: 30_000 }, async () => {
    await expect(openQueues({ redisUrl: 'redis://127.0.0.1:1' }, { log, patienceMs: 300 })).rejects.toMatchObject({
      code: 'queue-unreachable',
      retryable: true,
    });
  });
});

describe('queues on the embedded store', () => {
  it('share it with Prisma: jobs and transactions by the hundred, each done once', { timeout: 120_000 }, async () => {
    const { prisma, pool } = held.store;
    const queues = await openQueues({ pool: pool! }, { log });
    const worker = new Worker('read', async () => read, { ...OPTIONS, concurrency: 16, connection: pool! }, createPostgresBackend);
    await worker.waitUntilReady();
    await prisma.person.create({ data: { id: 'counter', platform: 'web', workspace: '', externalId: 'counter', name: '0' } });
    let done = 0;
    await queues.inbox.process(
      async (job) => {
        await queues.read(readJob(`stress-${idOf(job)}`));
        await prisma.$transaction(async (sql) => {
          const { name } = await sql.person.findUniqueOrThrow({ where: { id: 'counter' } });
          await sql.conversation.create({ data: { id: `s-${idOf(job)}`, platform: 'web', workspace: '', channel: `s-${idOf(job)}` } });
          await sql.person.update({ where: { id: 'counter' }, data: { name: String(Number(name) + 1) } });
        });
        done++;
      },
      { concurrency: 32 },
    );
    await Promise.all(Array.from({ length: 300 }, (_, n) => queues.inbox.add(message(`s${n}`))));
    await until(() => done).toBe(300);
    expect((await prisma.person.findUniqueOrThrow({ where: { id: 'counter' } })).name).toBe('300');
    expect(await prisma.conversation.count({ where: { id: { startsWith: 's-' } } })).toBe(300);
    await worker.close();
    await queues.close();
  });

  it('have no table with a name of ours', async () => {
    const { rows } = await held.store.pool!.query(
      "SELECT relname FROM pg_class WHERE relnamespace = 'bullmq'::regnamespace INTERSECT SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    );
    expect(rows).toEqual([]);
  });
});
