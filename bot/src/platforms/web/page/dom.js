// Elements from data. Text only ever arrives as text: nothing here parses markup.

/** h('button', { class: 'x', type: 'button', 'aria-pressed': false, onclick }, 'text', otherNode) */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'style') for (const [property, set] of Object.entries(value)) node.style.setProperty(property, set);
    else if (name === 'hidden' || name === 'checked' || name === 'disabled') node[name] = value;
    else node.setAttribute(name, String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  svg.append(use);
  return svg;
}

/** Text as nodes, with what stands between backticks as code: the words the bot listens to are written so. */
export function words(text) {
  return text.split(/`([^`\n]{1,80})`/).map((part, i) => (i % 2 === 1 ? h('code', {}, part) : part));
}

export const $ = (id) => document.getElementById(id);

const percents = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 0 });
export const percent = (score) => percents.format(score);
