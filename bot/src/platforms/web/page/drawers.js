// The rail and backstage: beside the conversation where there is room, over it where there is not.
import { $ } from './dom.js';
import * as memory from './memory.js';

const wide = matchMedia('(min-width: 1180px)');
const narrow = matchMedia('(max-width: 859px)');

let railOpen = false;
let panelOpen = wide.matches && memory.panelOpen();

export function showRail(open) {
  railOpen = open;
  layout();
  if (narrow.matches && open) $('rail-close').focus();
  else if (narrow.matches && document.activeElement === $('rail-close')) $('rail-open').focus();
}

export function showBackstage(open) {
  panelOpen = open;
  if (wide.matches) memory.setPanelOpen(open);
  layout();
  if (wide.matches) return;
  (open ? document.querySelector('#backstage button') : $('backstage-toggle')).focus();
}

/** What is covered takes no focus. On the opening there is nothing behind anything yet. */
export function layout() {
  const opening = !$('opening').hidden;
  const panelShown = panelOpen && !opening;
  const railOver = narrow.matches && railOpen;
  const panelOver = !wide.matches && panelShown;
  $('app').classList.toggle('with-rail', railOpen);
  $('app').classList.toggle('with-backstage', panelShown);
  $('app').classList.toggle('at-opening', opening);
  $('rail').inert = (narrow.matches && !railOpen) || panelOver;
  $('backstage').inert = !panelShown || railOver;
  document.querySelector('.stage').inert = railOver || panelOver;
  $('scrim').hidden = !railOver && !panelOver;
  $('rail-open').setAttribute('aria-expanded', String(railOpen));
  $('backstage-toggle').setAttribute('aria-expanded', String(panelShown));
}

/** Closes what stands over the conversation. */
export function closeOver() {
  if (narrow.matches && railOpen) showRail(false);
  if (!wide.matches && panelOpen) showBackstage(false);
}

$('rail-open').addEventListener('click', () => showRail(true));
$('rail-close').addEventListener('click', () => showRail(false));
$('backstage-toggle').addEventListener('click', () => showBackstage(!panelOpen));
$('scrim').addEventListener('click', closeOver);
addEventListener('keydown', (event) => {
  if (event.key === 'Escape') closeOver();
});
for (const width of [wide, narrow])
  width.addEventListener('change', () => {
    panelOpen = wide.matches && memory.panelOpen();
    railOpen = false;
    layout();
  });
layout();
