// What language models like to put around and between the words of a reply, taken off.

/**
 * The text in plain words: without the speaker's name before it, quotation marks around the whole, stage directions ("*sighs*", "(laughs)") and the
 * marks of emphasis. A text that grows sentence by sentence grows here too: what was said stays as it was.
 */
export function unwrap(raw: string, names: readonly string[]): string {
  let text = plain(raw).trim();
  for (const name of names) {
    if (text.toLowerCase().startsWith(`${name.toLowerCase()}:`)) text = text.slice(name.length + 1).trim();
  }
  const inner = /^["“](.*)["”]$/s.exec(text)?.[1];
  return inner !== undefined && !/["“”]/.test(inner) ? inner.trim() : text;
}

/** Where a sentence may begin; what stands there between marks and begins as a deed does ("smiles", "Leaning in", "She nods") is no speech. */
const between = /(^|[.!?…:]["'”’]?\s+|\n)/.source;
const deed = /(?:\p{Ll}|\p{Lu}\p{L}+(?:s|ing)\b|(?:She|He|They)\b)/u.source;
const starred = new RegExp(`${between}(\\*{1,3}|_)${deed}[^*_\\n]*\\2(?:[ \\t]+|(?=\\n)|$)`, 'gu');
const bracketed = new RegExp(`${between}\\((?:\\p{L}+(?:s|ing))\\b[^().!?\\n]{0,60}\\)(?:[ \\t]+|(?=\\n)|$)`, 'gu');

function plain(text: string): string {
  return text
    .replace(starred, '$1')
    .replace(bracketed, '$1')
    .replace(/(\*{1,3})(?=\S)([^*\n]*[^*\s])\1/gu, '$2')
    .replace(/(?<![\p{L}\p{N}_])_(?=\S)([^_\n]*[^_\s])_(?![\p{L}\p{N}_])/gu, '$1');
}
