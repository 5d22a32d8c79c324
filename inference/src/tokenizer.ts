// Text → token ids for the encoder: [CLS] … [SEP], cut to the model's length.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { InferenceError } from './errors.ts';
import { emojiToWords } from './text.ts';

/** At least two ids ([CLS] and [SEP]), at most `maxTokens`. */
export type Tokenize = (text: string) => number[];

/** Reads tokenizer.json and emoji.json of a model's folder. */
export async function openTokenizer(folder: string, maxTokens: number): Promise<Tokenize> {
  const { tokenizer, words } = await parts(folder);
  const end = tokenizer.token_to_id('[SEP]');
  if (end === undefined) throw new InferenceError('model_invalid', `${folder}/tokenizer.json has no [SEP]; a BERT tokenizer is expected`);
  return (text) => {
    const { ids } = tokenizer.encode(words(text));
    return ids.length > maxTokens ? [...ids.slice(0, maxTokens - 1), end] : ids;
  };
}

/** Words of a text, and the share of those within the model's length that the tokenizer knows in pieces only: as training/drift.py measures them. */
export async function openMeasures(folder: string, maxTokens: number): Promise<(text: string) => { length: number; unknown: number }> {
  const { tokenizer, words } = await parts(folder);
  return (text) => {
    const plain = words(text);
    const known: boolean[] = [];
    for (const token of tokenizer.tokenize(plain).slice(0, maxTokens - 2)) {
      if (!token.startsWith('##')) known.push(token !== '[UNK]');
      else known[known.length - 1] = false;
    }
    const broken = known.filter((whole) => !whole).length;
    return { length: plain === '' ? 0 : plain.split(' ').length, unknown: broken / Math.max(1, known.length) };
  };
}

async function parts(folder: string) {
  const [tokenizerJson, emoji] = await Promise.all(['tokenizer.json', 'emoji.json'].map((name) => json(join(folder, name))));
  return { tokenizer: new Tokenizer(tokenizerJson as object, {}), words: emojiToWords(emoji as Record<string, string>) };
}

async function json(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new InferenceError('model_invalid', `${path} cannot be read as JSON`, { cause });
  }
}
