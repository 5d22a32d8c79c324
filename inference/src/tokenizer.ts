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
  const [tokenizerJson, emoji] = await Promise.all(['tokenizer.json', 'emoji.json'].map((name) => json(join(folder, name))));
  const tokenizer = new Tokenizer(tokenizerJson as object, {});
  const words = emojiToWords(emoji as Record<string, string>);
  const end = tokenizer.token_to_id('[SEP]');
  if (end === undefined) throw new InferenceError('model_invalid', `${folder}/tokenizer.json has no [SEP]; a BERT tokenizer is expected`);
  return (text) => {
    const { ids } = tokenizer.encode(words(text));
    return ids.length > maxTokens ? [...ids.slice(0, maxTokens - 1), end] : ids;
  };
}

async function json(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new InferenceError('model_invalid', `${path} cannot be read as JSON`, { cause });
  }
}
