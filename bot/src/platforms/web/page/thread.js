// The conversation as it is shown: what was said, what was answered, and what each may have done to it.
import { h, icon, percent, words } from './dom.js';
import { hueOf, portrait } from './portrait.js';

const NEAR_END_PX = 120;

/**
 * `nameOf(slug)` names a character; `onVote(replyId, value)` may reject, the thumb then goes back; `onSelect(replyId)` shows what is behind a reply.
 */
export function createThread({ list, scroller, latest, nameOf, onVote, onSelect }) {
  const replies = new Map();
  let lastMine = null;
  let count = 0;

  const nearEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
  const toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
  };
  /** Follows what is new only for somebody who is at the end already. */
  const keepEnd = (change) => {
    const follow = nearEnd();
    const result = change();
    if (follow) toEnd();
    return result;
  };
  scroller.addEventListener('scroll', () => {
    latest.hidden = nearEnd();
  });
  latest.addEventListener('click', toEnd);

  function addMine(text) {
    const heard = h('button', { class: 'heard', type: 'button', hidden: true });
    const note = h('div', { class: 'note', hidden: true });
    const said = text === null ? h('p', { class: 'mine-text gone' }, 'no longer kept') : h('p', { class: 'mine-text', dir: 'auto' }, text);
    const item = h('li', { class: 'mine' }, h('span', { class: 'unseen' }, 'You: '), said, heard, note);
    list.append(item);
    toEnd();
    const mine = {
      text,
      order: count++,
      /** Without a sentiment nothing was read: a rule answered first. */
      heard({ emotion, sentiment }) {
        if (!sentiment) return;
        keepEnd(() => {
          heard.replaceChildren(`heard ${emotion.label} `, h('span', { class: 'number' }, percent(emotion.score)));
          heard.hidden = false;
        });
      },
      /** Once there is a reply, the reading leads to what is behind it. */
      leadsTo(replyId) {
        heard.onclick = () => onSelect(replyId, true);
      },
      /** What came instead of a reply, with something to do about it. `trouble`: something went wrong. */
      note({ words, trouble = false }, ...actions) {
        keepEnd(() => {
          note.classList.toggle('trouble', trouble);
          note.replaceChildren(
            h('span', {}, words),
            ...actions.map(([label, act]) => h('button', { class: 'note-action', type: 'button', onclick: act }, label)),
          );
          note.hidden = false;
        });
      },
      clearNote: () => note.replaceChildren(),
    };
    lastMine = mine;
    return mine;
  }

  function shell(character) {
    const face = h('div', { class: 'face-frame' });
    const name = h('p', { class: 'speaker' });
    const said = h('p', { class: 'line', dir: 'auto' });
    const item = h('li', { class: 'theirs' }, face, h('div', { class: 'theirs-body' }, name, said));
    const dress = (slug, expression) => {
      item.style.setProperty('--hue', hueOf(slug));
      face.replaceChildren(portrait(slug, nameOf(slug), expression, true));
      name.replaceChildren(nameOf(slug));
    };
    dress(character, 'neutral');
    return { item, said, dress };
  }

  /** A reply on its way. */
  function addPending(character) {
    const { item, said, dress } = shell(character);
    item.classList.add('pending');
    said.append(
      h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')),
      h('span', { class: 'unseen' }, 'is answering'),
    );
    keepEnd(() => list.append(item));
    let begun = false;
    return {
      delta: (text) =>
        keepEnd(() => {
          if (!begun) said.replaceChildren();
          begun = true;
          said.append(h('span', { class: 'fresh' }, text));
        }),
      reset() {
        begun = true;
        said.replaceChildren();
      },
      remove: () => item.remove(),
      toEnd: () => {
        if (!begun) keepEnd(() => list.append(item));
      },
      settle(answer) {
        keepEnd(() => {
          item.classList.remove('pending');
          said.replaceChildren(...words(answer.reply.text));
          finish({ item, said, dress }, answer, null);
        });
      },
    };
  }

  function addReply(answer, text, vote) {
    const parts = shell(answer.reply.character);
    if (text === null) parts.said.classList.add('gone');
    parts.said.replaceChildren(...(text === null ? ['no longer kept'] : words(text)));
    list.append(parts.item);
    finish(parts, answer, vote);
    toEnd();
  }

  function finish({ item, dress }, answer, vote) {
    const { id, character, expression } = answer.reply;
    dress(character, expression);
    if (lastMine) {
      lastMine.heard(answer);
      lastMine.leadsTo(id);
    }
    const behind = h(
      'button',
      { class: 'behind', type: 'button', 'aria-pressed': 'false', onclick: () => onSelect(id, true) },
      'Why this line?',
    );
    item.querySelector('.theirs-body').append(h('div', { class: 'deeds' }, ...thumbs(id, vote), behind));
    replies.set(id, { item, behind });
  }

  function thumbs(replyId, vote) {
    let value = vote;
    const buttons = ['up', 'down'].map((thumb) =>
      h(
        'button',
        { class: 'thumb', type: 'button', 'aria-label': thumb === 'up' ? 'Good reply' : 'Bad reply', onclick: () => press(thumb) },
        icon(thumb),
      ),
    );
    const show = () => {
      for (const [i, thumb] of ['up', 'down'].entries()) buttons[i].setAttribute('aria-pressed', String(value === thumb));
    };
    const press = async (thumb) => {
      const before = value;
      value = value === thumb ? null : thumb;
      show();
      try {
        await onVote(replyId, value);
      } catch {
        value = before;
        show();
      }
    };
    show();
    return buttons;
  }

  return {
    addMine,
    addPending,
    addReply,
    toEnd,
    has: (replyId) => replies.has(replyId),
    select(replyId) {
      for (const [id, { item, behind }] of replies) {
        item.classList.toggle('selected', id === replyId);
        behind.setAttribute('aria-pressed', String(id === replyId));
      }
    },
    /** Scrolls to a reply, or to what it answered, and moves the focus there. */
    reveal(replyId, role) {
      const reply = replies.get(replyId)?.item;
      const item = role === 'user' ? (reply?.previousElementSibling ?? reply) : reply;
      if (!item) return;
      item.scrollIntoView({ block: 'center' });
      item.tabIndex = -1;
      item.focus({ preventScroll: true });
    },
    clear() {
      list.replaceChildren();
      replies.clear();
      lastMine = null;
      latest.hidden = true;
    },
  };
}
