// One suite for both ways: within a process, and over Redis between several.
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Service, startRedis } from '../../test/services.ts';
import { type Bus, openBus, topicOf } from './bus.ts';
import type { TurnUpdate } from './platform.ts';

const log = pino({ level: 'silent' });
const delta = (text: string): TurnUpdate => ({ type: 'delta', text });
const until = <T>(look: () => T) => expect.poll(look, { timeout: 30_000, interval: 5 });

let redis: Service;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe.each([
  { kind: 'in process', url: () => undefined },
  { kind: 'over Redis', url: () => redis.url },
])('the bus $kind', ({ url }) => {
  const open: Bus[] = [];
  const opened = async () => {
    const bus = await openBus({ redisUrl: url(), log });
    open.push(bus);
    return bus;
  };
  afterEach(async () => {
    for (const bus of open.splice(0)) await bus.close();
  });

  it('tells all who watch a topic, in order, and nobody else', async () => {
    const bus = await opened();
    const heard: string[] = [];
    const watch = (who: string, topic: string) =>
      bus.subscribe(topic, (update) => heard.push(`${who} ${update.type === 'delta' ? update.text : update.type}`));
    const watching = [watch('a', 'one'), watch('b', 'one'), watch('c', 'two')];
    await Promise.all(watching.map(({ ready }) => ready));
    for (const text of ['1', '2', '3']) bus.publish('one', delta(text));
    bus.publish('two', { type: 'silent', reason: 'stopped' });
    await until(() => heard.length).toBe(7);
    expect(heard.filter((line) => line.startsWith('a'))).toEqual(['a 1', 'a 2', 'a 3']);
    expect(heard.filter((line) => line.startsWith('b'))).toEqual(['b 1', 'b 2', 'b 3']);
    expect(heard.filter((line) => line.startsWith('c'))).toEqual(['c silent']);
  });

  it('tells nobody who left, and those who stay', async () => {
    const bus = await opened();
    const heard: string[] = [];
    const [leave, stay] = [bus.subscribe('one', () => heard.push('left')), bus.subscribe('one', () => heard.push('stayed'))];
    await Promise.all([leave.ready, stay.ready]);
    leave();
    leave();
    bus.publish('one', delta('1'));
    await until(() => heard).toEqual(['stayed']);
    stay();
    const again = bus.subscribe('one', () => heard.push('came back'));
    await again.ready;
    bus.publish('one', delta('2'));
    await until(() => heard).toEqual(['stayed', 'came back']);
  });

  it('holds nobody up and lets nobody’s error reach the others', async () => {
    const bus = await opened();
    const heard: string[] = [];
    const watching = [
      bus.subscribe('one', () => {
        throw new Error('of this listener');
      }),
      bus.subscribe('one', () => heard.push('told')),
    ];
    await Promise.all(watching.map(({ ready }) => ready));
    bus.publish('one', delta('1'));
    expect(heard).toEqual([]);
    await until(() => heard).toEqual(['told']);
  });

  it('has a topic of its own for each platform, channel and message', () => {
    const topics = [topicOf('web', 'a', 'b'), topicOf('web', 'a","b', ''), topicOf('web', 'ab', ''), topicOf('slack', 'a', 'b')];
    expect(new Set(topics).size).toBe(4);
  });
});

describe('the bus over Redis', () => {
  it('reaches other processes, and again after Redis was away', { timeout: 60_000 }, async () => {
    const [here, there] = [await openBus({ redisUrl: redis.url, log }), await openBus({ redisUrl: redis.url, log })];
    const heard: string[] = [];
    const watching = here.subscribe('one', (update) => heard.push(update.type === 'delta' ? update.text : ''));
    await watching.ready;
    // Nothing tells when the other one has its connection: what is told before is lost.
    await until(() => {
      there.publish('one', delta('hello'));
      return heard.includes('hello');
    }).toBe(true);
    const told = () => heard.filter((text) => text !== 'hello');
    there.publish('one', delta('before'));
    await until(told).toEqual(['before']);
    await redis.kill();
    there.publish('one', delta('lost'));
    here.publish('one', delta('here'));
    await until(told).toEqual(['before', 'here']);
    const during = here.subscribe('two', () => {});
    await during.ready;
    await redis.start();
    await until(() => {
      there.publish('one', delta('after'));
      return heard.includes('after');
    }).toBe(true);
    await here.close();
    await there.close();
  });
});
