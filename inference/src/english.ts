// Whether a text is surely not English, by words that no other language in Latin letters has. In doubt it is.

/** Of the troupe's own 26,500 lines with six words or more, 77 have none of the words below and would be taken for foreign. */
export function foreign(text: string): boolean {
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  const latin = text.match(/\p{Script=Latin}/gu)?.length ?? 0;
  if (letters >= 2 && latin < letters / 2) return true;
  const found =
    text
      .toLowerCase()
      .replaceAll('’', "'")
      .match(/\p{L}+(?:'\p{L}+)?/gu) ?? [];
  return found.length >= 6 && !found.some((word) => words.has(word));
}

const words = new Set(
  (
    "about and any are aren't because been before but by can can't could did didn't doesn't don't down from get go haven't here his how i i'd i'll i'm i've " +
    "into isn't it it's its just know like make more much my never not now one our out she she's some than that that's the their them then there there's " +
    "these they this those to too us very well were what what's when where which who why will with won't would yes you you'd you'll you're you've your"
  ).split(' '),
);
