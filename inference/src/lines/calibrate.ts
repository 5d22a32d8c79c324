// Finds the constants of calibration.ts for the live encoder and writes calibration.json:
//   npx tsx inference/src/lines/calibrate.ts
// From the wordings, the exchanges' labelled messages, the indirect ones, what readers marked (answers.jsonl) and the parts `tune` of messages.jsonl and everyday.jsonl; their
// other parts, every fifth indirect one, every fifth marked one and every other of the wordings kept apart are never looked at.
import { writeFileSync } from 'node:fs';
import { EMOTIONS, type Emotion } from '../contract.ts';
import { fittingSituations } from './answers.ts';
import { type Bench, everydayWordings, heldOut, indirectMessages, labelledMessages, openBench, openings, type Reading } from './bench.ts';
import { type Calibration, calibrationFile, uncalibrated } from './calibration.ts';
import { type FeltWeights, feltFeatures, packRows, wordsFelt } from './felt.ts';
import { type Choice, fitChoice, fitClasses, fitOdds, odds } from './fit.ts';
import { isVetoed, type Match, type Ranking, trustFeatures } from './situations.ts';

/** What a fitting reply that was not given costs, against a reply that does not fit: a line that fits anything stands in. */
const costOfSilence = 0.5;
/** A word that says how something is felt must occur in so many texts, and two words in a row in so many. */
const commonWord = 6;
const commonPair = 12;

const bench = await openBench();
const situations = openings(bench.corpus);
const ids = situations.map(({ id }) => id);

console.log('feelings …');
const felt = await fitFelt(bench);
const start: Calibration = { ...uncalibrated, encoder: bench.encoder.checksum, felt };

console.log('situations …');
// Of the wordings kept apart every second one calibrates, the others measure.
const held = heldOut(situations);
const labelled = labelledMessages();
const judgedAlready = new Set(labelled.map(({ text }) => text));
const messages = [
  ...labelled.filter(({ part }) => part === 'tune'),
  ...fittingSituations(bench.corpus).filter(({ text }) => !judgedAlready.has(text)),
];
// Sixteen weights need no more than every sixth.
const indirect = indirectMessages(bench.charactersDir).filter(({ part }, i) => part === 'tune' && i % 6 === 0);
const apart = { ...(await bench.index(held.rest, start)), readings: await bench.read(held.kept.map(({ text }) => text)) };
const whole = { ...(await bench.index(situations, start)), readings: await bench.read(messages.map(({ text }) => text)) };
const toldReadings = await bench.read(indirect.map(({ text }) => text));
const choices = [
  ...held.kept
    .map(({ id }, i) => ({ ...apart, reading: apart.readings[i] as Reading, accept: [id], own: false }))
    .filter((_, i) => i % 2 === 0),
  ...messages.map(({ accept }, i) => ({ ...whole, reading: whole.readings[i] as Reading, accept, own: true })),
  ...indirect.map(({ accept }, i) => ({ ...whole, reading: toldReadings[i] as Reading, accept, own: false })),
].map((example) => ({ ...example, matches: everyMatch(example.index.rank(example.hear(example.reading))) }));
const weights = fitChoice(
  choices.flatMap(({ matches: all, accept }): Choice[] => {
    // What is far off weighs nothing in the softmax, and costs most of the time.
    const matches = all.filter(({ situation }, i) => i < 60 || accept.includes(situation.id));
    const right = matches.flatMap(({ situation }, i) => (accept.includes(situation.id) ? [i] : []));
    return right.length > 0 ? [{ alternatives: matches.map(({ features }) => features), right }] : [];
  }),
  start.weights,
);

console.log('trust …');
const weighed: Calibration = { ...start, weights };
const [apartNow, wholeNow] = [await bench.index(held.rest, weighed), await bench.index(situations, weighed)];
const judged = choices.map(({ reading, accept, own }) => {
  const { index, hear } = own ? wholeNow : apartNow;
  const best = index.rank(hear(reading)).best[0] as Match;
  // Wordings are written to fit one situation; what people write to us often fits none: our own messages count for more.
  return { features: trustFeatures(best), right: accept.includes(best.situation.id), vetoed: isVetoed(best), own, weight: own ? 1 : 0.3 };
});
const trust = fitOdds(judged);
const ours = judged
  .filter(({ own }) => own)
  .map(({ features, right, vetoed }) => ({ right, sure: odds(trust, features) * (vetoed ? 0.4 : 1) }));
const cost = (from: number) => ours.reduce((sum, { sure, right }) => sum + (sure >= from ? (right ? 0 : 1) : right ? costOfSilence : 0), 0);
const floors = Array.from({ length: 46 }, (_, i) => 0.3 + i / 100);
const least = Math.min(...floors.map(cost));
// The curve is flat around its least: the middle of the flat stretch.
const flat = floors.filter((from) => cost(from) <= least + 0.01 * ours.length);
const floor = flat.reduce((sum, from) => sum + from, 0) / flat.length;

const calibration = {
  encoder: bench.encoder.checksum,
  weights: weights.map(round),
  trust: trust.map(round),
  floor: round(floor),
  alike: uncalibrated.alike,
  dimensions: bench.encoder.config.dimensions,
  felt: packRows(felt.rows),
  words: felt.words.join(' '),
};
const fields = Object.entries(calibration).map(([name, value]) => `  "${name}": ${JSON.stringify(value).replaceAll(',', ', ')}`);
writeFileSync(calibrationFile, `{\n${fields.join(',\n')}\n}\n`);
console.log({ ...calibration, felt: `${calibration.felt.length} characters`, words: felt.words.length });
await bench.close();

async function fitFelt({ corpus, charactersDir, read, encoder }: Bench): Promise<FeltWeights> {
  const exchanges = [...corpus.characters.values()].flatMap(({ dialogues }) =>
    dialogues
      .filter(({ kind }) => kind === 'exchange')
      .flatMap(({ turns }) => turns.slice(0, 1).map(({ user, emotion }) => ({ text: user, emotion, weight: 1 }))),
  );
  const worded = heldOut(corpus.situations).rest.flatMap(({ examples, emotion }) => examples.map((text) => ({ text, emotion, weight: 2 })));
  const indirect = indirectMessages(charactersDir).filter(({ part }) => part === 'tune');
  const emotionOf = new Map(corpus.situations.map(({ id, emotion }) => [id, emotion]));
  const everyday = everydayWordings(charactersDir).flatMap(({ text, situation }) => {
    const emotion = emotionOf.get(situation);
    return emotion ? [{ text, emotion, weight: 2 }] : [];
  });
  const texts: { text: string; emotion: Emotion; weight: number }[] = [
    ...exchanges,
    ...worded,
    ...everyday,
    ...indirect.map(({ text, emotion }) => ({ text, emotion, weight: 3 })),
    ...labelledMessages().flatMap(({ text, emotion, part }) => (emotion && part === 'tune' ? [{ text, emotion, weight: 6 }] : [])),
  ];
  const readings = await read(texts.map(({ text }) => text));
  const spokenIn = texts.map(({ text }) => wordsFelt(text));
  const counts = new Map<string, number>();
  for (const word of spokenIn.flat()) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts].flatMap(([word, count]) => (count >= (word.includes('_') ? commonPair : commonWord) ? [word] : [])).sort();
  const places = new Map(words.map((word, i) => [word, i]));
  const said = spokenIn.map((all) => all.flatMap((word) => places.get(word) ?? []));
  const rows = readings.map(({ embedding, emotions }, i) => {
    const { emotion, weight } = texts[i] as (typeof texts)[number];
    return { features: feltFeatures(embedding, emotions), words: said[i] as number[], label: EMOTIONS.indexOf(emotion), weight };
  });
  return { dimensions: encoder.config.dimensions, words, rows: fitClasses(rows, EMOTIONS.length, { epochs: 8, words: words.length }) };
}

/** Best first. */
function everyMatch(ranking: Ranking): Match[] {
  return ids.map((id) => ranking.of(id) as Match).sort((a, b) => b.score - a.score);
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
