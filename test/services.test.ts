import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, inject, test } from 'vitest';

test('the run brings a real Redis and a real PostgreSQL', async () => {
  const redis = new Redis(inject('redisUrl'));
  expect(await redis.ping()).toBe('PONG');
  await redis.quit();
  const client = new pg.Client(inject('postgresUrl'));
  await client.connect();
  expect((await client.query('select 40 + 2 as n')).rows).toEqual([{ n: 42 }]);
  await client.end();
});
