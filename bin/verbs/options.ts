// The options every verb has.
import { parseArgs } from 'node:util';

export interface Options<Name extends string> {
  json: boolean;
  /** The switches that were given. */
  flags: ReadonlySet<string>;
  values: Partial<Record<Name, string>>;
  positionals: string[];
}

/** Prints the help and returns null for --help; throws a TypeError naming an unknown option. */
export function options<Name extends string = never>(
  args: string[],
  help: string,
  names: readonly Name[] = [],
  switches: readonly string[] = [],
): Options<Name> | null {
  const known = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const switched = Object.fromEntries(switches.map((name) => [name, { type: 'boolean' as const }]));
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...known, ...switched, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(help);
    return null;
  }
  const flags = new Set(switches.filter((name) => (values as Record<string, unknown>)[name] === true));
  return { json: values.json === true, flags, values: values as Partial<Record<Name, string>>, positionals };
}

/** Columns as wide as their widest cell. */
export function table(rows: string[][]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
