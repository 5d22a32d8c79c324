// What readers marked: every mark is of a line that is there, and what measures calibrates nothing.
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Corpus, loadCorpus } from '../corpus.ts';
import { fittingSituations } from './answers.ts';

interface Talk {
  character: string;
  turns: { text: string; marks: Record<string, number>; absurd?: string[] }[];
}

let corpus: Corpus;
let learned: Talk[];
let apart: Talk[];
let talks: Talk[];
beforeAll(async () => {
  corpus = await loadCorpus('characters');
  [learned, apart] = ['./answers.jsonl', './answers.apart.jsonl'].map((file) => {
    const lines = readFileSync(new URL(file, import.meta.url), 'utf8')
      .trim()
      .split('\n');
    return lines.map((line) => JSON.parse(line) as Talk);
  }) as [Talk[], Talk[]];
  talks = [...learned, ...apart];
});

describe('the marks', () => {
  it('are of lines of the character that was marked, but for a few that are gone', () => {
    const known = new Map(
      [...corpus.characters].map(([slug, { replies, feelings, acts, topics }]) => [
        slug,
        new Set([replies, feelings, acts, topics].flatMap((lists) => [...lists.values()].flatMap((lines) => lines.map(({ id }) => id)))),
      ]),
    );
    const marks = talks.flatMap(({ character, turns }) =>
      turns.flatMap((turn) => Object.entries(turn.marks).map(([id, mark]) => ({ there: known.get(character)?.has(id), mark }))),
    );
    expect(marks.length).toBeGreaterThan(40_000);
    expect(marks.filter(({ there }) => !there).length / marks.length).toBeLessThan(0.05);
    expect(marks.every(({ mark }) => mark === 0 || mark === 1 || mark === 2)).toBe(true);
  });

  it('are apart where the encoder learned from none: hardly a first message stands in both files', () => {
    const texts = new Set(learned.map(({ turns }) => turns[0]?.text));
    const both = apart.filter(({ turns }) => texts.has(turns[0]?.text));
    expect(both.length / apart.length).toBeLessThan(0.05);
  });

  it('name as absurd only lines that were marked, and hardly one that fits', () => {
    const read = talks.flatMap(({ turns }) => turns).flatMap(({ marks, absurd }) => absurd?.map((id) => marks[id]) ?? []);
    expect(read.length).toBeGreaterThan(500);
    expect(read).not.toContain(undefined);
    expect(read.filter((mark) => mark === 2).length / read.length).toBeLessThan(0.02);
  });

  it("of a line that was rewritten are another line's: it stands in retired.jsonl, its situation is there, and its name is nobody's", () => {
    const retired = readFileSync(new URL('./retired.jsonl', import.meta.url), 'utf8')
      .trim()
      .split('\n');
    const rows = retired.map((line) => JSON.parse(line) as { id: string; situation: string });
    const ids = new Set([...corpus.characters.values()].flatMap(({ replies }) => [...replies.values()].flat().map(({ id }) => id)));
    expect(rows.length).toBeGreaterThan(0);
    for (const { id, situation } of rows) {
      expect(ids.has(id), id).toBe(false);
      expect(
        corpus.situations.some((one) => one.id === situation),
        situation,
      ).toBe(true);
    }
  });

  it('say which situations fit a first message, and leave out the talks that measure', () => {
    const found = fittingSituations(corpus);
    const ids = new Set(corpus.situations.map(({ id }) => id));
    expect(found.every(({ accept }) => accept.length > 0 && accept.every((id) => id === 'none' || ids.has(id)))).toBe(true);
    expect(found.some(({ text }) => crc32(text) % 5 === 0)).toBe(false);
    const stolen = found.find(({ text }) => text.startsWith('someone nicked my bike'));
    expect(stolen?.accept).toContain('something-stolen');
  });
});
