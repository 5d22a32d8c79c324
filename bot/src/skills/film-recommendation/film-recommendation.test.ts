import type { Emotion, Read } from '@troupe/inference/contract';
import { expect, test } from 'vitest';
import type { SkillRequest } from '../../skill.ts';
import { answer } from './index.ts';

const asked = (detected: Emotion[], said: string[] = []): SkillRequest => ({
  text: 'recommend me a film',
  read: { detected } as Read,
  character: { slug: 'june', name: 'June' },
  history: said.map((text) => ({ role: 'character', text })),
  now: () => 0,
});

test('suits the film to the feeling', async () => {
  const sad = await answer(asked(['grief']));
  const angry = await answer(asked(['anger']));
  expect(sad?.act).toBe('film');
  expect(sad?.text).not.toBe(angry?.text);
});

test('names no film twice in a conversation and offers a person when it has named them all', async () => {
  const said: string[] = [];
  for (let turn = 0; turn < 25; turn++) {
    const film = await answer(asked(['neutral'], said));
    expect(film, `after ${turn} films`).not.toBeNull();
    expect(said).not.toContain(film?.text);
    said.push(film?.text ?? '');
  }
  expect(await answer(asked(['neutral'], said))).toBeNull();
});
