// How well the situations are found, with the live encoder and its calibration:
//   npx tsx inference/src/lines/measure.ts [--list]
// (a) one wording of every situation, trained on by nothing and kept out of the index; (b) our own everyday messages, tune and test apart. --list shows every miss.
import { heldOut, indirectMessages, type Labelled, labelledMessages, openBench, openings, type Reading } from './bench.ts';
import { calibrationFile, readCalibration } from './calibration.ts';
import { agreed, type Felt, type Tone, toneOfLabel } from './felt.ts';
import { type Match, sureOf } from './situations.ts';
import { sureTone } from './universal.ts';

const bench = await openBench();
const situations = openings(bench.corpus);
const calibration = await readCalibration(bench.encoder.checksum, [calibrationFile]);
const emotionOf = new Map(situations.map(({ id, emotion }) => [id, emotion]));
const trusted = (best: Match) => sureOf(best, calibration) >= calibration.floor;
console.log(
  `encoder ${bench.encoder.version} ${bench.encoder.checksum.slice(0, 12)}, ${calibration.encoder ? 'calibrated' : 'NOT calibrated'}`,
);

const held = heldOut(situations);
const apart = await bench.index(held.rest, calibration);
const ranks = (await bench.read(held.kept.map(({ text }) => text))).map((reading) =>
  apart.index.rank(apart.hear(reading)).best.slice(0, 5),
);
for (const [name, among] of [
  ['even (calibrated on)', (i: number) => i % 2 === 0],
  ['odd', (i: number) => i % 2 === 1],
] as const) {
  const rows = held.kept
    .map(({ id }, i) => ({ id, found: (ranks[i] as readonly Match[]).map(({ situation }) => situation.id), i }))
    .filter(({ i }) => among(i));
  const tone = (id: string | undefined) => toneOfLabel(emotionOf.get(id ?? '') ?? 'neutral');
  console.log(
    `wordings kept apart, ${name}: top 1 ${share(rows, ({ id, found }) => found[0] === id)}, top 5 ${share(rows, ({ id, found }) => found.includes(id))}, ` +
      `tone of the first right ${share(rows, ({ id, found }) => tone(found[0]) === tone(id))}, opposite ${share(rows, ({ id, found }) => opposite(tone(found[0]), tone(id)))}`,
  );
}

const own = labelledMessages();
const whole = await bench.index(situations, calibration);

/** The tone of a feeling that is sure enough for a line to presume it. */
const sure = (felt: Felt): Tone | null => (['low', 'level', 'bright'] as const).find((tone) => felt[tone] >= sureTone[tone]) ?? null;
const likeliest = ({ low, level, bright }: Felt): Tone => (low >= Math.max(level, bright) ? 'low' : bright >= level ? 'bright' : 'level');
/** What the feeling alone says of texts whose tone is known, and what it says in agreement with the situations. */
function tellTones(name: string, { index, hear }: typeof whole, readings: readonly Reading[], tones: readonly Tone[]): void {
  const rows = readings.map((reading, i) => {
    const heard = hear(reading);
    const shares = index.rank(heard).best.map(({ share, situation }) => ({ share, emotion: situation.emotion }));
    return { tone: tones[i] as Tone, alone: heard.felt, felt: agreed(heard.felt, shares, heard.text) };
  });
  for (const way of ['alone', 'felt'] as const)
    console.log(
      `tone of ${name} (${rows.length}), ${way === 'alone' ? 'the feeling alone' : 'with the situations'}: right ${share(rows, (row) => likeliest(row[way]) === row.tone)}, ` +
        `sure and right ${share(rows, (row) => sure(row[way]) === row.tone)}, sure of the opposite ${share(rows, (row) => opposite(sure(row[way]) ?? 'level', row.tone))}`,
    );
}
const tonal = own.filter(({ group, part }) => part !== 'tune' && ['sad', 'angry', 'happy'].includes(group));
const toned = await bench.read(tonal.map(({ text }) => text));
tellTones(
  'our messages that are sad, angry or happy and calibrate nothing',
  whole,
  toned,
  tonal.map(({ group }): Tone => (group === 'happy' ? 'bright' : 'low')),
);
tellTones(
  'wordings kept apart',
  apart,
  await bench.read(held.kept.map(({ text }) => text)),
  held.kept.map(({ emotion }) => toneOfLabel(emotion)),
);

const indirect = indirectMessages(bench.charactersDir).filter(({ part }) => part === 'test');
const toldReadings = await bench.read(indirect.map(({ text }) => text));
tellTones(
  'indirect messages kept apart',
  whole,
  toldReadings,
  indirect.map(({ emotion }) => toneOfLabel(emotion)),
);
const told = toldReadings.map((reading, i) => {
  const ranked = whole.index.rank(whole.hear(reading)).best.slice(0, 5);
  const { accept } = indirect[i] as (typeof indirect)[number];
  return { accept, found: ranked.map(({ situation }) => situation.id), trust: trusted(ranked[0] as Match) };
});
const fitting = told.filter(({ accept }) => accept[0] !== 'none');
console.log(
  `indirect messages kept apart (${told.length}): top 1 ${share(fitting, ({ accept, found }) => accept.includes(found[0] as string))}, ` +
    `top 5 ${share(fitting, ({ accept, found }) => found.some((id) => accept.includes(id)))}, answered from a wrong one ${share(told, ({ trust, accept, found }) => trust && !accept.includes(found[0] as string))}`,
);
const judged = (await bench.read(own.map(({ text }) => text))).map((reading, i) => judge(own[i] as Labelled, reading));
for (const part of ['tune', 'test', 'fresh', 'everyday'] as const) {
  const rows = judged.filter((row) => row.part === part);
  const fit = rows.filter(({ accept }) => !accept.includes('none'));
  const none = rows.filter(({ accept }) => accept.length === 1 && accept[0] === 'none');
  console.log(
    `own messages, ${part} (${rows.length}): top 1 of those that fit ${share(fit, ({ hit }) => hit)}; answered from a right situation or rightly from none ${share(rows, ({ fine }) => fine)}, ` +
      `from a wrong one ${share(rows, ({ fine, trust, accept }) => !fine && (trust || !accept.includes('none')) && trust)}, opposite feeling ${share(rows, ({ against }) => against)}; ` +
      `none recognised ${share(none, ({ trust }) => !trust)}, fitting taken for none ${share(fit, ({ hit, trust }) => hit && !trust)}`,
  );
  const strict =
    fit
      .filter(({ hit }) => hit)
      .map(({ p }) => p)
      .sort((a, b) => a - b)[Math.floor(fit.length * 0.05)] ?? 1;
  console.log(
    `  with at most 5 % of the fitting taken for none (floor ${strict.toFixed(2)}), none recognised ${share(none, ({ p }) => p < strict)}`,
  );
  for (const group of [...new Set(rows.map((row) => row.group))]) {
    const within = rows.filter((row) => row.group === group);
    console.log(`  ${group}: fine ${share(within, ({ fine }) => fine)}, wrong ${share(within, ({ fine, trust }) => !fine && trust)}`);
  }
}
if (process.argv.includes('--list'))
  for (const { text, part, accept, best, trust, p, felt, fine } of judged)
    if (!fine)
      console.log(
        `${part} ${trust ? 'WRONG' : 'none '} ${p.toFixed(2)} ${JSON.stringify(text)} → ${best} (${felt}); fits: ${accept.join(' ')}`,
      );
await bench.close();

function judge({ text, part, group, accept }: Labelled, reading: Reading) {
  const heard = whole.hear(reading);
  const first = whole.index.rank(heard).best[0] as Match;
  const best = first.situation.id;
  const hit = accept.includes(best);
  const trust = trusted(first);
  const expected = { sad: 'low', angry: 'low', happy: 'bright' }[group];
  const { low, level, bright } = heard.felt;
  return {
    text,
    part,
    group,
    accept,
    best,
    hit,
    trust,
    p: sureOf(first, calibration),
    felt: `low ${low.toFixed(2)} level ${level.toFixed(2)} bright ${bright.toFixed(2)}`,
    fine: trust ? hit : accept.includes('none'),
    against: trust && !hit && expected !== undefined && opposite(toneOfLabel(first.situation.emotion), expected),
  };
}

function opposite(a: string, b: string): boolean {
  return (a === 'low' && b === 'bright') || (a === 'bright' && b === 'low');
}

function share<T>(rows: readonly T[], has: (row: T) => boolean): string {
  const count = rows.filter(has).length;
  return `${((100 * count) / rows.length).toFixed(1)} % (${count}/${rows.length})`;
}
