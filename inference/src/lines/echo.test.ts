// Which line takes up what a message speaks of, and when none does.
import { beforeAll, describe, expect, it } from 'vitest';
import { EMOTIONS, type Emotion, type Utterance } from '../contract.ts';
import { type Character, loadCorpus } from '../corpus.ts';
import { cuesOf } from './cues.ts';
import { echoes } from './echo.ts';
import { toneOf } from './felt.ts';
import type { Moment } from './moment.ts';

let june: Character;
beforeAll(async () => {
  june = (await loadCorpus('characters')).characters.get('june') as Character;
});

function moment(text: string, emotion: Emotion, changed: Partial<Moment> = {}): Moment {
  const read = Float32Array.from(EMOTIONS, (label) => (label === emotion ? 1 : 0));
  const heard = { text, embedding: new Float32Array(), read, felt: toneOf(read), cues: cuesOf(text, () => true) };
  const tone = heard.felt.bright - heard.felt.low;
  const quiet = {
    history: [],
    before: null,
    grave: false,
    mood: null,
    lately: 0,
    answering: false,
    requested: false,
    asked: 0,
    last: '',
    harmless: true,
  };
  return { ...quiet, heard, tone, words: heard.cues.tokens.length, chance: () => 0.5, ...changed };
}

const acts = (found: ReturnType<typeof echoes>) =>
  [...june.acts].flatMap(([act, lines]) => (lines.some(({ id }) => id === found[0]?.lines[0]?.id) ? [act] : []));

describe('what is spoken of', () => {
  it.each([
    ['got a raise at work today', 'joy', 'about-thing-bright', 'A raise'],
    ['had to cancel the holiday this year', 'sadness', 'about-thing-low', 'The holiday'],
    ['someone scratched my car and drove off', 'anger', 'about-thing-cross', 'Your car'],
    ['my grandad went into a care home', 'sadness', 'about-who-low', 'your grandad'],
    ['my daughter took her first steps', 'pride', 'about-who-bright', 'your daughter'],
  ] as const)('in %j, felt as %s, is taken up by %s: %s', (text, emotion, act, it) => {
    const found = echoes(june, moment(text, emotion));
    expect(acts(found)).toEqual([act]);
    expect(found[0]?.lines[0]?.text).toContain(it);
  });

  it.each([
    ['a question', moment('where did i put my car keys?', 'neutral')],
    ['a feeling alone', moment('i feel so low today', 'sadness')],
    ['a grave moment', moment('someone scratched my car', 'anger', { grave: true })],
    ['words that may harm', moment('someone scratched my car', 'anger', { harmless: false })],
    ['nothing that can be taken up', moment('met loads and then went again', 'sadness')],
    ['a thing without a feeling', moment('they moved the stapler to the third floor', 'neutral')],
  ])('is left alone: %s', (_, now) => {
    expect(echoes(june, now)).toEqual([]);
  });

  it('is left alone where the last line took something up already', () => {
    const history: Utterance[] = [
      { role: 'user', text: 'someone scratched my car' },
      { role: 'character', text: "Your car. I'd be cross too." },
    ];
    const again = echoes(june, moment('and the insurance wants my receipt', 'annoyance', { history, last: "Your car. I'd be cross too." }));
    const afresh = echoes(june, moment('and the insurance wants my receipt', 'annoyance', { history, last: 'Go on.' }));
    expect(again).toEqual([]);
    expect(afresh).toHaveLength(1);
  });

  it('leans on the message before where that said who she is', () => {
    const history: Utterance[] = [
      { role: 'user', text: "my nan's not well" },
      { role: 'character', text: 'I am sorry.' },
    ];
    expect(echoes(june, moment("she had a fall and she's in hospital", 'sadness', { history }))[0]?.leansOn).toMatchObject({
      kind: 'turn',
      role: 'user',
    });
    expect(echoes(june, moment('my nan had a fall', 'sadness'))[0]?.leansOn).toBeUndefined();
  });
});
