import { expect, test } from 'vitest';
import { split } from './split.ts';

test('leaves a short text alone, and a blank one is no message', () => {
  expect(split('Hello.')).toEqual(['Hello.']);
  expect(split(' \n\n ')).toEqual([]);
  expect(split('x'.repeat(2000))).toEqual(['x'.repeat(2000)]);
});

test('prefers a paragraph, then a line, then a sentence, then a word', () => {
  expect(split('One two three.\n\nFour five six. Seven', 24)).toEqual(['One two three.', 'Four five six. Seven']);
  expect(split('One two three\nfour five six seven', 24)).toEqual(['One two three', 'four five six seven']);
  expect(split('One two three. Four five six seven', 26)).toEqual(['One two three.', 'Four five six seven']);
  expect(split('one two three four five', 18)).toEqual(['one two three', 'four five']);
});

test('cuts a word longer than a message, between graphemes', () => {
  const family = '👨‍👩‍👧‍👦';
  const parts = split(family.repeat(10), 40);
  expect(parts.join('')).toBe(family.repeat(10));
  for (const part of parts) expect(part.length % family.length).toBe(0);
});

test('closes a code block that it cuts and opens it again in its language', () => {
  const text = `Look:\n\`\`\`ts\n${Array.from({ length: 6 }, (_, n) => `  line(${n});`).join('\n')}\n\`\`\`\nDone.`;
  expect(split(text, 50)).toEqual([
    'Look:\n```ts\n  line(0);\n  line(1);\n  line(2);\n```',
    '```ts\n  line(3);\n  line(4);\n  line(5);\n```\nDone.',
  ]);
});

test('moves a code block whole when it fits the next message', () => {
  expect(split('A few words to begin with.\n```js\nf();\ng();\n```', 40)).toEqual(['A few words to begin with.', '```js\nf();\ng();\n```']);
});

test('takes marks that never close for what they are', () => {
  expect(split(`\`\`\`js\n${'word '.repeat(10)}`, 30).join(' ')).not.toMatch(/```.*```/s);
});

test('never loses a character, breaks a grapheme or leaves a block open, whatever the text', () => {
  const random = seeded(20261128);
  for (let round = 0; round < 150; round++) {
    const text = randomText(random);
    const limit = 60 + Math.floor(random() * 200);
    const parts = split(text, limit);
    const told = `round ${round}, limit ${limit}`;
    for (const part of parts) {
      expect(part.length, told).toBeLessThanOrEqual(limit);
      expect(part.trim(), told).not.toBe('');
      expect(part, told).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/);
    }
    if (balanced(text)) for (const part of parts) expect(balanced(part), told).toBe(true);
    expect(parts.map(bare).join(''), told).toBe(bare(text));
    expect(
      parts.flatMap((part) => graphemes(bare(part))),
      told,
    ).toEqual(graphemes(bare(text)));
  }
});

test('keeps every line of code as it was', () => {
  const random = seeded(7);
  for (let round = 0; round < 100; round++) {
    const code = Array.from({ length: 1 + Math.floor(random() * 60) }, () => ' '.repeat(random() * 8) + 'x'.repeat(random() * 30));
    const parts = split(`Before.\n\`\`\`py\n${code.join('\n')}\n\`\`\`\nAfter.`, 120);
    const blocks = parts.flatMap((part) => [...part.matchAll(/```py\n(.*?)\n?```/gs)].map((match) => match[1] ?? ''));
    expect(blocks.join('\n').split('\n')).toEqual(code);
  }
});

/** Without whitespace and without the marks of code, of which a cut writes more. */
function bare(text: string): string {
  return text.replace(/```(?:js|python)?/g, '').replace(/\s+/g, '');
}

function graphemes(text: string): string[] {
  return [...new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)].map(({ segment }) => segment);
}

function balanced(text: string): boolean {
  return text.split('```').length % 2 === 1;
}

function randomText(random: () => number): string {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const words = [
    'a',
    'word',
    'sentence.',
    'why?',
    '🙂',
    '👍🏽',
    '👨‍👩‍👧‍👦',
    'é',
    'e\u0301',
    '漢字',
    '𝒳',
    '`code`',
    'longlonglonglong',
    'किताब',
    '🇫🇷',
    '~~~',
  ];
  // Marks without a partner, or languages: with both, `bare` could not tell which of them a cut wrote.
  const strays = random() < 0.3;
  let text = '';
  for (let n = Math.floor(random() * 40); n >= 0; n--) {
    const kind = random();
    if (kind < 0.12) {
      const lines = Array.from({ length: Math.floor(random() * 12) }, () => ' '.repeat(random() * 4) + pick(words).repeat(random() * 6));
      text += `\n\`\`\`${strays ? '' : pick(['', 'js', 'python'])}\n${lines.join('\n')}\n\`\`\`${pick(['\n', ' ', ''])}`;
    } else if (kind < 0.2) text += pick(['\n\n\n', '\n', '   ']);
    else if (kind < 0.25) text += pick(words).repeat(60);
    else if (strays && kind < 0.3) text += '```';
    else text += `${pick(words)} `;
  }
  return text;
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}
