import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openStage, type Stage, until } from '../test/stage.ts';

let stage: Stage;
let where = '';
let count = 0;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());
beforeEach(() => {
  where = `room-${count++}`;
  stage.puppet.before = async () => {};
  stage.loft.before = async () => {};
});

const here = () => stage.loft.seen.filter(({ address }) => address.channel === where);
const replies = (many: number) => until(() => (here().length >= many ? here().slice(0, many) : null));
const say = (text: string, over: Parameters<Stage['loft']['say']>[1] = {}) => stage.loft.say(text, { where, who: `p-${where}`, ...over });

test('a message is read, written and answered once', async () => {
  await say('hello, i am so sad');
  const [reply] = await replies(1);
  expect(reply).toMatchObject({
    text: 'vivienne hears: hello, i am so sad',
    character: { slug: 'vivienne', name: expect.any(String) },
    expression: 'caring',
    attempt: 1,
    address: { workspace: 'loft', channel: where, place: { room: where } },
  });
  const [row] = await stage.rows('SELECT * FROM replies WHERE id = $1', reply!.replyId);
  expect(row).toMatchObject({
    character: 'vivienne',
    line: 'vivienne-s0001',
    intent: { decidedBy: 'model' },
    mood: { label: 'sadness' },
    versions: { encoder: 'v1', lines: 'v1' },
  });
  await until(async () => (await stage.rows('SELECT 1 FROM sent_messages WHERE reply_id = $1', reply!.replyId)).length === 1);
  expect(await stage.rows('SELECT state, attempts FROM outbox WHERE reply_id = $1', reply!.replyId)).toEqual([
    { state: 'sent', attempts: 1 },
  ]);
});
