import type { Utterance } from '@troupe/inference/contract';
import { expect, test } from 'vitest';
import { goesInCircles } from './loop.ts';

function talk(...pairs: [string, string][]): Utterance[] {
  return pairs.flatMap(([said, answered]): Utterance[] => [
    { role: 'user', text: said },
    { role: 'character', text: answered },
  ]);
}

test('the sixth time the same words in a row is a circle', () => {
  const said = 'Sorry, I did not understand. Type !help.';
  const four = talk(...Array.from({ length: 4 }, (_, n): [string, string] => [said, `answer ${n}`]));
  expect(goesInCircles(said, four)).toBe(false);
  expect(goesInCircles('sorry i did not understand, type help', [...four, ...talk([said, 'x'])])).toBe(true);
  expect(goesInCircles('something else', [...four, ...talk([said, 'x'])])).toBe(false);
});

test('twice our own words back is a circle', () => {
  const history = talk(
    ['hello there my friend', 'Good evening, who goes there?'],
    ['Good evening, who goes there?', 'It is only me, the night clerk.'],
  );
  expect(goesInCircles('It is only me, the night clerk.', history)).toBe(true);
  expect(goesInCircles('Good one.', history)).toBe(false);
});

test('short words may be said often by two people', () => {
  expect(goesInCircles('ok', talk(['ok', 'Ok.'], ['ok', 'Ok.']))).toBe(false);
  expect(goesInCircles('🙂', [])).toBe(false);
});
