// The words that work on every platform, when the message is just that.

export interface Named {
  slug: string;
  name: string;
  nickname: string;
}

export type Word =
  | { word: 'help' }
  | { word: 'stop' }
  | { word: 'start' }
  | { word: 'forget me' }
  | { word: 'talk to a person' }
  | { word: 'be'; character: string };

const plain: Record<string, Exclude<Word['word'], 'be'>> = {
  help: 'help',
  stop: 'stop',
  start: 'start',
  'forget me': 'forget me',
  'talk to a person': 'talk to a person',
  'talk to a human': 'talk to a person',
};

/** Null when the message is anything more. Casing, punctuation and quotes do not count; `be` needs a character's slug, name or first name. */
export function wordOf(text: string, characters: readonly Named[]): Word | null {
  if (text.length > 80) return null;
  const said = bare(text);
  const word = plain[said];
  if (word) return { word };
  const wanted = /^be (.+)$/.exec(said)?.[1];
  if (!wanted) return null;
  const character =
    characters.find(({ slug, name, nickname }) => [slug, name, nickname].some((known) => bare(known) === wanted)) ??
    characters.find(({ name }) => bare(name).split(' ')[0] === wanted && !/^(the|an?)$/.test(wanted));
  return character ? { word: 'be', character: character.slug } : null;
}

/** What `help` answers. Names every word literally, who can answer, and where to turn in a crisis. */
export function helpText(characters: readonly Named[], current: string, crisisText: string): string {
  const named = characters.map(({ slug, nickname }) => (slug === current ? `${nickname} (answering now)` : nickname));
  return [
    'Write to me as to anybody; I answer in character. When a message is only one of these words, it does this:',
    '• `help`: this list',
    `• \`be <character>\`: somebody else answers here. There are ${list(named)}`,
    '• `stop`: I am quiet here until somebody writes `start`',
    '• `talk to a person`: calls a human, and I am quiet until `start`',
    '• `forget me`: removes what is stored about you and says what it was',
    'I am a bot. A thumb up or down on an answer teaches me.',
    crisisText,
  ].join('\n');
}

/** `a`, `a and b`, `a, b and c`. */
export function list(items: string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

function bare(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s]+/gu, (marks) => (/^[-_]+$/.test(marks) ? ' ' : ''))
    .replace(/\s+/g, ' ')
    .trim();
}
