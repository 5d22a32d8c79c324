import { describe, expect, test } from 'vitest';
import { pingedBy } from '../../../../test/slack/workspace.ts';
import { maxPartLength, mrkdwn, render, split } from './render.ts';

const reply = (text: string) => ({ text, notice: null, replyId: 'r1' });

describe('Slack’s mrkdwn', () => {
  test.each([
    ['**bold** and *slanted* and ~~gone~~', '*bold* and _slanted_ and ~gone~'],
    ['***both***', '*_both_*'],
    ['*sighs softly* Oh, **you**.', '_sighs softly_ Oh, *you*.'],
    ['## Hours\nMonday', '*Hours*\nMonday'],
    ['- one\n* two\n  - three', '• one\n• two\n  • three'],
    ['2 * 3 * 4 and a_b_c', '2 * 3 * 4 and a_b_c'],
    ['`**code**` stays', '`**code**` stays'],
    ['```ts\nconst a = b ** c; // <T>\n```', '```\nconst a = b ** c; // &lt;T&gt;\n```'],
    ['> quoted & fine', '&gt; quoted &amp; fine'],
    ['see [our page](https://x.org/a_b_c?d=1&e=2).', 'see <https://x.org/a_b_c?d=1&amp;e=2|our page>.'],
    ['call (https://findahelpline.com), please', 'call (<https://findahelpline.com>), please'],
    ['<https://x.org/y>', '<https://x.org/y>'],
    ['[look](javascript:alert(1))', '[look](javascript:alert(1))'],
    ['**see https://x.org/**', '*see <https://x.org/>*'],
  ])('%j becomes %j', (markdown, shown) => {
    expect(mrkdwn(markdown)).toBe(shown);
  });

  test('calls nobody, whatever is put together', () => {
    const scraps = [
      '<!channel>',
      '<!here|here>',
      '<@U0ALICE>',
      '<!subteam^S1>',
      '<',
      '>',
      '|',
      '@everyone',
      '[a](',
      'https://x.org/',
      ')',
      '`',
      '```',
      '**',
      '*',
      '\n',
      '&lt;',
      '\ue000',
      '0',
      ' ',
    ];
    // A fixed walk over the scraps, so that a failure can be seen again.
    for (let seed = 1; seed < 4000; seed++) {
      let state = seed;
      const text = Array.from({ length: 9 }, () => {
        state = (state * 48_271) % 2_147_483_647;
        return scraps[state % scraps.length];
      }).join('');
      for (const part of render(reply(text))) {
        const message = { channel: 'C1', ts: '1.1', text: part.text, blocks: part.blocks as never };
        expect(pingedBy(message), text).toEqual([]);
        // Nothing is in brackets but web addresses.
        expect(part.text.replace(/<https?:\/\/[^<>|\s]+(\|[^<>|]+)?>/g, ''), text).not.toMatch(/[<>]/);
      }
    }
  });
});

describe('a long reply', () => {
  const words = (parts: string[]) => parts.join(' ').split(/\s+/).filter(Boolean);

  test('is cut between paragraphs, sentences or words, never over the limit', () => {
    const paragraph = 'It was a dark & stormy night. The rain fell in torrents, except at intervals. ';
    const text = Array.from({ length: 30 }, (_, n) => `${n} ${paragraph.repeat(4).trim()}`).join('\n\n');
    const pieces = split(text);
    expect(pieces.length).toBeGreaterThan(2);
    expect(words(pieces)).toEqual(words([text]));
    for (const piece of pieces) {
      expect(mrkdwn(piece).length).toBeLessThanOrEqual(maxPartLength);
      expect(piece).toMatch(/^\d/);
      expect(piece).toMatch(/\.$/);
    }
  });

  test('fits even where every character becomes five', () => {
    const pieces = split('&'.repeat(4000));
    expect(pieces.join('')).toBe('&'.repeat(4000));
    for (const piece of pieces) expect(mrkdwn(piece).length).toBeLessThanOrEqual(maxPartLength);
  });

  test('keeps code in a fence and emoji in one piece', () => {
    const code = `Look:\n\`\`\`\n${Array.from({ length: 400 }, (_, n) => `  line ${n};`).join('\n')}\n\`\`\``;
    for (const piece of split(code)) expect(piece.match(/```/g)).toHaveLength(2);
    expect(
      split(code)
        .join('\n')
        .match(/ {2}line \d+;/g),
    ).toHaveLength(400);
    expect(
      split(`\`\`\`\n${'x'.repeat(9000)}\n\`\`\``)
        .join('')
        .replace(/[^x]/g, ''),
    ).toHaveLength(9000);
    const pieces = split('😀'.repeat(2000));
    expect(pieces.join('')).toBe('😀'.repeat(2000));
    for (const piece of pieces) expect(piece).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
  });

  test('is one part when it is short, and never empty', () => {
    expect(split('short')).toEqual(['short']);
    expect(render(reply('  ')).map(({ text }) => text)).toEqual(['…']);
  });

  test('has its notice and thumbs under the last part', () => {
    const parts = render({ text: 'word '.repeat(1000), notice: 'A bot.', replyId: 'r1' });
    expect(parts.map(({ blocks }) => blocks.map(({ type }) => type))).toEqual([['section'], ['section', 'context', 'context_actions']]);
  });
});
