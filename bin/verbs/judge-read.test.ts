import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agreement, judged, share } from './judge-figures.ts';
import type { Key } from './judge-pairs.ts';
import { parseSheet, readSheets, type Sheet, type Verdict } from './judge-sheets.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-judge-read-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const header = 'pair,better,absurd1,absurd2';

test('reads a sheet as spreadsheets save it', () => {
  const pairs = pairsOf([1, 4]);
  const expected = { verdicts: [verdict(1, '1', 0, 1), verdict(2, 'tie', 4, 2)], wrong: [] };
  expect(parseSheet(`${header}\n1,1,0,1\n2,tie,4,2\n`, pairs)).toEqual(expected);
  expect(
    parseSheet(`\ufeff${header.replaceAll(',', ';')};note\r\n"2";"Tie";"4";"2";"both; bad"\r\n1;1;0;1;\r\n;;;;\r\n`, pairs).wrong,
  ).toEqual([]);
  expect(parseSheet(`${header.replaceAll(',', '\t')}\n1\t1\t0\t1\n2\ttie\t4\t2`, pairs)).toEqual(expected);
});

test.each([
  ['a pair nobody wrote', '1,1,0,0\n2,1,0,0\n9,1,0,0', ['line 4, pair 9: there is no such pair; they go from 1 to 2']],
  ['a pair that is missing', '1,1,0,0', ['no verdict on 1 of 2 pairs: 2']],
  ['a pair given twice', '1,1,0,0\n2,1,0,0\n1,2,0,0', ['line 4, pair 1: it stands in the sheet twice']],
  ['a word that is no verdict', '1,A,0,0\n2,1,0,0', ['line 2, pair 1: better is "A"; expected 1, 2 or tie']],
  [
    'a line left empty',
    '1,,,\n2,1,0,0',
    ['line 2, pair 1: better is ""; expected 1, 2 or tie', expect.stringContaining('absurd1 and absurd2 are ["",""]')],
  ],
  [
    'more absurd replies than there are',
    '1,1,2,0\n2,1,0,0',
    [expect.stringContaining('line 2, pair 1: absurd1 and absurd2 are ["2","0"]; expected the number of absurd replies, 0 to 1')],
  ],
])('refuses %s', (_, lines, wrong) => {
  expect(parseSheet(`${header}\n${lines}\n`, pairsOf([1, 4])).wrong).toEqual(wrong);
});

test('refuses a sheet without its first line, and tells all sheets’ faults at once', async () => {
  await expect(readSheets(folder, pairsOf([1]))).rejects.toThrow(/holds no sheet/);
  writeFileSync(join(folder, 'verdicts-1.csv'), '1,1,0,0\n');
  writeFileSync(join(folder, 'verdicts-2.csv'), `${header}\n1,maybe,0,0\n`);
  await expect(readSheets(folder, pairsOf([1]))).rejects.toThrow(
    /verdicts-1\.csv: the first line is "1,1,0,0"; expected pair,better(?:.|\n)*verdicts-2\.csv: line 2, pair 1: better is "maybe"/,
  );
});

test('counts for the side that stood there, ties as halves, absurd replies among all', () => {
  const pairs = [
    { ...pairsOf([1])[0], pair: 1, first: 'a' as const, character: 'june' },
    { ...pairsOf([1])[0], pair: 2, first: 'b' as const, character: 'june', id: 'm2' },
    { ...pairsOf([1])[0], pair: 3, first: 'b' as const, character: 'walt', id: 'm2' },
    { ...pairsOf([4])[0], pair: 4, first: 'b' as const, character: 'walt', id: 'c1', kind: 'conversation' as const },
  ] as Key['pairs'];
  const sheet: Sheet = {
    reader: 'r',
    verdicts: [verdict(1, '1', 0, 1), verdict(2, '1', 0, 0), verdict(3, 'tie', 0, 0), verdict(4, '2', 3, 1)],
  };
  const found = judged(keyOf(pairs), [sheet]);
  expect(found.kinds.message).toMatchObject({
    ...{ pairs: 3, asked: 2, verdicts: { a: 1, b: 1, tie: 1 }, byCharacter: { june: 0.5, walt: 0.5 } },
    preferred: { value: 0.5 },
    absurd: { a: { value: 0 }, b: { value: 1 / 3 } },
  });
  expect(found.kinds.conversation).toMatchObject({ preferred: { value: 1 }, absurd: { a: { value: 0.25 }, b: { value: 0.75 } } });
  expect(found.kappa).toBe(null);
});

test('takes readers together, a pair each', () => {
  const pairs = pairsOf([1, 1]);
  const sheets = [
    { reader: '1', verdicts: [verdict(1, '1', 0, 0), verdict(2, '1', 0, 0)] },
    { reader: '2', verdicts: [verdict(1, '1', 0, 1), verdict(2, '2', 0, 0)] },
  ];
  const found = judged(keyOf(pairs), sheets);
  expect(found.kinds.message).toMatchObject({ pairs: 2, preferred: { value: 0.75 }, absurd: { b: { value: 0.25 } } });
  expect(found.readers).toBe(2);
});

test('is Wilson’s interval where every row stands alone', () => {
  // 81 of 263: the worked example of Newcombe (1998), table I.
  const rows = Array.from({ length: 263 }, (_, i) => ({ cluster: String(i), hits: Number(i < 81), of: 1 }));
  const { value, low, high } = share(rows);
  expect([value, low, high].map((n) => n.toFixed(3))).toEqual(['0.308', '0.255', '0.366']);
});

test('takes answers to one message for less than as many messages', () => {
  const alone = share(Array.from({ length: 60 }, (_, i) => ({ cluster: String(i), hits: Number(i % 10 < 7), of: 1 })));
  const together = share(Array.from({ length: 60 }, (_, i) => ({ cluster: String(i % 10), hits: Number(i % 10 < 7), of: 1 })));
  expect(together.value).toBe(alone.value);
  expect(together.high - together.low).toBeGreaterThan(2 * (alone.high - alone.low));
  // All alike is no certainty: ten messages say no more than ten.
  expect(share(Array.from({ length: 60 }, (_, i) => ({ cluster: String(i % 10), hits: 1, of: 1 }))).low).toBeCloseTo(0.722, 3);
});

test('covers the truth about nineteen times in twenty', () => {
  const random = seeded(7);
  let covered = 0;
  for (let trial = 0; trial < 400; trial++) {
    const rows = Array.from({ length: 60 }, (_, cluster) => {
      const p = [0.4, 0.6, 0.95][Math.floor(random() * 3)] as number;
      return Array.from({ length: 6 }, () => ({ cluster: String(cluster), hits: Number(random() < p), of: 1 }));
    }).flat();
    const { low, high } = share(rows);
    if (low <= 0.65 && 0.65 <= high) covered++;
  }
  expect(covered / 400).toBeGreaterThan(0.92);
  expect(covered / 400).toBeLessThan(0.985);
});

test('says how far readers agree beyond chance', () => {
  const of = (words: string) => ({
    reader: '',
    verdicts: [...words].map((word, i) => verdict(i + 1, word === 't' ? 'tie' : (word as '1' | '2'), 0, 0)),
  });
  expect(agreement([of('1122t')])).toBe(null);
  expect(agreement([of('1122t'), of('1122t')])).toBe(1);
  expect(agreement([of('1122'), of('2211')])).toBe(-1);
  // 6 of 10 alike, chance 0.5: Cohen's kappa 0.2.
  expect(agreement([of('1111122222'), of('1112211222')])).toBeCloseTo(0.2, 6);
  expect(agreement([of('1111'), of('1111')])).toBe(1);
});

function verdict(pair: number, better: Verdict['better'], absurd1: number, absurd2: number): Verdict {
  return { pair, better, absurd: [absurd1, absurd2] };
}

function pairsOf(turns: number[]): Key['pairs'] {
  return turns.map((count, i) => ({ pair: i + 1, id: `m${i}`, kind: 'message', character: 'june', turns: count, first: 'a', same: false }));
}

function keyOf(pairs: Key['pairs']): Key {
  const side = (name: string) => ({ name, versions: {}, own: 1, replies: 1 });
  return {
    schema: 1,
    seed: '1',
    at: '',
    a: side('lines'),
    b: side('nearest'),
    pairsSha256: '',
    talksSha256: { a: '', b: '' },
    readers: 1,
    pairs,
  };
}

/** Numbers from 0 to 1 by a linear congruence: the same every time. */
function seeded(state: number): () => number {
  let now = state;
  return () => {
    now = (now * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return now / 2 ** 32;
  };
}
