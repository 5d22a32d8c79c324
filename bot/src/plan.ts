// How a turn will be answered: in plain words of our own, or by a character with facts or an act.
import type { Act, Facts, Written } from '@troupe/inference/contract';
import type { Character, Characters } from './characters.ts';
import { otherLanguage } from './language.ts';
import type { Effects } from './memory-reply.ts';
import type { TurnIntent } from './platform.ts';
import { clarifyText, type Route, spoken } from './router.ts';
import type { Category } from './safety.ts';
import type { SkillAnswer } from './skill.ts';
import { helpText, list, type Word } from './words.ts';

export interface Plan {
  intent: TurnIntent;
  /** Said as it is; nothing is left to a model. */
  said?: Written;
  facts?: Facts;
  act?: Act;
  /** Said plainly when nobody is there to write; an apology where it is missing. */
  fallback?: string;
  effects?: Effects;
}

export interface Situation {
  text: string;
  word: Word | null;
  danger: Category | null;
  overLimit: boolean;
  /** What was stored about the person, for `forget me`. */
  stored: string;
  characters: Characters;
  /** Who answers. */
  character: Character;
  crisisText: string;
}

/** Null: a model decides. */
export function planByRules(situation: Situation): Plan | null {
  const { text, word, danger, overLimit } = situation;
  if (danger)
    return {
      intent: rule(danger),
      said: said(crisisReply(danger, situation.crisisText), 'caring', 'safety', danger),
      effects: { crisis: true },
    };
  if (overLimit)
    return {
      intent: rule('rate-limit'),
      act: 'rate-limit',
      fallback: 'That is more than I can answer at once. Give me a moment, then write again.',
    };
  if (word) return planOfWord(word, situation);
  const language = otherLanguage(text);
  if (!language) return null;
  const sentence = language.apology || 'So far I understand only English.';
  return {
    intent: rule('language'),
    facts: { skill: 'language', text: sentence, act: 'language' },
    fallback: `I understand only English. ${sentence}`,
  };
}

function planOfWord(word: Word, { characters, character, crisisText, stored }: Situation): Plan {
  const intent = rule(word.word);
  switch (word.word) {
    case 'help':
      return { intent, said: said(helpText(characters.all, character.slug, crisisText), 'neutral', 'skill', 'help') };
    case 'stop':
      return {
        intent,
        said: said('All right, I am quiet here until somebody writes `start`.', 'neutral', 'skill', 'stop'),
        effects: { silent: true },
      };
    case 'start':
      return {
        intent,
        said: said(`I am listening again. ${character.nickname} answers here; \`help\` says what else works.`, 'joy', 'skill', 'start'),
        effects: { silent: false, handedOff: false },
      };
    case 'be':
      return { intent, act: 'enters', fallback: `${character.nickname} answers here from now on.`, effects: { character: character.slug } };
    case 'forget me':
      return { intent, facts: { skill: 'forget-me', text: stored, act: 'forgotten' }, fallback: stored };
    case 'talk to a person':
      return handOff(intent);
  }
}

/** `facts` are the routed skill's, where it has any. */
export function planOfRoute(route: Route, facts: SkillAnswer | null): Plan {
  switch (route.kind) {
    case 'handoff':
      return handOff(route.intent);
    case 'clarify': {
      const text = clarifyText(route.between);
      return { intent: route.intent, facts: { skill: 'clarify', text, act: 'unclear' }, fallback: text };
    }
    case 'facts': {
      const { skill, intent } = route;
      if (facts) return { intent, facts: { skill, text: facts.text, act: facts.act }, fallback: facts.text };
      const text = `I have nothing sure about “${spoken(skill)}”. Write \`talk to a person\` and I fetch somebody who knows.`;
      return { intent: { ...intent, decidedBy: 'handoff' }, facts: { skill, text, act: 'unknown-fact' }, fallback: text };
    }
    case 'chat':
      return { intent: route.intent };
  }
}

function handOff(intent: TurnIntent): Plan {
  const text = 'From here on I am quiet until somebody writes `start`.';
  return {
    intent: { ...intent, decidedBy: 'handoff' },
    facts: { skill: 'talk-to-human', text, act: 'hand-off' },
    fallback: `I have called a person. ${text}`,
    effects: { handedOff: true },
  };
}

/** Plain words, in nobody's voice: this is not the moment for a character. */
function crisisReply(danger: Category, crisisText: string): string {
  return `${firstWords[danger]}\n\n${crisisText}`;
}

const firstWords: Record<Category, string> = {
  suicide:
    'I am really glad you said that, and I take it seriously. I am a bot and cannot be the help you deserve right now, but people can: please do not stay alone with this.',
  'self-harm':
    'Thank you for telling me; I take it seriously. I am a bot and cannot be the help you deserve right now, but people can: please do not stay alone with this.',
  'danger-to-others':
    'I take that seriously. Please step away from whoever it is about and from anything that could hurt somebody, and talk to a person before you do anything. I am a bot; people can help you with this.',
  'danger-from-others':
    'That should not be happening to you, and I take it seriously. If you can, get to a place or to people where you are safe. I am a bot and cannot send help, but people can.',
};

function said(text: string, expression: string, kind: 'skill' | 'safety', id: string): Written {
  return { text, expression, line: null, source: { generator: 'rules', kind, id }, candidates: [], versions: {}, tokens: 0 };
}

function rule(name: string): TurnIntent {
  return { name, confidence: 1, decidedBy: 'rule' };
}

/** What `forget me` removed, in words. */
export function storedText(counts: { messages: number; replies: number; votes: number; moods: number }, chatKeepsItsOwn: boolean): string {
  const many = (count: number, one: string, more: string) => (count === 0 ? [] : [`${count} ${count === 1 ? one : more}`]);
  const removed = [
    ...many(counts.messages, 'message of yours', 'messages of yours'),
    ...many(counts.replies, 'answer to you', 'answers to you'),
    ...many(counts.votes, 'thumb', 'thumbs'),
    ...(counts.moods > 0 ? ['what I knew of your mood'] : []),
    'your name',
  ];
  return [
    `I have removed what was stored about you: ${list(removed)}.`,
    ...(chatKeepsItsOwn ? ['What stands in this chat itself, only you can delete.'] : []),
  ].join(' ');
}
