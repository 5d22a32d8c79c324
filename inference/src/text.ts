// What happens to a text before it is tokenised: emoji become words. Alike in training, letter for letter.

/** `emoji`: base form (no variation selector, no skin tone) → name. */
export function emojiToWords(emoji: Record<string, string>): (text: string) => string {
  const byStart = new Map<number, [sequence: string, name: string][]>();
  for (const [sequence, name] of Object.entries(emoji)) {
    const start = sequence.codePointAt(0) as number;
    byStart.set(start, [...(byStart.get(start) ?? []), [sequence, name]]);
  }
  for (const entries of byStart.values()) entries.sort(([a], [b]) => b.length - a.length);

  return (text) => {
    const base = text.replace(dropped, '');
    let words = '';
    for (let i = 0; i < base.length; ) {
      const start = base.codePointAt(i) as number;
      const found = byStart.get(start)?.find(([sequence]) => base.startsWith(sequence, i));
      words += found ? ` ${found[1]} ` : String.fromCodePoint(start);
      i += found ? found[0].length : start > 0xffff ? 2 : 1;
    }
    return words.replace(whiteSpace, ' ').replace(/^ | $/g, '');
  };
}

const dropped = /[\uFE0F\u{1F3FB}-\u{1F3FF}]/gu;
// Python's notion of white space: JavaScript's \s without U+FEFF and with the separators U+001C..U+001F and U+0085.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the separators are the point
const whiteSpace = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;
