import { expect, test } from 'vitest';
import { createLog } from './log.ts';

test('writes fields and no text', () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => lines.push(line) });
  log.child({ turnId: 't1' }).info({ text: 'my secret', event: { text: 'my secret' }, token: 'xoxb-my secret' }, 'turn begins');
  log.debug('not at this level');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({ turnId: 't1', msg: 'turn begins', text: '(not logged)' });
  expect(lines[0]).not.toContain('my secret');
});
