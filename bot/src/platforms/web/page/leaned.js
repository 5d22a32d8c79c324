// Which turn, fact, topic or mood a reply leaned on: a sentence, and the words it was said in, which lead back to them.
import { h } from './dom.js';

/**
 * Null where nothing of it is kept. `chosen` is the candidate that was said; `turnOf(replyId)` is what is behind an earlier reply,
 * `onShow(replyId, role)` shows it in the chat.
 */
export function leaned(chosen, { reply }, { nameOf, turnOf, onShow }) {
  if (!chosen) return reply.source.generator === 'rules' ? sentence('A rule answered, whatever was said before.') : null;
  const { leansOn, source } = chosen;
  if (!leansOn) return sentence(ALONE[source.kind]?.(plain(source.id)) ?? 'Your message alone.');
  const turn = leansOn.reply && turnOf(leansOn.reply);
  const speaker = turn ? turn.answer.reply.character : reply.character;
  const who = leansOn.role === 'character' ? nameOf(speaker).split(' ')[0] : 'you';
  const words = turn && (leansOn.role === 'character' ? turn.answer.reply.text : turn.said);
  return [
    ...sentence(...SAYS[leansOn.kind](leansOn, who)),
    words
      ? h(
          'button',
          { class: 'leaned-words', type: 'button', dir: 'auto', onclick: () => onShow(leansOn.reply, leansOn.role) },
          h('span', { class: 'unseen' }, 'Show in the chat: '),
          words,
        )
      : null,
  ];
}

const sentence = (...words) => [h('p', { class: 'leaned' }, ...words)];
const plain = (id) => id?.replaceAll('-', ' ') ?? '';
const before = (turns) => (turns === 1 ? 'in the turn before' : `${turns} turns before`);

/** Where the message is answered without the talk. */
const ALONE = {
  skill: (id) => `The facts of the skill ${id}, word for word.`,
  model: () => 'The talk so far: a language model wrote this, and does not tell which turn it used.',
};

const SAYS = {
  fact: ({ it, turnsAgo }, who) => [`What ${who} told ${before(turnsAgo)}: `, h('strong', {}, it)],
  turn: ({ turnsAgo }, who) => [`What ${who} said ${before(turnsAgo)}.`],
  topic: ({ it, turnsAgo }) => [
    `What the talk has been about ${turnsAgo === 1 ? 'since the turn before' : `for ${turnsAgo} turns`}: `,
    h('strong', {}, plain(it)),
  ],
  mood: ({ it }) => ['How you have been lately: ', h('strong', {}, it)],
};
