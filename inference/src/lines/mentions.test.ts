// What an answer can take up of a message, in words that read well.
import { describe, expect, it } from 'vitest';
import type { Utterance } from '../contract.ts';
import { thingIn, whoIn } from './mentions.ts';

describe('a thing', () => {
  it.each([
    ['someone scratched my car and just drove off', 'your car'],
    ["The landlord still hasn't fixed the heating. It's been three weeks.", 'the heating'],
    ["had to cancel the holiday, we just can't afford it", 'the holiday'],
    ['my sourdough finally rose, look at me go', 'your sourdough'],
    ['got a raise today', 'a raise'],
    ["my accent's gone since i moved", 'your accent'],
    ["i've signed up for a pottery class on thursdays", 'a pottery class'],
    ['wasps in the loft again', 'wasps'],
  ])('in %j is %j', (text, thing) => {
    expect(thingIn(text)).toBe(thing);
  });

  it.each([
    'i am so tired of everything',
    "they're all gone",
    'see you on monday',
    'best day of my life',
    'ugh',
    '',
    '🙂🙂',
    'my mum and my dad',
  ])('in %j is none', (text) => {
    expect(thingIn(text)).toBeNull();
  });

  it('is sought in the beginning of a long message alone', () => {
    expect(thingIn(`${'and so on and on '.repeat(40)} my bike is gone`)).toBeNull();
  });
});

describe('somebody', () => {
  it.each([
    ["my nan's not well", 'your nan'],
    ['my little sister moved to leeds', 'your sister'],
    ['my parents are visiting', 'your parents'],
    ['my cat has not eaten since yesterday', 'your cat'],
  ])('in %j is %j', (text, who) => {
    expect(whoIn(text, [])).toBe(who);
  });

  it.each(['my ex texted', 'my mum and my dad fought', 'the neighbours are loud', 'she left'])('in %j is nobody, or not one', (text) => {
    expect(whoIn(text, [])).toBeNull();
  });

  it('may have been named in the message before', () => {
    const history: Utterance[] = [
      { role: 'user', text: "my nan's not well" },
      { role: 'character', text: 'I am sorry.' },
    ];
    expect(whoIn("she had a fall, she's in hospital", history)).toBe('your nan');
    expect(whoIn('they took the bus', history)).toBeNull();
  });
});
