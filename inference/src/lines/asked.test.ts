// A line asks nothing that the person has just said.
import { describe, expect, it } from 'vitest';
import { asksWhatWasSaid, tellsSomething } from './asked.ts';

describe('a line that asks', () => {
  it.each([
    ['Oh, you are going somewhere! Where to?', 'just booked tickets to lisbon, first trip in years'],
    ['Take your real shoes. Where are you going.', 'flying to Rome on friday'],
    ['Good luck. When is it?', 'my exam is next tuesday'],
    ['How long has it been going on?', 'the boiler has been out for three weeks'],
    ['How long have they been at it.', 'the neighbours have been drilling since seven'],
    ['And how old is she now?', 'my daughter turned 4'],
    ["What's the name?", 'we got a puppy, she is called Nora'],
    ['Who did it?', 'my flatmate ate my leftovers'],
  ])('%j after %j asks what was said', (line, message) => {
    expect(asksWhatWasSaid(line, message)).toBe(true);
  });

  it.each([
    ['Where to?', 'we are going away at last!'],
    ['When did you last eat?', 'i am so hungry'],
    ['How are you holding up?', 'my exam is next tuesday'],
    ['What is the light like there?', 'we move in on the first'],
    ['Take it where you can get it. Sleep well.', 'i am off to bed'],
    ['Who is coming?', 'i am having a party'],
    ['You could always wait until when it suits you.', 'my exam is next tuesday'],
  ])('%j after %j does not', (line, message) => {
    expect(asksWhatWasSaid(line, message)).toBe(false);
  });
});

describe('a message', () => {
  it.each([
    "had to cancel the holiday, we just can't afford it this year",
    "found my grandmother's ring behind the sofa",
    'my sourdough finally rose, look at me go',
    'the landlord still has not fixed the heating',
  ])('%j tells something', (message) => {
    expect(tellsSomething(message)).toBe(true);
  });

  it.each([
    'i feel so low today',
    "i'm so happy right now!!",
    'ugh i hate everything',
    "i don't know, i just feel really sad lately",
    'not a good day',
    'feeling really nervous and i do not know why',
  ])('%j tells a feeling alone', (message) => {
    expect(tellsSomething(message)).toBe(false);
  });
});
