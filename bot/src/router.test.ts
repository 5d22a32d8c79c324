import { expect, test } from 'vitest';
import { clarifyText, route } from './router.ts';

const facts = new Set(['refund', 'order-status']);

function intent(name: string | null, confidence: number, ...others: [string, number][]) {
  const named = name ? [{ name, confidence }] : [];
  return { name, confidence, alternatives: [...named, ...others.map(([other, score]) => ({ name: other, confidence: score }))] };
}

test('a skill with facts over its threshold answers', () => {
  expect(route('where is my order', intent('order-status', 0.9, ['refund', 0.3]), facts)).toEqual({
    kind: 'facts',
    skill: 'order-status',
    intent: { name: 'order-status', confidence: 0.9, decidedBy: 'model' },
  });
});

test('two close skills with facts are a question', () => {
  const routed = route('my order and the money', intent('order-status', 0.6, ['refund', 0.55]), facts);
  expect(routed).toEqual({
    kind: 'clarify',
    between: ['order-status', 'refund'],
    intent: { name: null, confidence: 0.6, decidedBy: 'clarify' },
  });
  expect(clarifyText(['order-status', 'refund'])).toBe('Is it about “order status” or about “refund”?');
});

test('a close skill without facts is no rival', () => {
  expect(route('x', intent('refund', 0.6, ['joke', 0.59]), facts).kind).toBe('facts');
});

test('a skill without facts, or no skill, is the character’s to answer', () => {
  expect(route('tell me a joke', intent('joke', 0.9), facts)).toEqual({
    kind: 'chat',
    intent: { name: 'joke', confidence: 0.9, decidedBy: 'model' },
  });
  expect(route('my dog', intent(null, 0.2, ['refund', 0.2]), facts)).toEqual({
    kind: 'chat',
    intent: { name: null, confidence: 0.2, decidedBy: 'model' },
  });
});

test('a wish for a person is a hand-off only when the words say it too', () => {
  expect(route('get me a human please', intent('talk-to-human', 0.9), facts)).toMatchObject({
    kind: 'handoff',
    intent: { decidedBy: 'handoff' },
  });
  expect(route('nobody listens to me', intent('talk-to-human', 0.6), facts).kind).toBe('chat');
});
