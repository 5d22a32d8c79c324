// The page's one story: who is here, which chat is open, what is said, and what comes back.
import * as api from './api.js';
import { paintOpening, paintRail, paintWho } from './around.js';
import { createBackstage } from './backstage.js';
import { $, h } from './dom.js';
import { closeOver, layout, showBackstage, showRail } from './drawers.js';
import * as memory from './memory.js';
import { hueOf } from './portrait.js';
import './theme-toggle.js';
import { createThread } from './thread.js';

const HISTORY_PAUSE_MS = 2000;
const HISTORY_TRIES = 45;
/** A reply that is there at once should not be announced by dots. */
const DOTS_AFTER_MS = 180;

let cast = [];
let chat = { id: memory.randomId(), character: '' };
/** What is behind each reply of the open chat: its answer, what was said, and the messages of this page that it answers. */
const behind = new Map();
let selected = null;
/** Backstage shows what was heard of a message whose reply is being written. */
let listening = false;
/** Sent messages without a reply, oldest first; they share one reply on its way. */
let calls = [];
let pending = null;

const nameOf = (slug) => cast.find((c) => c.slug === slug)?.name ?? slug;
const firstName = (slug) => nameOf(slug).split(' ')[0];

const thread = createThread({
  list: $('thread'),
  scroller: $('scroll'),
  latest: $('latest'),
  nameOf,
  onVote: (reply, value) => api.vote(reply, value, memory.me),
  onSelect: (reply, open) => {
    select(reply);
    if (open) showBackstage(true);
  },
});
const backstage = createBackstage($('backstage'), {
  onClose: () => showBackstage(false),
  nameOf,
  turnOf: (reply) => behind.get(reply),
  onShow(reply, role) {
    closeOver();
    thread.reveal(reply, role);
  },
});

// Entering.

async function enter() {
  try {
    const { required, active } = await api.session();
    if (required && !active) return show('door');
    $('sign-out').hidden = !required;
    cast = await api.characters();
  } catch (refusal) {
    if (refusal.code === 'key-required') return show('door');
    $('trouble-text').textContent = refusal.message;
    return show('trouble');
  }
  show('app');
  const id = memory.current();
  const known = id && memory.chat(id);
  if (known) await openChat(known);
  else newChat();
}

function show(view) {
  for (const id of ['app', 'door', 'trouble']) $(id).hidden = id !== view;
  if (view === 'door') $('key').focus();
}

$('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault();
  $('door-error').textContent = '';
  try {
    await api.signIn($('key').value);
  } catch (refusal) {
    $('door-error').textContent =
      refusal.status === 401 ? 'That is not the key. Look for API_KEY in the settings of this Troupe.' : refusal.message;
    $('key').select();
    return;
  }
  $('key').value = '';
  await enter();
});
$('sign-out').addEventListener('click', async () => {
  await api.signOut().catch(() => {});
  location.reload();
});
$('trouble-retry').addEventListener('click', enter);

// Chats.

function begin(next) {
  chat = next;
  calls = [];
  pending = null;
  behind.clear();
  thread.clear();
  select(null);
  memory.setCurrent(chat.id);
  showRail(false);
  paint();
}

function newChat(character) {
  const known = [character, memory.lastCharacter(), cast.find((c) => c.default)?.slug, cast[0]?.slug];
  begin({ id: memory.randomId(), character: known.find((slug) => slug && cast.some((c) => c.slug === slug)) ?? '' });
  $('opening').hidden = false;
  layout();
  paintOpening(cast, chat, {
    say,
    pick(slug) {
      chat.character = slug;
      paint();
    },
  });
  // On a touch screen this would only push the characters off it with a keyboard.
  if (matchMedia('(hover: hover)').matches) field.focus({ preventScroll: true });
}

async function openChat({ id, character }) {
  begin({ id, character: cast.some((c) => c.slug === character) ? character : (cast[0]?.slug ?? '') });
  $('opening').hidden = true;
  layout();
  try {
    const entries = await api.history(id);
    if (chat.id !== id) return;
    if (entries.length === 0) return newChat(character);
    render(entries);
  } catch (refusal) {
    if (chat.id !== id) return;
    if (refusal.code === 'key-required') return show('door');
    $('thread').append(
      h(
        'li',
        { class: 'unloaded' },
        `This chat could not be loaded. ${refusal.message} `,
        h('button', { class: 'note-action', type: 'button', onclick: () => openChat({ id, character }) }, 'Try again'),
      ),
    );
  }
}

function render(entries) {
  thread.clear();
  behind.clear();
  let said = [];
  for (const entry of entries) {
    if (entry.role === 'user') {
      thread.addMine(entry.text);
      if (entry.text !== null) said.push(entry.text);
    } else {
      behind.set(entry.id, { answer: entry.answer, said: said.join('\n'), mines: [] });
      thread.addReply(entry.answer, entry.text, entry.vote);
      said = [];
    }
  }
  const last = entries.findLast((entry) => entry.role === 'character');
  if (last) {
    switchTo(last.answer.reply.character);
    paint(last.answer.reply.expression);
    select(last.id);
  }
  const open = entries.at(-1);
  if (open?.role === 'user' && Date.now() - open.atMs < HISTORY_PAUSE_MS * HISTORY_TRIES) awaitHistory();
}

/** A reply is on its way that no call of this page brings. */
async function awaitHistory() {
  const { id } = chat;
  pending ??= thread.addPending(chat.character);
  for (let tries = 0; tries < HISTORY_TRIES && chat.id === id; tries++) {
    await new Promise((resolve) => setTimeout(resolve, HISTORY_PAUSE_MS));
    if (calls.length > 0) continue;
    const entries = await api.history(id).catch(() => []);
    if (chat.id !== id) return;
    if (calls.length === 0 && entries.some((entry) => entry.role === 'character' && !behind.has(entry.id))) {
      pending = null;
      return render(entries);
    }
  }
  if (chat.id === id && calls.length === 0) dropPending();
}

// Saying something.

function say(text) {
  $('opening').hidden = true;
  layout();
  memory.keepChat(chat.id, { character: chat.character, atMs: Date.now(), title: memory.chat(chat.id)?.title || text.slice(0, 60) });
  memory.setLastCharacter(chat.character);
  paint();
  void deliver(thread.addMine(text), memory.randomId());
}

/** The same key again is the same message: nothing is said twice when only the answer was lost. */
async function deliver(mine, key) {
  const { id } = chat;
  const here = () => chat.id === id;
  const call = { mine };
  mine.clearNote();
  calls.push(call);
  if (pending) pending.toEnd();
  else setTimeout(() => here() && calls.length > 0 && !pending && startPending(), DOTS_AFTER_MS);
  const leads = () => here() && calls[0] === call;
  let answer;
  try {
    answer = await api.chat({ message: mine.text, conversation: id, user: memory.me, character: chat.character }, key, {
      read(data) {
        if (!here()) return;
        mine.heard(data);
        if (!leads()) return;
        select(null);
        listening = true;
        backstage.listen(data, mine.text, chat.character);
      },
      delta: (data) => leads() && startPending().delta(data.text),
      reset: () => leads() && pending?.reset(),
    });
  } catch (refusal) {
    if (!here()) return;
    leave(call);
    return refused(refusal, mine, key);
  }
  if (!here()) return;
  calls = calls.filter((c) => c !== call);
  answered(answer, mine);
  leave(call);
}

function startPending() {
  pending ??= thread.addPending(chat.character);
  return pending;
}

function dropPending() {
  pending?.remove();
  pending = null;
}

function leave(call) {
  calls = calls.filter((c) => c !== call);
  if (calls.length === 0) dropPending();
  else if (!pending) setTimeout(() => calls.length > 0 && !pending && startPending(), DOTS_AFTER_MS);
}

function answered(answer, mine) {
  const { id, character, text, expression } = answer.reply;
  if (thread.has(id)) {
    // A burst answered together: this message is part of what the reply answers. The calls may end in any order.
    const entry = behind.get(id);
    mine.leadsTo(id);
    entry.mines = [...entry.mines, mine].sort((a, b) => a.order - b.order);
    entry.said = entry.mines.map((m) => m.text).join('\n');
    if (listening || selected === id) select(id, true);
    return;
  }
  startPending().settle(answer);
  pending = null;
  behind.set(id, { answer, said: mine.text, mines: [mine] });
  switchTo(character);
  memory.keepChat(chat.id, { character, atMs: Date.now() });
  paint(expression);
  select(id, listening);
  $('announce').textContent = `${firstName(character)}: ${text}`;
  if (/^\s*forget me\s*[.!]?\s*$/i.test(mine.text)) {
    memory.forgetChats();
    paint(expression);
  }
}

function refused(refusal, mine, key) {
  const again = (withKey) => () => void deliver(mine, withKey);
  switch (refusal.code) {
    case 'key-required':
      mine.note({ words: 'The key is needed again.' }, ['Send again', again(key)]);
      return show('door');
    case 'rate-limited':
    case 'too-many-requests':
      return wait(mine, refusal.retryAfterS ?? 10);
    case 'stopped':
    case 'handed-off':
      return mine.note(
        {
          words: refusal.code === 'stopped' ? 'Silent here since somebody wrote stop.' : 'A person was called; the character keeps quiet.',
        },
        ['Write start', () => say('start')],
      );
    case 'late':
      mine.note({ words: 'This one takes its time. The reply will appear here.' });
      return void awaitHistory();
    case 'unreachable':
      return mine.note({ words: 'Not sent: Troupe could not be reached.', trouble: true }, ['Try again', again(key)]);
    default:
      return mine.note({ words: refusal.message, trouble: true }, ['Try again', again(memory.randomId())]);
  }
}

function wait(mine, seconds) {
  const { id } = chat;
  const until = Date.now() + seconds * 1000;
  let timer;
  const stop = () => clearInterval(timer);
  const show = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (chat.id !== id) return stop();
    if (left <= 0) {
      stop();
      return void deliver(mine, memory.randomId());
    }
    mine.note({ words: `${firstName(chat.character)} needs a breath. Sent again in ${left} s.` }, [
      'Leave it',
      () => {
        stop();
        mine.note({ words: 'Not sent.' }, ['Send', () => void deliver(mine, memory.randomId())]);
      },
    ]);
  };
  timer = setInterval(show, 1000);
  show();
}

// The field.

const field = $('message');
const fit = () => {
  field.style.height = 'auto';
  field.style.height = `${Math.min(field.scrollHeight, 180)}px`;
  $('send').classList.toggle('ready', field.value.trim() !== '');
};
field.addEventListener('input', fit);
field.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $('composer').requestSubmit();
});
$('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = field.value.trim();
  if (text === '') return field.focus();
  field.value = '';
  fit();
  say(text);
});
$('forget').addEventListener('click', () => {
  field.value = 'forget me';
  fit();
  field.focus();
});

// What stands around the conversation.

function switchTo(character) {
  if (character === chat.character || !cast.some((c) => c.slug === character)) return;
  chat.character = character;
  paint();
}

function paint(expression = 'neutral') {
  $('app').style.setProperty('--hue', hueOf(chat.character));
  field.placeholder = `Say something to ${firstName(chat.character)}`;
  const who = cast.find((c) => c.slug === chat.character);
  if (who) paintWho(who, expression);
  paintRail(cast, chat, { newChat, openChat: reopen });
}

function reopen(known) {
  if (known.id === chat.id) showRail(false);
  else void openChat(known);
}

function select(reply, calm = false) {
  selected = reply;
  listening = false;
  thread.select(reply);
  backstage.show(behind.get(reply) ?? null, calm);
}

$('new-chat').addEventListener('click', () => newChat());
enter();
