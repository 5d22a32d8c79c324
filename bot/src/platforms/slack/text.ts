// A Slack message's text as a person reads it: no markup, mentions as names, emoji as emoji.

/** The users a text mentions, each once. */
export function mentioned(text: string): string[] {
  return [...new Set([...text.matchAll(/<@([A-Z0-9]+)(?:\|[^>]*)?>/g)].map((match) => match[1]!))];
}

export function mentions(text: string, userId: string): boolean {
  return mentioned(text).includes(userId);
}

/** Without the mentions of `selfId`; `names` has the mentioned users' names, `blocks` the emoji Slack itself knew. */
export function readable(text: string, selfId: string, names: ReadonlyMap<string, string>, blocks: unknown): string {
  const emoji = emojiOf(blocks);
  const withoutSelf = text.replace(new RegExp(`[^\\S\\n]*<@${selfId}(?:\\|[^>]*)?>[^\\S\\n]*`, 'g'), ' ');
  const addressed = withoutSelf === text ? text : withoutSelf.replace(/^[\s,:;–—-]+/, '').replace(/ ([,.!?])/g, '$1');
  return addressed
    .replace(/<([^<>]*)>/g, (_whole, inner: string) => entity(inner, names))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replace(/:([\w+'-]+)(?:::skin-tone-\d)?:/g, (shortcode) => emoji.get(shortcode) ?? shortcode)
    .trim();
}

/** What stands between < and > in a text of Slack's: a user, a channel, a group, a date or a link, with a label behind the bar. */
function entity(inner: string, names: ReadonlyMap<string, string>): string {
  const [target = '', label] = split(inner);
  if (target.startsWith('@')) return `@${label ?? names.get(target.slice(1)) ?? 'someone'}`;
  if (target.startsWith('#')) return `#${label ?? 'channel'}`;
  if (target.startsWith('!subteam')) return label ?? '@group';
  if (target.startsWith('!')) return label ?? `@${target.slice(1)}`;
  const address = target.replace(/^mailto:/, '');
  return label && !address.endsWith(label) ? `${label} (${address})` : address;
}

function split(inner: string): [string, string?] {
  const bar = inner.indexOf('|');
  return bar < 0 ? [inner] : [inner.slice(0, bar), inner.slice(bar + 1)];
}

/** Slack's rich text carries each emoji's code points beside its name, e.g. `{type: 'emoji', name: 'joy', unicode: '1f602'}`. */
function emojiOf(blocks: unknown): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const child of node) visit(child);
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
    const { type, name, unicode, skin_tone, elements } = node as Record<string, unknown>;
    if (
      type === 'emoji' &&
      typeof name === 'string' &&
      typeof unicode === 'string' &&
      /^1?[0-9a-f]{1,4}(-1?[0-9a-f]{1,4})*$/i.test(unicode)
    ) {
      const shortcode = skin_tone ? `:${name}::skin-tone-${skin_tone}:` : `:${name}:`;
      found.set(shortcode, String.fromCodePoint(...unicode.split('-').map((part) => Number.parseInt(part, 16))));
    }
    visit(elements);
  };
  visit(blocks);
  return found;
}
