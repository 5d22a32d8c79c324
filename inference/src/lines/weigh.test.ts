// What is heard of a turn, and how lines are weighed by it.
import { beforeAll, describe, expect, it } from 'vitest';
import { EMOTIONS, type Utterance } from '../contract.ts';
import { type Character, type Corpus, loadCorpus } from '../corpus.ts';
import { uncalibrated } from './calibration.ts';
import { fitChosen, fitDirection, scoreIn } from './fit.ts';
import { createListener, type Listen, type Reading } from './listen.ts';
import { createSituationIndex } from './situations.ts';
import { universalChoices } from './universal.ts';
import { featuresOf, type Purpose, readWeighing, type Standing, standingOf, type View, type Weighing, weigher } from './weigh.ts';

let corpus: Corpus;
let june: Character;
let listen: Listen;
let weighing: Weighing;
beforeAll(async () => {
  corpus = await loadCorpus('characters');
  june = corpus.characters.get('june') as Character;
  // Of an encoder that it was not learned with.
  weighing = await readWeighing({ checksum: '', situations: undefined });
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

function heard(text: string, message: Reading, before: { text: string; reading: Reading } | null = null, answer = 'I see.'): View {
  const history: Utterance[] = before
    ? [
        { role: 'user', text: before.text },
        { role: 'character', text: answer },
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

describe('what is only said when a talk goes on', () => {
  const ids = (matches: View['now']['best']) => matches.map(({ situation }) => situation.id);

  it('is no first message, and is compared among itself on the topics of the talk', () => {
    expect(heard('fourteen years', reading('neutral')).now.later).toEqual([]);

    const condolence = june.replies.get('pet-died')?.[0]?.text ?? '';
    const mourning = heard('fourteen years', reading('neutral'), { text: 'my dog died', reading: reading('sadness') }, condolence);
    const { best, later } = mourning.now;
    expect(ids(later)).toContain('loss-how-long');
    expect(ids(later)).not.toContain('breakup-why');
    expect(later.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    expect(best.filter(({ situation }) => situation.after)).toEqual([]);
    // Together with what was said before it the message is as a first one.
    expect(mourning.joined?.later).toEqual([]);
  });
});

describe('what may be said as a talk goes on', () => {
  const acts = ({ moment }: View) =>
    universalChoices(june, moment).flatMap(({ purpose, lines }) => (purpose.of === 'act' && lines.length > 0 ? [purpose.act] : []));
  const later = (text: string, before = 'the boiler has been out since monday') =>
    acts(heard(text, reading('neutral'), { text: before, reading: reading('neutral') }));

  it.each([
    ['ok i will ring the plumber tomorrow', 'plan'],
    ['anyway i have to go, talk later', 'leaves'],
    ['it is a very old one, from my gran', 'goes-on'],
    ['write me a letter to the landlord', 'cannot-do'],
    ['would you freeze in there', 'asked-self'],
  ])('after %j is a word for it: %s', (text, act) => {
    expect(later(text)).toContain(act);
  });

  it('takes back what was suggested, where somebody asked and it does not suit', () => {
    expect(later('she does not really like films', 'any ideas for a date?')).toContain('takes-back');
    expect(later('she does not really like films', 'my sister came by')).not.toContain('takes-back');
    expect(later('perfect', 'any ideas for a date?')).not.toContain('takes-back');
  });

  it('is nothing of this at the beginning', () => {
    const first = acts(heard('anyway i will ring the plumber tomorrow, talk later', reading('neutral')));
    for (const act of ['plan', 'leaves', 'goes-on', 'takes-back']) expect(first).not.toContain(act);
  });
});

describe('what may be said for the mood', () => {
  it('is nothing at the beginning, where the mood is of that very message', () => {
    const { moment } = heard('we sat in the garden all day', reading('joy'));
    const before: Utterance[] = [{ role: 'user', text: 'it is over between us' }];
    const forMood = (history: Utterance[]) =>
      universalChoices(june, { ...moment, mood: 'sadness', history }).filter(({ why }) => why.startsWith('in a mood'));
    expect(forMood([])).toEqual([]);
    expect(forMood(before).map(({ purpose }) => purpose.of)).toEqual(['feeling', 'act']);
  });
});

describe('weighing', () => {
  const glad: Purpose = { of: 'feeling', emotion: 'joy' };
  const sad: Purpose = { of: 'feeling', emotion: 'sadness' };
  const kind = { id: 'kind', text: 'I am so sorry. That is sad.', expression: 'caring' } as const;
  const cheer = { id: 'cheer', text: 'How wonderful!', expression: 'joy' } as const;

  it('gives as many features as there are weights, whatever the line is for', () => {
    const view = heard('we sat in the garden all day', reading('joy'));
    const situation: Purpose = { of: 'situation', id: (corpus.situations[0] as { id: string }).id };
    expect(featuresOf(view, kind, situation)).toHaveLength(weighing.situations.linear.length - 1);
    for (const purpose of [glad, sad, { of: 'act', act: 'company' }, { of: 'topic', topic: 'pets' }] as Purpose[])
      expect(featuresOf(view, kind, purpose)).toHaveLength(weighing.others.linear.length - 1);
  });

  it('is what the net says of the features', () => {
    const view = heard('we sat in the garden all day', reading('joy'));
    const features = [...featuresOf(view, cheer, glad, undefined, standingOf(view, cheer, glad, weighing.standing)), 1];
    const sum = (weights: readonly number[]) => weights.reduce((sum, w, i) => sum + w * (features[i] as number), 0);
    const { others, out, passes, fits } = weighing;
    const score = sum(others.linear) + others.hidden.reduce((all, unit, j) => all + (out[j] as number) * Math.tanh(sum(unit)), 0);
    const chance = ([slope, bias]: readonly [number, number]) => 1 / (1 + Math.exp(-slope * score - bias));
    expect(weigher(weighing, view, glad)(cheer)).toBeCloseTo((chance(passes) + chance(fits)) / 2, 10);
  });

  it('puts what is about the matter before what fits anything, where both are worth the same', () => {
    const view = heard('we sat in the garden all day', reading('joy'));
    const none = ({ linear }: Weighing['others']) => ({ linear: linear.map(() => 0), hidden: [] });
    const blank: Weighing = {
      ...weighing,
      situations: none(weighing.situations),
      others: none(weighing.others),
      out: [],
      passes: [1, 0],
      fits: [1, 0],
    };
    const about: Purpose = { of: 'situation', id: (corpus.situations[0] as { id: string }).id };
    expect(weigher(blank, view, about)(cheer)).toBeGreaterThan(weigher(blank, view, glad)(cheer));
  });

  it('says so when it was fitted for other features', () => {
    const view = heard('we sat in the garden all day', reading('joy'));
    const { linear, hidden } = weighing.others;
    const old: Weighing = { ...weighing, others: { linear: linear.slice(1), hidden: hidden.map((unit) => unit.slice(1)) } };
    expect(() => weigher(old, view, glad)(cheer)).toThrow(/weighs \d+ features of a line and the code counts \d+; fit it anew/);
  });

  it('hears where a line of one purpose was found to fit', () => {
    const view = heard('we sat in the garden all day', reading('joy', 2));
    expect(featuresOf(view, cheer, glad, Float32Array.from(unit(2))).slice(0, 2)).toEqual([1, 1]);
    expect(featuresOf(view, cheer, glad, Float32Array.from(unit(3))).slice(0, 2)).toEqual([0, 0]);
    expect(featuresOf(view, cheer, glad).slice(0, 2)).toEqual([0, 0]);
  });

  it('hears how a line stood among others, at the beginning and in a talk apart', () => {
    const first = heard('we sat in the garden all day', reading('joy'));
    const later = heard('it was sunny', reading('joy'), { text: 'we sat in the garden', reading: reading('joy') });
    const standing: Standing = { first: { cheer: -0.4, 'feeling:joy': 0.1 }, later: { cheer: 0.3 } };
    expect(standingOf(first, cheer, glad, standing)).toEqual([-0.4, 0.1]);
    expect(standingOf(later, cheer, glad, standing)).toEqual([0.3, 0]);
    expect(standingOf(later, kind, sad, standing)).toEqual([0, 0]);
    const layer = {
      linear: featuresOf(first, cheer, glad)
        .map((_, i, all) => +(i === all.length - 2))
        .concat(0),
      hidden: [],
    };
    const simple: Weighing = { ...weighing, others: layer, out: [], passes: [1, 0], fits: [1, 0], standing };
    expect(weigher(simple, later, glad)(cheer)).toBeGreaterThan(weigher(simple, first, glad)(cheer));
  });

  it('puts comfort before cheer in sorrow, and cheer first in joy', () => {
    const sorrow = heard('the house is empty without her', reading('sadness'));
    const joy = heard('she came home today and we danced', reading('joy'));
    expect(weigher(weighing, sorrow, sad)(kind)).toBeGreaterThan(weigher(weighing, sorrow, glad)(cheer));
    expect(weigher(weighing, joy, glad)(cheer)).toBeGreaterThan(weigher(weighing, joy, sad)(kind));
  });
});

describe('a net that chooses among a list', () => {
  const row = (...features: number[]) => ({ places: Int32Array.from(features, (_, i) => i), values: Float32Array.from(features) });
  /** Worth something where exactly one of two is there, which no sum can tell. */
  const lists = Array.from({ length: 60 }, (_, i) => ({
    rows: [row(0, 0, 1), row(1, 0, 1), row(0, 1, 1), row(1, 1, 1)].map((_, k, all) => all[(k + i) % 4] as ReturnType<typeof row>),
    worth: [0, 1, 1, 0].map((_, k, all) => all[(k + i) % 4] as number),
  }));
  const scores = (units: number) => {
    const net = fitChosen(lists, 3, { hidden: units, epochs: 200, batch: 20, rate: 0.03, decay: 0.001 });
    return [row(0, 0, 1), row(1, 0, 1), row(0, 1, 1), row(1, 1, 1)].map((one) => scoreIn(net, one));
  };

  it('learns what only two features together tell', () => {
    const [neither, one, other, both] = scores(8) as [number, number, number, number];
    expect(Math.min(one, other)).toBeGreaterThan(Math.max(neither, both) + 1);
  });

  it('is the same every time', () => {
    expect(scores(2)).toEqual(scores(2));
  });

  it('follows the list that counts for more where two disagree', () => {
    const rows = [row(1, 0), row(0, 1)];
    const leaning = (weight: number) => {
      const net = fitChosen(
        [
          { rows, worth: [1, 0], weight },
          { rows, worth: [0, 1] },
        ],
        2,
        { hidden: 0, epochs: 50, rate: 0.05 },
      );
      return scoreIn(net, rows[0] as (typeof rows)[0]) - scoreIn(net, rows[1] as (typeof rows)[0]);
    };
    expect(leaning(2)).toBeGreaterThan(0);
    expect(leaning(0.3)).toBeLessThan(0);
  });
});

describe('a direction', () => {
  const at = (...embedding: number[]) => Float32Array.from(embedding);
  const examples = [
    ...Array.from({ length: 20 }, () => ({ embedding: at(1, 0), worth: 1 })),
    ...Array.from({ length: 20 }, () => ({ embedding: at(0, 1), worth: 0 })),
  ];
  it('turns to where the worth is, and the more examples there are the further', () => {
    const [x, y] = fitDirection(examples, at(0, 1)) as unknown as [number, number];
    expect(x).toBeGreaterThan(y);
    const [few] = fitDirection([examples[0], examples[39]] as typeof examples, at(0, 1)) as unknown as [number];
    expect(few).toBeGreaterThan(0);
    expect(few).toBeLessThan(x);
  });
});
