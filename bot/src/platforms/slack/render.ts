// A reply as Slack shows it: mrkdwn in which nothing calls anybody, in parts that Slack takes, with thumbs under the last.
import type { KnownBlock } from '@slack/types';
import type { Outgoing } from '../../platform.ts';
import { FEEDBACK_ACTION } from './parse.ts';

/** A section's text may have this many characters, entities counted as written. */
export const maxPartLength = 3000;

export interface Part {
  /** For notifications and screen readers, and Slack reads mentions from it: escaped like the block. */
  text: string;
  blocks: KnownBlock[];
}

/** `markdown_text` cannot go with blocks, and `markdown` blocks read mentions; a verbatim section does neither. */
export function render({ text, notice, replyId }: Pick<Outgoing, 'text' | 'notice' | 'replyId'>): Part[] {
  const pieces = split(text.trim() || '…');
  return pieces.map((piece, index) => {
    const shown = mrkdwn(piece);
    const last = index === pieces.length - 1;
    const blocks: KnownBlock[] = [{ type: 'section', expand: true, text: { type: 'mrkdwn', text: shown, verbatim: true } }];
    if (last && notice)
      blocks.push({ type: 'context', elements: [{ type: 'mrkdwn', text: mrkdwn(notice).slice(0, maxPartLength), verbatim: true }] });
    if (last) blocks.push(thumbs(replyId));
    return { text: shown, blocks };
  });
}

function thumbs(replyId: string): KnownBlock {
  return {
    type: 'context_actions',
    elements: [
      {
        type: 'feedback_buttons',
        action_id: FEEDBACK_ACTION,
        positive_button: {
          text: { type: 'plain_text', text: 'Good reply' },
          accessibility_label: 'This reply was good',
          value: `up:${replyId}`,
        },
        negative_button: {
          text: { type: 'plain_text', text: 'Bad reply' },
          accessibility_label: 'This reply was bad',
          value: `down:${replyId}`,
        },
      },
    ],
  };
}

/** Markdown to mrkdwn. Code stays as it is; only web addresses become links. */
export function mrkdwn(markdown: string): string {
  return markdown
    .split(/(```[\s\S]*?(?:```|$)|`[^`\n]+`)/)
    .map((piece, index) => (index % 2 ? inert(piece.replace(/^```\w+\n/, '```\n')) : prose(piece)))
    .join('');
}

function prose(text: string): string {
  // Links are set aside first, so that an underscore in an address is no emphasis.
  const links: string[] = [];
  const aside = (link: string) => `\ue000${links.push(link) - 1}\ue000`;
  return inert(text.replace(/[\ue000\ue001]/g, ''))
    .replace(/\[([^\]\n]+)\]\((https?:\/\/[^\s()|]+)\)/g, (_all, label: string, url: string) =>
      aside(`<${url}|${label.replaceAll('|', '¦')}>`),
    )
    .replace(/&lt;(https?:\/\/[^\s|&]+)&gt;/g, (_all, url: string) => aside(`<${url}>`))
    .replace(/https?:\/\/(?:(?!&[lg]t;)[^\s|)\]\ue000])*[^\s|)\].,;:!?'"*_~\ue000]/g, (url) => aside(`<${url}>`))
    .replace(/^#{1,6}[ \t]+(.+?)[ \t]*#*$/gm, '**$1**')
    .replace(/\*\*\*(\S(?:[^\n*]*\S)?)\*\*\*/g, '\ue001_$1_\ue001')
    .replace(/\*\*(\S(?:[^\n]*?\S)?)\*\*/g, '\ue001$1\ue001')
    .replace(/(?<![*\w])\*(\S(?:[^\n*]*\S)?)\*(?![*\w])/g, '_$1_')
    .replaceAll('\ue001', '*')
    .replace(/~~(\S(?:[^\n~]*\S)?)~~/g, '~$1~')
    .replace(/^([ \t]*)[-*][ \t]+/gm, '$1• ')
    .replace(/\ue000(\d+)\ue000/g, (_all, index: string) => links[Number(index)] ?? '');
}

/** With this no `<…>` of anybody's text is a mention, a link or a date. */
function inert(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Pieces that fit when rendered, cut between paragraphs, lines, sentences or words, and within a word only if it is longer than a message. */
export function split(text: string, limit = maxPartLength): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (mrkdwn(rest).length > limit) {
    let piece = rest.slice(0, limit);
    for (;;) {
      piece = piece.slice(0, cutIn(piece, piece.length < rest.length ? rest[piece.length]! : ''));
      const { length } = mrkdwn(closed(piece));
      if (length <= limit) break;
      piece = piece.slice(0, Math.min(piece.length - 1, Math.floor((piece.length * limit) / length)));
    }
    pieces.push(closed(piece).trimEnd());
    const after = rest.slice(piece.length);
    rest = isOpen(piece) ? `\`\`\`\n${after.replace(/^\n/, '')}` : after.trimStart();
  }
  if (rest.trim()) pieces.push(rest);
  return pieces;
}

/** Where to end a piece that `next` follows: at the best boundary that is not too far back. */
function cutIn(piece: string, next: string): number {
  if (/\s/.test(next)) return piece.length;
  for (const [boundary, least] of BOUNDARIES) {
    const last = [...piece.matchAll(boundary)].at(-1);
    const at = last ? last.index + last[0].length : 0;
    if (at > piece.length * least) return at;
  }
  return /[\ud800-\udbff]$/.test(piece) ? piece.length - 1 : piece.length;
}

/** Paragraphs, lines, sentences, words, each with how much of a piece must be left. */
const BOUNDARIES: [RegExp, number][] = [
  [/\n{2,}/g, 0.5],
  [/\n/g, 0.5],
  [/[.!?…]["'”’)]*\s/g, 0.5],
  [/\s/g, 0.1],
];

function isOpen(piece: string): boolean {
  return (piece.match(/```/g)?.length ?? 0) % 2 === 1;
}

function closed(piece: string): string {
  return isOpen(piece) ? `${piece.trimEnd()}\n\`\`\`` : piece;
}
