// LIMIT_PER_PERSON: so many turns in a sliding window; over it one notice, then silence.

export interface Limit {
  turns: number;
  windowMs: number;
}

const units: Record<string, number> = {
  s: 1000,
  sec: 1000,
  second: 1000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** `30/min`, `5/s`, `200/hour`, `1000/day`; null for `off`; undefined when it is none of these. */
export function parseLimit(text: string): Limit | null | undefined {
  if (text.trim().toLowerCase() === 'off') return null;
  const [, turns, unit] = /^\s*(\d{1,6})\s*\/\s*([a-z]+)\s*$/i.exec(text) ?? [];
  const windowMs = units[unit?.toLowerCase() ?? ''];
  return windowMs && Number(turns) > 0 ? { turns: Number(turns), windowMs } : undefined;
}

/** What this person's turns within the window come to; `notices` are the turns that already said so. */
export function underLimit(limit: Limit | null, lately: { turns: number; notices: number }): 'answer' | 'notice' | 'silence' {
  if (!limit || lately.turns < limit.turns) return 'answer';
  return lately.notices === 0 ? 'notice' : 'silence';
}
