// Words that decide against the likeliest situation.
import { beforeAll, expect, it } from 'vitest';
import { type Corpus, loadCorpus } from '../corpus.ts';
import { cuesOf } from './cues.ts';
import { toneOf } from './felt.ts';
import { insteadOf, isAsideOf } from './instead.ts';
import type { Moment } from './moment.ts';
import { featureNames, type Match } from './situations.ts';

let corpus: Corpus;
beforeAll(async () => {
  corpus = await loadCorpus('characters');
});

function match(id: string): Match {
  const situation = corpus.situations.find((one) => one.id === id);
  if (!situation) throw new Error(`there is no situation ${id}`);
  return { situation, score: 0, share: 1, astray: 0, features: new Float32Array(featureNames.length), isWording: false };
}

const said = (text: string) =>
  ({
    heard: {
      text,
      embedding: new Float32Array(),
      read: new Float32Array(),
      felt: toneOf(new Float32Array(28)),
      cues: cuesOf(text, () => true),
    },
  }) as unknown as Moment;

it.each([
  ['someone-died', 'i crashed my moms car', true],
  ['someone-died', 'my uncle passed on friday', false],
  ['pet-died', 'we had to say goodbye to our old cat', false],
  ['pregnancy-loss', "my wife's pregnant, we're having a baby", true],
  ['found-what-i-lost', 'someone scratched my car with a key', true],
  ['found-what-i-lost', 'my wallet turned up', false],
  ['car-trouble', 'someone scratched my car and just left', true],
  ['car-trouble', "the car won't start", false],
  ['flight-delayed', "the airline lost my luggage and won't answer", true],
  ['flight-delayed', 'still at the gate, another hour they say', false],
  ['afraid-to-disappoint-family', "i'm so scared i'll fail", true],
  ['afraid-to-disappoint-family', 'if i fail my parents will never forgive me', false],
  ['advice-to-younger-self', 'what is the best advice anyone ever gave you?', true],
  ['advice-to-younger-self', 'what would you tell your younger self', false],
  ['cheated-on', 'i think my boyfriend is hiding something from me', true],
  ['cheated-on', 'he has been seeing somebody else for a year', false],
  ['presentation', 'the presentation is over', true],
  ['presentation', 'i have a presentation on monday', false],
])('%s for %j is beside the point: %j', (id, text, aside) => {
  expect(isAsideOf(match(id), said(text))).toBe(aside);
});

it.each([
  ['just-woke-up', 'do you sleep', true],
  ['tell-joke', 'whats the best joke you know', false],
  ['cant-sleep', "can't sleep. you up?", false],
])('%s, which nobody asks about the character, for %j is beside the point: %j', (id, text, aside) => {
  const { features, ...rest } = match(id);
  for (const name of ['question', 'you'] as const) features[featureNames.indexOf(name)] = 0.9;
  expect(isAsideOf({ ...rest, features }, said(text))).toBe(aside);
});

it.each([
  ['job-hunt', 'got the job 😭😭😭 after 7 months of looking', 'got-the-job'],
  ['job-hunt', 'seven months of looking and no job', undefined],
  ['job-hunt', 'my friend got the job i applied for', undefined],
  ['sibling-estranged', 'me and my sister made up after almost a year', 'made-up-after-fight'],
  ['pet-missing', 'the cat came home', 'relieved'],
  ['ask-for-raise', 'got a raise and did not even ask', 'promoted'],
  ['ask-for-raise', "i didn't get a raise", undefined],
  ['passed-exam', 'got my exam results. didnt pass', 'failed-exam'],
  ['passed-exam', 'i passed my exam', undefined],
  ['test-went-badly', 'got an A on the chemistry test i was dreading', 'passed-exam'],
  ['test-went-badly', 'got a bad feeling about that test', undefined],
  ['no-promotion', 'guess who just got promoted', 'promoted'],
  ['laid-off', 'they are doing layoffs next week', 'fear-for-job'],
  ['laid-off', 'i was laid off in the last layoffs', undefined],
  ['sibling-fight', 'my sister shouted at me', undefined],
  ['lost-wallet', 'lost my wallet on the train and a stranger posted it back with everything in it', 'found-what-i-lost'],
  ['lost-keys', 'spent 20 minutes looking for my glasses. they were on my head', 'found-what-i-lost'],
  ['lost-keys', "lost my keys and i still haven't found them", undefined],
  ['something-stolen', 'found my car window smashed and the radio gone', undefined],
  ['code-doesnt-work', 'my code works and i have no idea why', 'bug-fixed'],
  ['code-doesnt-work', 'it works on my machine but not on the server', undefined],
  ['car-trouble', 'the car is running again and all it needed was a fuse', 'working-again'],
  ['car-trouble', 'the car broke down again', undefined],
  ['dentist-or-needle', 'dentist said no cavities!!', 'health-good-news'],
  ['results-pending', 'waiting to hear if it is benign', undefined],
])('%s for %j is %j', (id, text, instead) => {
  expect(insteadOf(match(id), said(text))).toBe(instead);
});
