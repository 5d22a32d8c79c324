// Where a text that is still being written has whole sentences.

/** The length of the first whole sentence, its white space included; 0 while there is none. What may still go on ("3." of "3.5") is none. */
export function sentenceEnd(text: string): number {
  const found = /[.!?…]["'”’)*]*\s+(?=\S)|[。！？]["'”’」』）]*(?=\S)|\n+(?=\S)/.exec(text);
  return found ? found.index + found[0].length : 0;
}

/** The sentences that have ended, and what follows them. */
export function cut(text: string): { whole: string[]; rest: string } {
  const whole: string[] = [];
  let rest = text;
  for (let end = sentenceEnd(rest); end > 0; end = sentenceEnd(rest)) {
    whole.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return { whole, rest };
}

/** What is left of a text that was cut off: its whole sentences. */
export function wholeOf(text: string): string {
  const { whole, rest } = cut(text);
  return /[.!?…。！？]["'”’」』）)*]*\s*$/.test(rest) ? text : whole.join('');
}
