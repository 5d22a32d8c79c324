// The corpus by its ids: a line's own words, and the words of what it answers.
import type { Source } from './contract.ts';
import type { Corpus } from './corpus.ts';

export interface CorpusWords {
  /** A line's own text. */
  line(id: string): string | undefined;
  /** What somebody says in this situation, or before this line of a dialogue. */
  prompt(source: Pick<Source, 'kind' | 'id'>, line: string | null): string | undefined;
}

export function corpusWords({ situations, characters }: Corpus): CorpusWords {
  const lines = new Map<string, string>();
  const prompts = new Map<string, string>();
  for (const { replies, dialogues, feelings, acts } of characters.values()) {
    for (const list of [...replies.values(), ...feelings.values(), ...acts.values()]) for (const { id, text } of list) lines.set(id, text);
    for (const { line, user, answer } of dialogues.flatMap(({ turns }) => turns)) {
      lines.set(line, answer);
      prompts.set(line, user);
    }
  }
  const wordings = new Map(situations.map(({ id, examples }) => [id, examples[0]]));
  return {
    line: (id) => lines.get(id),
    prompt: ({ kind, id }, line) => (kind === 'situation' ? wordings.get(id ?? '') : prompts.get(line ?? '')),
  };
}
