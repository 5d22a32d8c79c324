// Before the first paint, so that nobody who chose dark sees a flash of light. data-shade is what is shown, data-theme what was chosen.
(() => {
  const root = document.documentElement;
  let chosen = null;
  try {
    chosen = localStorage.getItem('troupe.theme');
  } catch {}
  if (chosen === 'dark' || chosen === 'light') root.dataset.theme = chosen;
  root.dataset.shade = root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
})();
