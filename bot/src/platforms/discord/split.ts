// Cuts a long text into messages: at paragraphs, lines, sentences or words, and never through a grapheme or a code fence's marks.

interface Fence {
  start: number;
  /** Where the code begins, after the marks and the language. */
  code: number;
  /** Where the closing marks begin. */
  close: number;
  end: number;
  language: string;
}

const marks = '```';

/**
 * Messages of at most `limit` UTF-16 units, in order, none of them blank. Whitespace at a cut goes, as Discord would trim it; inside code
 * only the line break at the cut goes. A code block that is cut is closed and opened again in its language.
 */
export function split(text: string, limit = 2000): string[] {
  const fences = fencesOf(text);
  const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text);
  const isBoundary = (index: number) => index >= text.length || segments.containing(index)?.index === index;
  const parts: string[] = [];
  let at = 0;
  let opened: Fence | undefined;
  for (;;) {
    const opening = opened ? `${marks}${opened.language}\n` : '';
    if (!opened) at = skipSpace(text, at, isBoundary);
    if (at >= text.length) break;
    if (opening.length + text.length - at <= limit) {
      parts.push((opening + text.slice(at)).trimEnd());
      break;
    }
    const cut = cutBetween(text, at, at + limit - opening.length - marks.length - 1, fences, isBoundary);
    const inside = fences.find((fence) => cut.end > fence.start && cut.end < fence.end);
    const piece = opening + text.slice(at, cut.end);
    if (!inside) {
      if (piece.trim()) parts.push(piece.trimEnd());
      opened = undefined;
      at = cut.next;
    } else {
      parts.push(`${piece}\n${marks}`);
      // Only the closing marks are left: they are written already.
      opened = cut.next < inside.close ? inside : undefined;
      at = opened ? cut.next : inside.end;
    }
  }
  return parts;
}

/** Where the piece from `at` ends and where the next begins; both after `at`, the end not beyond `latest`. */
function cutBetween(text: string, at: number, latest: number, fences: Fence[], isBoundary: (index: number) => boolean) {
  const early = at + Math.floor((latest - at) / 2);
  const fence = fences.find(({ start, end }) => latest > start && latest < end && end > at);
  if (fence) {
    // A block that may fit the next message whole goes there, if that leaves this one half full.
    const fits = fence.end - fence.start <= latest - at;
    if (fits && fence.start > at && fence.start >= early) return { end: fence.start, next: fence.start };
    const from = Math.max(at, fence.code);
    if (latest >= fence.close && fence.close > from)
      return { end: text.charAt(fence.close - 1) === '\n' ? fence.close - 1 : fence.close, next: fence.close };
    const line = text.lastIndexOf('\n', latest);
    if (line > from) return { end: line, next: line + 1 };
    // Not one line of it fits here.
    if (fence.start > at) return { end: fence.start, next: fence.start };
    const hard = boundaryBefore(latest, from, text, isBoundary);
    return { end: hard, next: hard };
  }
  const last = lastFence(fences, latest);
  // Nothing but whitespace outside a fence may go, so cuts are looked for behind the last one.
  const from = last && last.end > at ? last.end - 1 : at;
  const window = text.slice(from, latest + 1);
  for (const [pattern, least] of preferences(early)) {
    let found: number | undefined;
    for (const match of window.matchAll(pattern)) {
      const end = from + match.index + (match[1]?.length ?? 0);
      if (end > at && end >= least && end <= latest && isBoundary(end) && isBoundary(end + 1)) found = end;
    }
    if (found !== undefined) return { end: found, next: found + 1 };
  }
  if (last && last.end > at && last.end >= early) return { end: last.end, next: last.end };
  const hard = boundaryBefore(latest, at, text, isBoundary);
  return { end: hard, next: hard };
}

/** A paragraph's, line's or sentence's end if it leaves the message half full, then any word's. */
function preferences(early: number): [RegExp, number][] {
  return [
    [/\n(?=\s*\n)/g, early],
    [/\n/g, early],
    [/([.!?…。！？]["'”’)\]*_]*)\s/g, early],
    [/\s/g, 0],
  ];
}

/** The last grapheme boundary up to `index`; for a grapheme longer than a message, a place that cuts no surrogate pair. */
function boundaryBefore(index: number, after: number, text: string, isBoundary: (index: number) => boolean): number {
  for (let end = index; end > after; end--) if (isBoundary(end)) return end;
  return /[\udc00-\udfff]/.test(text.charAt(index)) && index - 1 > after ? index - 1 : index;
}

function skipSpace(text: string, at: number, isBoundary: (index: number) => boolean): number {
  while (at < text.length && /\s/.test(text.charAt(at)) && isBoundary(at + 1)) at++;
  return at;
}

function lastFence(fences: Fence[], before: number): Fence | undefined {
  return fences.filter(({ end }) => end <= before).at(-1);
}

/** Blocks as Discord draws them: marks anywhere, the language only when its line holds nothing else, and no block without a close. */
function fencesOf(text: string): Fence[] {
  const fences: Fence[] = [];
  for (const match of text.matchAll(/```(?:([a-z0-9_+\-.#]{1,32})\n)?.*?```/gis)) {
    const language = match[1] ?? '';
    const code = match.index + marks.length + (language ? language.length + 1 : 0);
    const end = match.index + match[0].length;
    fences.push({ start: match.index, code, close: end - marks.length, end, language });
  }
  return fences;
}
