// Words of a chat message: lower case, without apostrophes and drawn-out letters, cut to rough stems; and how telling each is.

/** At most so much of a message is looked at for its words. */
const longest = 600;

export function tokensOf(text: string): string[] {
  const plain = text
    .slice(0, longest)
    .toLowerCase()
    .replace(/[’'`´]/g, '')
    .replace(/(\p{L})\1{2,}/gu, '$1$1');
  return (plain.match(/[\p{L}\p{N}]+/gu) ?? []).map((token) => spelledOut[token] ?? token);
}

/** The same for every spelling of the same words: `I'm  fine!!` and `im fine`. Emoji and other signs stay. */
export function plainOf(text: string): string {
  const tokens = tokensOf(text);
  return tokens.length > 0 ? tokens.join(' ') : text.replace(/\s+|\uFE0F|[\u{1F3FB}-\u{1F3FF}]/gu, '');
}

/** Stems of the words that carry something. */
export function stemsOf(tokens: readonly string[]): string[] {
  return [...new Set(tokens.filter((token) => !stopWords.has(token)).map(stemOf))];
}

/** Rough on purpose: it only has to bring `passing`, `passed` and `passes` together. */
export function stemOf(token: string): string {
  for (const [ending, instead] of endings)
    if (token.endsWith(ending) && token.length - ending.length >= 3 && !token.endsWith('ss'))
      return undoubled(token.slice(0, -ending.length) + instead);
  return token;
}

export interface Rarity {
  /** How much a stem says: the rarer, the more. `unknown` for one that occurs nowhere. */
  of(stem: string): number;
  readonly unknown: number;
}

/** From the stems of many documents. */
export function rarityIn(documents: readonly ReadonlySet<string>[]): Rarity {
  const counts = new Map<string, number>();
  for (const stems of documents) for (const stem of stems) counts.set(stem, (counts.get(stem) ?? 0) + 1);
  const unknown = Math.log(1 + documents.length);
  for (const [stem, count] of counts) counts.set(stem, Math.log(1 + documents.length / (1 + count)));
  return { unknown, of: (stem) => counts.get(stem) ?? unknown };
}

const endings: [ending: string, instead: string][] = [
  ['iness', 'y'],
  ['ings', ''],
  ['ing', ''],
  ['ied', 'y'],
  ['ies', 'y'],
  ['ed', ''],
  ['es', ''],
  ['ly', ''],
  ['s', ''],
];

function undoubled(stem: string): string {
  return /([bdgklmnprtz])\1$/.test(stem) ? stem.slice(0, -1) : /[aeiou].*e$/.test(stem) && stem.length > 4 ? stem.slice(0, -1) : stem;
}

const spelledOut: Record<string, string> = {
  u: 'you',
  ur: 'your',
  r: 'are',
  y: 'why',
  pls: 'please',
  plz: 'please',
  thx: 'thanks',
  tnx: 'thanks',
  ty: 'thanks',
  omw: 'coming',
  bf: 'boyfriend',
  gf: 'girlfriend',
  bff: 'friend',
  bestie: 'friend',
  mum: 'mom',
  mam: 'mom',
  mother: 'mom',
  mommy: 'mom',
  father: 'dad',
  daddy: 'dad',
  grandad: 'grandpa',
  granddad: 'grandpa',
  grandfather: 'grandpa',
  gran: 'grandma',
  nan: 'grandma',
  granny: 'grandma',
  grandmother: 'grandma',
  sis: 'sister',
  bro: 'brother',
  hubby: 'husband',
  wknd: 'weekend',
  tmrw: 'tomorrow',
  tmr: 'tomorrow',
  tn: 'tonight',
  smth: 'something',
  ppl: 'people',
  bc: 'because',
  cuz: 'because',
  gonna: 'going',
  wanna: 'want',
  fave: 'favourite',
  fav: 'favourite',
  favorite: 'favourite',
  color: 'colour',
  uni: 'university',
  college: 'university',
  movie: 'film',
  movies: 'films',
  maths: 'math',
  coworker: 'colleague',
  coworkers: 'colleagues',
  job: 'job',
  died: 'die',
  dead: 'die',
  passed: 'pass',
};

const stopWords = new Set(
  'a an the and or but so if of to in on at by for with from as is am are was were be been being it its this that these those i im ive id ill me my mine we us our you your youre he him his she her they them their there here do does did done doing have has had having will would can could should shall may might must just really very too also then than now rn today lol omg tbh ngl fr idk like get got gets getting going go about up out what which who when where why how all some any one oh ok yeah dont'.split(
    ' ',
  ),
);
