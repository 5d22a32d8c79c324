// Which written dialogues are near, with vectors made for the purpose.
import { expect, it } from 'vitest';
import { EMOTIONS } from '../contract.ts';
import type { Character, DialogueTurn } from '../corpus.ts';
import { fakeJob } from '../fakes.ts';
import type { Vectors } from '../vectors.ts';
import { cuesOf } from './cues.ts';
import { createDialogueIndex } from './dialogues.ts';
import { type Moment, momentOf } from './moment.ts';

const axes: Record<string, number[]> = { exam: [1, 0, 0, 0], marbles: [0, 1, 0, 0], dev: [0, 0, 1, 0], rain: [0, 0, 0, 1] };
const vectors = {
  dimensions: 4,
  get: (text: string) => (axes[text] ? Float32Array.from(axes[text]) : undefined),
  matrix: (texts: readonly string[]) => Float32Array.from(texts.flatMap((text) => axes[text] ?? [0, 0, 0, 0])),
} as unknown as Vectors;
const turn = (user: string): DialogueTurn => ({
  line: `line-${user}`,
  user,
  emotion: 'neutral',
  answer: `about ${user}`,
  expression: 'neutral',
});
const character = {
  dialogues: [
    { kind: 'conversation', id: 'c1', turns: [turn('exam'), turn('marbles'), turn('dev')] },
    { kind: 'exchange', id: 'e1', turns: [turn('rain'), turn('dev')] },
  ],
} as unknown as Character;
const index = createDialogueIndex(character, vectors);

function moment(text: string, before: string | null, last = ''): Moment {
  const emotions = Float32Array.from(EMOTIONS, (label) => (label === 'neutral' ? 1 : 0));
  const felt = { emotions, low: 0, level: 1, bright: 0 };
  const embedding = Float32Array.from(axes[text] ?? []);
  const heard = { text, embedding, read: emotions, felt, cues: cuesOf(text, () => true) };
  return { ...momentOf(fakeJob({ text, history: [] }), heard), before: before ? Float32Array.from(axes[before] ?? []) : null, last };
}
const ids = (m: Moment) => index.near(m, 0.7).map(({ dialogue, turn: { user } }) => `${dialogue.id} ${user}`);

it('finds an opening that is alike', () => {
  expect(ids(moment('rain', null))).toEqual(['e1 rain']);
  expect(ids(moment('exam', null))).not.toContain('e1 rain');
});

it('finds a turn in the middle of a conversation only after what went before it there', () => {
  expect(ids(moment('marbles', 'exam'))).toEqual(['c1 marbles']);
  expect(ids(moment('marbles', 'rain'))).toEqual([]);
  expect(ids(moment('marbles', null))).toEqual([]);
  // What an exchange goes on with is said after its own first line only.
  expect(ids(moment('dev', 'rain'))).toEqual([]);
});

it('goes on from the line that was said last', () => {
  expect(ids(moment('dev', null, 'about rain'))).toEqual(['e1 dev']);
});

it.each([
  ['eleven years there and gone', false],
  ['fourteen years there and gone', true],
  ['14 years there and gone', true],
])('takes up no number that was not said: %j, %j', (text, found) => {
  const told = { ...turn('laid off after 14 years'), answer: 'Fourteen years. I am sorry.' };
  const vector = [0, 0, 1, 0];
  const all = { ...vectors, get: () => Float32Array.from(vector), matrix: () => Float32Array.from(vector) } as unknown as Vectors;
  const one = createDialogueIndex({ dialogues: [{ kind: 'exchange', id: 'e', turns: [told] }] } as unknown as Character, all);
  const heard = { ...moment('dev', null).heard, text, cues: cuesOf(text, () => true) };
  expect(one.near({ ...moment('dev', null), heard }, 0.7).length > 0).toBe(found);
});
