// A reader's sheet: checked line by line before a word of it counts.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { header, type Key } from './judge-pairs.ts';
import { bad } from './judge-talks.ts';

export interface Verdict {
  pair: number;
  better: '1' | '2' | 'tie';
  /** Absurd replies of the talk shown as 1 and as 2. */
  absurd: [number, number];
}

export interface Sheet {
  reader: string;
  verdicts: Verdict[];
}

/** Every verdicts*.csv of the folder. Rejects with all that is wrong with them, a line each. */
export async function readSheets(folder: string, pairs: Key['pairs']): Promise<Sheet[]> {
  const names = (await readdir(folder)).filter((name) => /^verdicts.*\.csv$/.test(name)).sort();
  if (names.length === 0) throw bad(`${folder} holds no sheet; expected verdicts.csv, or verdicts-1.csv and so on`);
  const sheets = [];
  const wrong = [];
  for (const name of names) {
    const found = parseSheet(await readFile(join(folder, name), 'utf8'), pairs);
    wrong.push(...found.wrong.map((sentence) => `${name}: ${sentence}`));
    sheets.push({ reader: name.replace(/\.csv$/, ''), verdicts: found.verdicts });
  }
  if (wrong.length > 0) throw bad(`the sheets cannot be counted:\n${shortened(wrong).join('\n')}`);
  return sheets;
}

/** As a spreadsheet saves it: comma, semicolon or tab, with or without quotation marks; columns after the fourth are the reader's own. */
export function parseSheet(text: string, pairs: Key['pairs']): { verdicts: Verdict[]; wrong: string[] } {
  const [first = '', ...rest] = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const separator = [',', ';', '\t'].find((mark) => first.includes(mark)) ?? ',';
  const cells = (line: string) =>
    line.split(separator).map((cell) =>
      cell
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .trim(),
    );
  if (cells(first).slice(0, 4).join().toLowerCase() !== header)
    return { verdicts: [], wrong: [`the first line is ${JSON.stringify(first.slice(0, 60))}; expected ${header}`] };
  const known = new Map(pairs.map((pair) => [String(pair.pair), pair]));
  const verdicts = new Map<number, Verdict>();
  const wrong: string[] = [];
  for (const [at, line] of rest.entries()) {
    if (line.replaceAll(separator, '').trim() === '') continue;
    const [number = '', better = '', ...absurd] = cells(line).slice(0, 4);
    const says = (sentence: string) => wrong.push(`line ${at + 2}, pair ${number || '(none)'}: ${sentence}`);
    const pair = known.get(number);
    if (!pair) says(`there is no such pair; they go from 1 to ${pairs.length}`);
    else if (verdicts.has(pair.pair)) says('it stands in the sheet twice');
    else {
      const word = better.toLowerCase();
      const counts = absurd.map((cell) => (/^\d+$/.test(cell) ? Number(cell) : Number.NaN));
      if (word !== '1' && word !== '2' && word !== 'tie') says(`better is ${JSON.stringify(better)}; expected 1, 2 or tie`);
      if (counts.length < 2 || counts.some((count) => !(count <= pair.turns)))
        says(`absurd1 and absurd2 are ${JSON.stringify(absurd)}; expected the number of absurd replies, 0 to ${pair.turns}`);
      verdicts.set(pair.pair, { pair: pair.pair, better: word as Verdict['better'], absurd: [counts[0] as number, counts[1] as number] });
    }
  }
  const missing = pairs.filter(({ pair }) => !verdicts.has(pair)).map(({ pair }) => pair);
  if (missing.length > 0)
    wrong.push(`no verdict on ${missing.length} of ${pairs.length} pairs: ${shortened(missing.map(String)).join(', ')}`);
  return { verdicts: [...verdicts.values()], wrong };
}

function shortened(sentences: string[]): string[] {
  return sentences.length > 20 ? [...sentences.slice(0, 20), `and ${sentences.length - 20} more`] : sentences;
}
