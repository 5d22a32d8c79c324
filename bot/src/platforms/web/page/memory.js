// What this browser remembers: who it is, which chats it had, and how the page was left. Never what was said, but a chat's first words.

const MAX_CHATS = 60;

const read = (key, otherwise) => {
  try {
    return JSON.parse(localStorage.getItem(`troupe.${key}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
};
const write = (key, value) => {
  try {
    localStorage.setItem(`troupe.${key}`, JSON.stringify(value));
  } catch {
    // Private windows may refuse; the page then forgets on reload.
  }
};

/** Random like a UUID; crypto.randomUUID is not there on plain http beyond localhost. */
export function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

let user = read('user');
if (typeof user !== 'string') {
  user = `page-${randomId()}`;
  write('user', user);
}
/** This browser as a person: known in all its chats, so that `forget me` reaches them all. */
export const me = user;

/** [{ id, character, title, atMs }], latest first. A chat is listed once something was said in it. */
export const chats = () => read('chats', []);
export const chat = (id) => chats().find((c) => c.id === id);
export function keepChat(id, change) {
  const known = chat(id) ?? { id, title: '' };
  write('chats', [{ ...known, ...change }, ...chats().filter((c) => c.id !== id)].sort((a, b) => b.atMs - a.atMs).slice(0, MAX_CHATS));
}
export function forgetChats() {
  write('chats', []);
}

export const current = () => read('current', null);
export const setCurrent = (id) => write('current', id);
export const lastCharacter = () => read('character', null);
export const setLastCharacter = (slug) => write('character', slug);
export const panelOpen = () => read('panel', true);
export const setPanelOpen = (open) => write('panel', open);

/** Plain text, not JSON: theme.js reads it before anything else is loaded. */
export function setTheme(theme) {
  try {
    localStorage.setItem('troupe.theme', theme);
  } catch {}
}
