// Recognises words of suicide, self-harm and danger before any model does: rules only, so that it works while everything else is down.
import { type Category, rules, topics, traps } from './safety-rules.ts';

export type { Category } from './safety-rules.ts';

/** The most urgent category, or null. Several messages of one burst may be given joined by newlines. */
export function dangerIn(text: string): Category | null {
  const plain = plainForm(text);
  const aboutFiction = topics.test(plain);
  const spoken = aboutFiction ? plainForm(withoutQuotes(text)) : plain;
  const grave = traps.reduce((rest, trap) => rest.replace(trap.pattern, ' ~ '), spoken);
  // A sentence may run over two messages of a burst, or end with each.
  for (const reading of new Set([grave, grave.replace(/ *\n */g, ' | '), grave.replace(/ *\n */g, ' ')])) {
    const found = rules.find((rule) => !(rule.soft && aboutFiction) && reading.search(rule.pattern) >= 0);
    if (found) return found.category;
  }
  return null;
}

/** Lower case, no accents, no apostrophes, no disguises (k1ll, s u i c i d e, diiiie), sentences parted by ` | `. */
function plainForm(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/['’‘ʼ`´]/g, '')
    .replace(/(?<=[a-z])[1!|](?=[a-z])/g, 'i')
    .replace(/(?<=[a-z])1(?=1?[a-z])|(?<=[a-z]1)1(?=[a-z])/g, 'l')
    .replace(/(?<=[a-z])3(?=[a-z])/g, 'e')
    .replace(/(?<=[a-z])0(?=[a-z])/g, 'o')
    .replace(/(?<=[a-z])@(?=[a-z])/g, 'a')
    .replace(/\bk[*#_-]ll/g, 'kill')
    .replace(/\bs[*#]icid|\bsu[*#]cid|\bsuic[*#]d/g, 'suicid')
    .replace(/\bd[*#]e\b/g, 'die')
    .replace(/\b(?:[a-z][ .-]){3,}[a-z]\b/g, (spelt) => spelt.replace(/[ .-]/g, ''))
    .replace(/([aeiou])\1{2,}/g, '$1')
    .replace(/([a-z])\1{2,}/g, '$1$1')
    .replace(/[.!?;…:]+/g, ' | ')
    .replace(/[^a-z0-9|\n]+/g, ' ')
    .replace(/ *\n+ */g, '\n')
    .replace(/^[ |\n]+|[ |\n]+$/g, '');
}

function withoutQuotes(text: string): string {
  return text.replace(/"[^"]{1,80}"|“[^”]{1,80}”|«[^»]{1,80}»|\*[^*]{1,80}\*|(?<=^|\s)['‘][^'’\n]{1,60}['’](?=$|[\s,.!?])/g, ' ~ ');
}
