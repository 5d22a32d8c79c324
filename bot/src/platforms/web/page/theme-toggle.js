// Dark and light by a button; what was chosen stays chosen. The first paint is theme.js.
import { $ } from './dom.js';
import { setTheme } from './memory.js';

const root = document.documentElement;
const prefersDark = matchMedia('(prefers-color-scheme: dark)');

$('theme').addEventListener('click', () => {
  root.dataset.theme = root.dataset.shade === 'dark' ? 'light' : 'dark';
  root.dataset.shade = root.dataset.theme;
  setTheme(root.dataset.theme);
});
prefersDark.addEventListener('change', () => {
  root.dataset.shade = root.dataset.theme ?? (prefersDark.matches ? 'dark' : 'light');
});
