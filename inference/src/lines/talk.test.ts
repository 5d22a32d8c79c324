// What a message owes to what went before it: details, facts, topics.
import { beforeAll, describe, expect, it } from 'vitest';
import type { Utterance } from '../contract.ts';
import { type Corpus, loadCorpus } from '../corpus.ts';
import { actNames } from './acts.ts';
import { detailOf } from './details.ts';
import { factsIn, recallOf } from './facts.ts';
import { leaningOn, leaningOnFact } from './leaning.ts';
import { suits } from './moment.ts';
import { plainLines } from './plain.ts';
import { talkOf } from './talk.ts';
import { lowTopics, situationsWithTopics, topicNames } from './topics.ts';

let corpus: Corpus;
beforeAll(async () => {
  corpus = await loadCorpus('characters');
});

const nothingKnown = () => false;

describe('a detail', () => {
  it.each([
    ['Biscuit', 'What was his name?', 'name', 'Biscuit'],
    ['biscuit!', 'What was his name?', 'name', 'Biscuit'],
    ['her name was Mabel', '', 'name', 'Mabel'],
    ['next friday', '', 'when', 'Next friday'],
    ['tomorrow morning', '', 'when', 'Tomorrow morning'],
    ['march', '', 'when', 'March'],
    ['14 years', '', 'how-long', '14 years'],
    ['since last summer', '', 'how-long', 'Since last summer'],
    ['at a bakery', '', 'where', 'At a bakery'],
    ['my sister', '', 'who', 'My sister'],
    ['lasagna', '', 'what', 'Lasagna'],
    ['tuesday at 9', '', 'when', 'Tuesday at 9'],
  ])('%j after %j is a %s', (text, asked, kind, it) => {
    expect(detailOf(text, asked, nothingKnown)).toEqual({ kind, it });
  });

  it.each([
    'i am tired',
    'yes',
    'thanks',
    'why?',
    'in front of everyone',
    'thinking about work',
    'took two days',
    'ow',
    '<@123> hi',
    'http://x.y/z',
    'a sentence that has a good many words in it',
  ])('%j is none', (text) => {
    expect(detailOf(text, 'What was his name?', nothingKnown)).toBeNull();
  });
});

const said = (...texts: string[]): Utterance[] => texts.map((text, i) => ({ role: i % 2 === 0 ? 'user' : 'character', text }));

describe('facts', () => {
  it('are the name, the named, the times and the place that were said', () => {
    const facts = factsIn(
      said('hi, my name is sam', 'Hello.', 'my dog Biscuit is ill and i have an exam on friday', 'Oh.', "i'm flying to Lisbon", 'Nice.'),
    );
    expect(facts).toEqual({
      name: 'Sam',
      named: { name: 'Biscuit', of: 'dog' },
      times: [{ event: 'exam', when: 'Friday' }],
      day: 'Friday',
      ages: [],
      place: 'Lisbon',
      job: null,
      perhaps: null,
    });
  });

  it('take a word for a name only where a name was asked for', () => {
    expect(factsIn(said('my cat died', 'What was her name?', 'marmalade')).named).toEqual({ name: 'Marmalade', of: 'cat' });
    expect(factsIn(said('my cat died', 'I am sorry.', 'cancer')).named).toBeNull();
  });

  it('let a later time replace an earlier one', () => {
    expect(factsIn(said('my interview is on monday', 'Good.', 'they moved the interview, its on thursday now')).times).toEqual([
      { event: 'interview', when: 'Thursday' },
    ]);
  });

  it.each(["hey, i'm marcus", "hello! i'm marcus by the way", "My name's Marcus, I'm new here"])('hear a name in %j', (text) => {
    expect(factsIn(said(text)).name).toBe('Marcus');
  });

  it.each([
    "hey, i'm exhausted",
    "hi, i'm new",
    "i'm so tired",
    "i'm tired by the end of it",
    "i'm back",
    'call me later',
    'i am not sure',
  ])('hear no name in %j', (text) => {
    expect(factsIn(said(text)).name).toBeNull();
  });

  it('are asked for, and what was never said is not known', () => {
    const facts = factsIn(said('call me Ana, my exam is tomorrow', 'Good.'));
    expect(recallOf("what's my name?", facts)).toEqual({ of: 'name', fact: 'Ana' });
    expect(recallOf('when is my exam', facts)).toEqual({ of: 'time', fact: { event: 'exam', when: 'Tomorrow' } });
    expect(recallOf('when is my flight', facts)).toEqual({ of: 'time', fact: null });
    expect(recallOf("what was my dog's name again?", facts)).toEqual({ of: 'named', fact: null });
    const word = factsIn(said('my dog died', 'I am sorry.', 'biscuit', 'I see.'));
    expect(recallOf('what was his name again?', word)).toEqual({ of: 'named', fact: 'Biscuit' });
    const more = factsIn(said("i'm a nurse and i'm moving from oslo to bergen", 'Good.', 'the flight is on tuesday', 'I see.'));
    expect(recallOf('do you remember what i do for work?', more)).toEqual({ of: 'that', fact: 'A nurse' });
    expect(recallOf('where was i moving again?', more)).toEqual({ of: 'place', fact: 'Bergen' });
    expect(recallOf('what day was it again, did i say?', more)).toEqual({ of: 'that', fact: 'Tuesday' });
    expect(recallOf('what do you do for work?', more)).toBeNull();
    const kitten = factsIn(
      said("she's grey, we're calling her Biscuit", 'I see.', "i've got thursday off", 'Good.', 'here with my sister Ana', 'Nice.'),
    );
    expect(recallOf('which day did i say i am off?', kitten)).toEqual({ of: 'that', fact: 'Thursday' });
    expect(recallOf("do you remember who i'm travelling with?", kitten)).toEqual({ of: 'named', fact: 'Ana' });
    const calling = factsIn(said("we're getting a kitten, we're calling her Biscuit"));
    for (const asked of ['what are we calling the kitten again?', "do you remember what we're calling her?"])
      expect(recallOf(asked, calling)).toEqual({ of: 'named', fact: 'Biscuit' });
    expect(recallOf('what date did i say it was?', factsIn(said("she's turning 60, it's on the 14th")))).toEqual({
      of: 'that',
      fact: 'The 14th',
    });
    expect(recallOf('wait which day is she coming, did i say?', factsIn(said('my friend is visiting on friday')))).toEqual({
      of: 'that',
      fact: 'Friday',
    });
    expect(recallOf('how old did i say jonah is?', factsIn(said("alfie's six and jonah's three")))).toEqual({ of: 'that', fact: 'Three' });
    expect(recallOf('how old are you?', factsIn(said("alfie's six")))).toBeNull();
    expect(recallOf('what date did i say it was?', factsIn(said('hello')))).toEqual({ of: 'that', fact: null });
    expect(recallOf('when do you sleep?', facts)).toBeNull();
  });
});

describe('topics', () => {
  it('name situations that exist, none twice', () => {
    const known = new Set(corpus.situations.map(({ id }) => id));
    expect(situationsWithTopics().filter((id) => !known.has(id))).toEqual([]);
  });

  it('have three lines and more with every character, and where only bad news begins them, lines with a face for it', () => {
    for (const { topics } of corpus.characters.values())
      for (const topic of topicNames) {
        const lines = topics.get(topic) ?? [];
        expect(lines.length, topic).toBeGreaterThanOrEqual(3);
        const kind = lines.filter(({ expression }) => suits(expression, -1, false) > 0);
        if (lowTopics.has(topic)) expect(kind.length, topic).toBeGreaterThanOrEqual(3);
      }
  });

  it('are kept while the talk says nothing else', () => {
    const june = corpus.characters.get('june');
    const reply = june?.replies.get('pet-died')?.[0]?.text ?? '';
    const talk = talkOf(june as NonNullable<typeof june>, said('my dog died', reply, 'biscuit', 'Biscuit. I will remember.'));
    expect([talk.topic, talk.situation]).toEqual(['pet-loss', null]);
  });
});

it('every slot in a line is one that its act fills', () => {
  const slots: Record<string, string[]> = { 'recall-time': ['event', 'when'] };
  const slotsOf = (act: string) =>
    slots[act] ?? (/^(heard|recall|about-thing)/.test(act) ? ['it'] : act.startsWith('about-who') ? ['who'] : []);
  for (const { acts, nickname } of corpus.characters.values())
    for (const act of actNames)
      for (const { text } of [...(acts.get(act) ?? []), ...plainLines(nickname).acts(act)])
        for (const [, slot] of text.matchAll(/\{(\w+)\}/g)) expect(slotsOf(act), `${act}: ${text}`).toContain(slot);
});

describe('what is leaned on', () => {
  const turns = (...texts: string[]): Utterance[] =>
    said(...texts).map((utterance, i) => ({ ...utterance, reply: `${Math.floor(i / 2)}` }));

  it('is where a fact was told, the last time that it changed', () => {
    const history = turns(
      'my exam is on monday',
      'Good luck.',
      'no, the exam is on friday',
      'Friday, then.',
      'yes my exam is on friday',
      'Good.',
    );
    expect(leaningOnFact('when is my exam?', history, 'exam: Friday')).toEqual({
      ...{ kind: 'fact', it: 'exam: Friday', role: 'user', reply: '1', turnsAgo: 2 },
    });
    const dog = turns('my dog died', 'What was his name?', 'biscuit', 'I am sorry.', 'thanks', 'Any time.');
    expect(leaningOnFact("what was my dog's name?", dog, 'Biscuit')).toMatchObject({ reply: '1', turnsAgo: 2 });
  });

  it('is counted in turns, whoever spoke, and is nothing where nothing was said', () => {
    const history = turns('hi', 'Hello.', 'tell me a joke', 'No.');
    expect([0, 1, 2, 3].map((at) => leaningOn('turn', history, at)?.turnsAgo)).toEqual([2, 2, 1, 1]);
    expect(leaningOn('turn', said('hi'), 0)).toEqual({ kind: 'turn', it: null, role: 'user', reply: null, turnsAgo: 1 });
    expect(leaningOn('turn', [], -1)).toBeUndefined();
  });
});
