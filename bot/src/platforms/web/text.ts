// What a browser or a program may send as text, made safe to store: PostgreSQL takes no NUL, JSON no lone surrogate.

/** Control characters but newline and tab removed, line ends as \n, lone surrogates replaced. Direction marks stay: the page isolates them. */
export function clean(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{Cc}\n\t]/gu, '')
    .replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** Whether nobody would see anything: spaces, controls, zero-width and filler characters only. */
export function isBlank(text: string): boolean {
  return !/[^\s\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Z}\u2800]/u.test(text);
}

/** Characters as a person counts them (code points), the way JSON Schema's maxLength does. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
