// What is heard of a turn, and how lines are weighed by it.
import { beforeAll, describe, expect, it } from 'vitest';
import { EMOTIONS, type Utterance } from '../contract.ts';
import { type Character, type Corpus, loadCorpus } from '../corpus.ts';
import { uncalibrated } from './calibration.ts';
import { fitScaledOdds, odds } from './fit.ts';
import { createListener, type Listen, type Reading } from './listen.ts';
import { createSituationIndex } from './situations.ts';
import { featuresOf, type Purpose, readWeighing, type View, type Weighing, weigher } from './weigh.ts';

let corpus: Corpus;
let june: Character;
let listen: Listen;
let weighing: Weighing;
beforeAll(async () => {
  corpus = await loadCorpus('characters');
  june = corpus.characters.get('june') as Character;
  weighing = await readWeighing();
  const dimensions = 8;
  // Every situation points its own way among eight; what matters here is not which is found.
  const rows = corpus.situations.flatMap(({ examples }, s) => Array.from({ length: 1 + examples.length }, () => unit(s % dimensions)));
  const vectors = Float32Array.from(rows.flat());
  const index = createSituationIndex({ situations: corpus.situations, vectors, dimensions, calibration: uncalibrated });
  listen = createListener(corpus, index, uncalibrated);
});

const unit = (at: number) => Array.from({ length: 8 }, (_, i) => +(i === at));
const reading = (label: (typeof EMOTIONS)[number], at = 0): Reading => ({
  embedding: Float32Array.from(unit(at)),
  emotions: Float32Array.from(EMOTIONS, (one) => (one === label ? 0.9 : 0.01)),
});

function heard(text: string, message: Reading, before: { text: string; reading: Reading } | null = null): View {
  const history: Utterance[] = before
    ? [
        { role: 'user', text: before.text },
        { role: 'character', text: 'I see.' },
      ]
    : [];
  const read = { emotions: EMOTIONS.map((label, i) => ({ label, score: message.emotions[i] as number })) };
  const job = { turnId: 't', text, grave: false, mood: { valence: 0, intensity: 0, label: 'neutral', turns: 0 }, history, read };
  return listen(june, job as unknown as Parameters<Listen>[1], { message, before: before?.reading ?? null });
}

describe('a turn', () => {
  it('is heard by itself at the beginning, and together with the message before it later', () => {
    const alone = heard('he is 14', reading('neutral'));
    expect(alone.joined).toBeNull();
    expect(alone.together).toEqual(alone.moment.heard.felt);
    const after = heard('he is 14', reading('neutral'), { text: 'my dog is very ill and i am so sad', reading: reading('sadness', 3) });
    expect(after.joined?.best.length).toBe(12);
    expect(after.together.low).toBeGreaterThan(after.moment.heard.felt.low);
  });
});

describe('weighing', () => {
  const glad: Purpose = { of: 'feeling', emotion: 'joy' };
  const sad: Purpose = { of: 'feeling', emotion: 'sadness' };
  const kind = { text: 'I am so sorry. That is sad.', expression: 'caring' } as const;
  const cheer = { text: 'How wonderful!', expression: 'joy' } as const;

  it('gives as many features as there are weights, whatever the line is for', () => {
    const view = heard('we sat in the garden all day', reading('joy'));
    const situation: Purpose = { of: 'situation', id: (corpus.situations[0] as { id: string }).id };
    expect(featuresOf(view, kind, situation)).toHaveLength(weighing.situations.passes.length - 1);
    for (const purpose of [glad, sad, { of: 'act', act: 'company' }, { of: 'topic', topic: 'pets' }] as Purpose[])
      expect(featuresOf(view, kind, purpose)).toHaveLength(weighing.others.fits.length - 1);
  });

  it('is what the two regressions say', () => {
    const view = heard('we sat in the garden all day', reading('joy'));
    const features = featuresOf(view, cheer, glad);
    const expected = (odds(weighing.others.passes, features) + odds(weighing.others.fits, features)) / 2.25;
    expect(weigher(weighing, view, glad)(cheer)).toBeCloseTo(expected, 10);
  });

  it('puts comfort before cheer in sorrow, and cheer first in joy', () => {
    const sorrow = heard('the house is empty without her', reading('sadness'));
    const joy = heard('she came home today and we danced', reading('joy'));
    expect(weigher(weighing, sorrow, sad)(kind)).toBeGreaterThan(weigher(weighing, sorrow, glad)(cheer));
    expect(weigher(weighing, joy, glad)(cheer)).toBeGreaterThan(weigher(weighing, joy, sad)(kind));
  });
});

describe('odds over features of any scale', () => {
  it('find what tells, and give little to what is hardly ever there', () => {
    const rows = Array.from({ length: 400 }, (_, i) => ({
      features: [(i % 20) * 100, +(i === 7), i % 3],
      right: i % 20 >= 10 || i === 7,
    }));
    const weights = fitScaledOdds(rows);
    expect(odds(weights, [1900, 0, 1])).toBeGreaterThan(0.9);
    expect(odds(weights, [0, 0, 1])).toBeLessThan(0.1);
    expect(odds(weights, [0, 1, 1])).toBeLessThan(0.5);
  });
});
