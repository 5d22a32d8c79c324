// What stands around the conversation: who is talking, the cast, this browser's chats, and the opening of a new one.
import { $, h } from './dom.js';
import * as memory from './memory.js';
import { hueOf, portrait } from './portrait.js';

const STARTERS = ['I have an interview tomorrow and I’m nervous', 'I got the offer!', 'It has been a very long week'];

export function paintWho(who, expression) {
  $('who').replaceChildren(
    portrait(who.slug, who.name, expression, true),
    h('div', { class: 'who-text' }, h('h1', { class: 'who-name' }, who.name), h('p', { class: 'who-line' }, who.description)),
  );
}

/** `newChat(slug)` and `openChat({ id, character })` are called on a click. */
export function paintRail(cast, chat, { newChat, openChat }) {
  const list = memory.chats();
  const nameOf = (slug) => cast.find((c) => c.slug === slug)?.name ?? slug;
  const entry = (kind, slug, text, more) =>
    h(
      'li',
      {},
      h(
        'button',
        { type: 'button', class: `${kind}-button`, style: { '--hue': hueOf(slug) }, ...more },
        portrait(slug, nameOf(slug), 'neutral', true),
        text,
      ),
    );
  $('cast').replaceChildren(
    ...cast.map(({ slug, name }) =>
      entry('cast', slug, h('span', {}, name), {
        'aria-current': slug === chat.character ? 'true' : undefined,
        title: `New chat with ${name}`,
        onclick: () => newChat(slug),
      }),
    ),
  );
  $('chats-label').hidden = list.length === 0;
  $('chats').replaceChildren(
    ...list.map((known) =>
      entry('chat', known.character, h('span', { class: 'chat-title', dir: 'auto' }, known.title || nameOf(known.character)), {
        'aria-current': known.id === chat.id ? 'true' : undefined,
        onclick: () => openChat(known),
      }),
    ),
  );
}

export function paintOpening(cast, chat, { pick, say }) {
  $('choice').replaceChildren(
    ...cast.map(({ slug, name, description }) =>
      h(
        'label',
        { class: 'card', title: description, style: { '--hue': hueOf(slug) } },
        h('input', {
          type: 'radio',
          name: 'character',
          value: slug,
          class: 'card-input',
          checked: slug === chat.character,
          onchange: () => pick(slug),
        }),
        h('span', { class: 'card-face' }, portrait(slug, name)),
        h('span', { class: 'card-text' }, h('span', { class: 'card-name' }, name), h('span', { class: 'card-line' }, description)),
      ),
    ),
  );
  $('starters').replaceChildren(
    ...STARTERS.map((text) => h('button', { type: 'button', class: 'starter', onclick: () => say(text) }, text)),
  );
  $('scroll').scrollTop = 0;
}
