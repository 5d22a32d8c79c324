// A long message as pieces the encoder can read whole: it reads some forty words and no more, and the heart of a message is often at its end.

/** About 64 word pieces of English. */
const windowLength = 240;
const mostWindows = 6;

/** The text itself where it is short; otherwise whole sentences packed into windows, the first two and the last ones where there are too many. */
export function windowsOf(text: string): string[] {
  if (text.length <= windowLength) return [text];
  const windows: string[] = [];
  for (const sentence of text.split(/(?<=[.!?…\n])\s+|\n+/).flatMap(cut)) {
    const last = windows.at(-1);
    if (last !== undefined && last.length + 1 + sentence.length <= windowLength) windows[windows.length - 1] = `${last} ${sentence}`;
    else if (sentence.trim()) windows.push(sentence);
  }
  return windows.length <= mostWindows ? windows : [...windows.slice(0, 2), ...windows.slice(2 - mostWindows)];
}

/** A sentence without an end in sight, at its spaces. */
function cut(sentence: string): string[] {
  if (sentence.length <= windowLength) return [sentence];
  const space = sentence.lastIndexOf(' ', windowLength);
  const at = space > 0 ? space : windowLength;
  return [sentence.slice(0, at), ...cut(sentence.slice(at).trimStart())];
}
