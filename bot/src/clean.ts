// Makes text safe to read and to say: nothing invisible in it, nobody called by it, nothing endless.

/** How much of a message is used. */
export const maxTextLength = 4000;

/** A message as the turn reads it; empty when nothing readable is left. */
export function cleanIncoming(text: string): string {
  const visible = quiet(strip(text.slice(0, maxTextLength * 4))).replace(/(?:@someone[\s,]*){2,}/g, '@someone ');
  return firstCharacters(
    visible
      .replace(/[^\S\n]+/g, ' ')
      .replace(/ ?\n ?/g, '\n')
      .replace(/\n{3,}/g, '\n\n')
      .trim(),
    maxTextLength,
  ).trim();
}

/** A reply, or a piece of one, as it may leave the bot: no mention that calls a crowd or a person. Pieces cleaned alone add up to the whole cleaned. */
export function cleanOutgoing(text: string): string {
  return quiet(strip(text));
}

/** What no reader sees: controls, soft and blank fillers, zero-width and bidirectional marks, tags. Written as code points, so that they can be read here. */
const invisible = new RegExp(
  String.raw`[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]|` +
    String.raw`\u034f|\u115f|\u1160|\u17b4|\u17b5|\u180b|\u180c|\u180d|\u180e|\u180f|[\u{e0000}-\u{e0fff}]`,
  'gu',
);
/** The joiner stays inside emoji only. */
const strayJoiner = /(?<!\p{Extended_Pictographic}\ufe0f?|[\u{1f3fb}-\u{1f3ff}])\u200d|\u200d(?!\p{Extended_Pictographic})/gu;
const halfPair = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function strip(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(strayJoiner, '').replace(invisible, '').replace(halfPair, '');
}

/** Repeats until nothing changes, so that no mention is made by taking one away (`<!<!channel>>`, `@@everyone`). */
function quiet(text: string): string {
  for (;;) {
    const quieter = text
      .replace(/<!(?:subteam\^\w+\|?)?@?(\w*)(?:\|[^<>]*)?>/g, '$1')
      .replace(/<@[!&]?\w+(?:\|[^<>]*)?>/g, '@someone')
      .replace(/@+(everyone|channel|here)(?![\w-]*\.[a-z])/gi, '$1');
    if (quieter === text) return text;
    text = quieter;
  }
}

function firstCharacters(text: string, count: number): string {
  const cut = text.slice(0, count);
  return /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
}
