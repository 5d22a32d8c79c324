// Votes as rows to learn from: what was shown, chosen and read, without a word that may not be learnt from.
import { createHash } from 'node:crypto';
import type { Candidate, EmotionScore, Mood, Source, Utterance } from '@troupe/inference/contract';
import type { Database } from '@troupe/prisma';
import { at, ms } from './memory.ts';

/** A line of votes.jsonl. */
export interface VoteRow {
  /** The same vote has the same one in every export; it leads back to nobody. */
  id: string;
  /** The voter's number within this export, by first vote: 1, 2, … */
  voter: number;
  value: 'up' | 'down';
  at: string;
  platform: string;
  character: string;
  /** What was answered: the person's own words where they may be learnt from, else the corpus' words for it. Null: neither is known. */
  message: string | null;
  messageBy: 'person' | 'corpus' | null;
  /** The matched situation's id. */
  situation: string | null;
  /** All 28, by label. */
  emotions: Record<string, number> | null;
  mood: Mood | null;
  /** Oldest first; empty unless all of it may be learnt from. */
  history: Utterance[];
  /** The text is null once RETENTION_DAYS have passed, or where it repeats what the person wrote. */
  shown: { text: string | null; line: string | null; source: Source; expression: string };
  /** Best first, as the generators scored them. */
  candidates: Pick<Candidate, 'text' | 'line' | 'source' | 'score'>[];
  versions: Record<string, string>;
}

export interface VotesOptions {
  /** The operator's permission for platforms whose texts are not the operator's own. */
  trainOn: 'votes' | 'derived' | 'text';
  /** Platforms whose texts are the operator's own. */
  ownPlatforms: ReadonlySet<string>;
  retentionDays: number;
  /** At most so many of each person, the newest; nobody steers alone. */
  perPerson: number;
  sinceMs: number;
  nowMs: number;
  corpus: CorpusWords;
}

/** What was written for the characters, by id. */
export interface CorpusWords {
  /** A line's own text. */
  line(id: string): string | undefined;
  /** What somebody says in this situation, or before this line of a dialogue. */
  prompt(source: Source, line: string | null): string | undefined;
}

const page = 500;

/** $1 since, $2 before what is too old to have a text, $3 the most of a person, $4-$6 where the last page ended. */
const votes = `WITH ranked AS (
  SELECT v.*, p.platform || ' ' || p.external_id AS human, row_number() OVER (PARTITION BY p.platform, p.external_id ORDER BY v.at DESC, v.reply_id) AS place
  FROM votes v JOIN people p ON p.id = v.person_id JOIN replies r ON r.id = v.reply_id
  WHERE v.at >= ${at('$1')} AND r.source ->> 'generator' <> 'rules' AND r.source ->> 'kind' NOT IN ('skill', 'safety')
    AND r.intent ->> 'decidedBy' IS DISTINCT FROM 'rule'
)
SELECT v.reply_id AS "replyId", v.person_id AS "personId", v.human, v.value, ${ms('v.at')} AS "atMs", c.platform, r.character, r.expression, r.source, r.line,
  r.mood, r.versions, d.emotions, CASE WHEN r.created_at >= ${at('$2')} THEN r.text END AS text,
  CASE WHEN r.created_at >= ${at('$2')} THEN r.candidates ELSE '[]'::jsonb END AS candidates,
  (SELECT json_agg(json_build_object('text', CASE WHEN m.received_at >= ${at('$2')} THEN m.text END, 'trainOk', m.train_ok)
      ORDER BY m.sent_at, m.received_at, m.id) FROM messages m WHERE m.turn_id = r.turn_id) AS said,
  (SELECT json_agg(json_build_object('said', h.said, 'trainOk', h.train_ok, 'answered', h.answered) ORDER BY h.opened_at) FROM (
    SELECT b.opened_at, q.text AS answered,
      (SELECT string_agg(m.text, E'\\n' ORDER BY m.sent_at, m.received_at, m.id) FROM messages m WHERE m.turn_id = b.id) AS said,
      (SELECT coalesce(bool_and(m.train_ok), false) FROM messages m WHERE m.turn_id = b.id) AS train_ok
    FROM turns b JOIN replies q ON q.turn_id = b.id
    WHERE b.conversation_id = t.conversation_id AND b.person_id = t.person_id AND b.opened_at < t.opened_at AND q.text IS NOT NULL
      AND q.created_at >= ${at('$2')} AND q.source ->> 'generator' <> 'rules'
    ORDER BY b.opened_at DESC LIMIT 6) h) AS before
FROM ranked v JOIN replies r ON r.id = v.reply_id JOIN turns t ON t.id = r.turn_id JOIN conversations c ON c.id = r.conversation_id
  LEFT JOIN reads d ON d.turn_id = r.turn_id
WHERE v.place <= $3::int AND (v.at, v.reply_id, v.person_id) > (${at('$4')}, $5, $6)
ORDER BY v.at, v.reply_id, v.person_id LIMIT ${page}`;

/** Oldest first. What was taken back or forgotten is no row any more and so no vote. */
export async function* exportVotes(database: Database, options: VotesOptions): AsyncGenerator<VoteRow> {
  const textSinceMs = options.nowMs - options.retentionDays * 86_400_000;
  const voters = new Map<string, number>();
  let last: [number, string, string] = [0, '', ''];
  for (;;) {
    const found = await database.rows<Found[]>(votes, options.sinceMs, textSinceMs, options.perPerson, ...last);
    for (const row of found) {
      if (!voters.has(row.human)) voters.set(row.human, voters.size + 1);
      yield toVoteRow(row, voters.get(row.human) as number, options);
    }
    const end = found.at(-1);
    if (!end || found.length < page) return;
    last = [end.atMs, end.replyId, end.personId];
  }
}

function toVoteRow(row: Found, voter: number, { trainOn, ownPlatforms, corpus }: VotesOptions): VoteRow {
  const { platform, source, line, candidates } = row;
  const own = ownPlatforms.has(platform);
  const mayDerive = own || trainOn !== 'votes';
  const mayQuote = own || trainOn === 'text';
  const said = row.said ?? [];
  const theirs = said
    .map(({ text }) => text)
    .filter((text) => text !== null)
    .join('\n');
  const message = mayQuote && theirs !== '' && said.every(({ text, trainOk }) => trainOk && text !== null) ? theirs : null;
  const prompt = mayDerive && message === null ? (corpus.prompt(source, line) ?? null) : null;
  const before = row.before ?? [];
  // The bot's own words are its to learn from; where it says the person's back, they are not its own.
  const words = (text: string, id: string | null): string | null => {
    const written = id === null ? undefined : corpus.line(id);
    if (written !== undefined) return written;
    return message === null && repeats(text, theirs) ? null : text;
  };
  const shownSource = (of: Source): Source => (mayDerive ? of : { ...of, id: null });
  return {
    id: createHash('sha256').update(`${row.replyId} ${row.personId}`).digest('hex').slice(0, 16),
    voter,
    value: row.value,
    at: new Date(row.atMs).toISOString(),
    platform,
    character: row.character,
    message: message ?? prompt,
    messageBy: message !== null ? 'person' : prompt !== null ? 'corpus' : null,
    situation: mayDerive && source.kind === 'situation' ? source.id : null,
    emotions: mayDerive && row.emotions ? Object.fromEntries(row.emotions.map(({ label, score }) => [label, round(score)])) : null,
    mood: mayDerive ? row.mood : null,
    history:
      message !== null && before.every(({ trainOk, said }) => trainOk && said !== null)
        ? before.flatMap(({ said, answered }): Utterance[] => [
            { role: 'user', text: said as string },
            { role: 'character', text: answered },
          ])
        : [],
    shown: { text: row.text === null ? null : words(row.text, line), line, source: shownSource(source), expression: row.expression },
    candidates: candidates.flatMap((candidate) => {
      const text = words(candidate.text, candidate.line);
      return text === null ? [] : [{ text, line: candidate.line, source: shownSource(candidate.source), score: candidate.score }];
    }),
    versions: row.versions,
  };
}

/** Five words of theirs in a row. */
function repeats(text: string, theirs: string): boolean {
  const [said, heard] = [wordsOf(text), ` ${wordsOf(theirs).join(' ')} `];
  return said.some((_, i) => i + 5 <= said.length && heard.includes(` ${said.slice(i, i + 5).join(' ')} `));
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
}

function round(score: number): number {
  return Math.round(score * 1e4) / 1e4;
}

interface Found {
  replyId: string;
  personId: string;
  human: string;
  value: 'up' | 'down';
  atMs: number;
  platform: string;
  character: string;
  expression: string;
  source: Source;
  line: string | null;
  mood: Mood;
  versions: Record<string, string>;
  emotions: EmotionScore[] | null;
  text: string | null;
  candidates: Candidate[];
  said: { text: string | null; trainOk: boolean }[] | null;
  before: { said: string | null; trainOk: boolean; answered: string }[] | null;
}
