// Reads the corpus' JSON Lines: every line is checked, and a broken one is refused with its file, its number and the fix.
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { InferenceError } from './errors.ts';

export interface Row<T> {
  value: T;
  /** `file:line`, for whoever finds something wrong with it later. */
  at: string;
}

/** Undefined when there is no such file. Rejects with `corpus_invalid`. */
export async function readRows<T>(file: string, schema: z.ZodType<T>): Promise<Row<T>[] | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new InferenceError('corpus_invalid', `${file} cannot be read: ${error.message}`, { cause: error });
  });
  if (text === undefined) return undefined;
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .flatMap((line, i) => (line.trim() === '' ? [] : [{ value: parse(line, `${file}:${i + 1}`, schema), at: `${file}:${i + 1}` }]));
}

/** `what` says what is wrong and what to write instead. */
export function refuse(at: string, what: string): never {
  throw new InferenceError('corpus_invalid', `${at}: ${what}`);
}

/** Refuses the second of two rows with the same key. */
export function refuseTwins<T>(rows: readonly Row<T>[], key: (value: T) => string, what: string): void {
  const first = new Map<string, string>();
  for (const { value, at } of rows) {
    const id = key(value);
    const earlier = first.get(id);
    if (earlier) refuse(at, `${what} "${id}" is already at ${earlier}; give each its own`);
    first.set(id, at);
  }
}

function parse<T>(line: string, at: string, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    throw new InferenceError('corpus_invalid', `${at}: not one JSON object on one line (${(cause as Error).message}); mend or remove it`, {
      cause,
    });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the line'}: ${expected(issue)}`).join('; ');
  throw new InferenceError('corpus_invalid', `${at}: ${wrong}`, { cause: parsed.error });
}

function expected(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map((value) => `"${String(value)}"`).join(', ')}`;
  return issue.message;
}
