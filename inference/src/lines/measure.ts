// How well the situations are found, with the live encoder and its calibration:
//   npx tsx inference/src/lines/measure.ts [--list]
// (a) one wording of every situation, trained on by nothing and kept out of the index; (b) our own everyday messages, tune and test apart. --list shows every miss.
import { heldOut, indirectMessages, type Labelled, labelledMessages, openBench, type Reading } from './bench.ts';
import { calibrationFile, readCalibration } from './calibration.ts';
import { agreed, type Felt, type Tone, toneOfLabel } from './felt.ts';
import { type Match, sureOf } from './situations.ts';

const bench = await openBench();
const { situations } = bench.corpus;
const calibration = await readCalibration(bench.encoder.checksum, [calibrationFile]);
const emotionOf = new Map(situations.map(({ id, emotion }) => [id, emotion]));
const trusted = (best: Match) => sureOf(best, calibration) >= calibration.floor;
console.log(
  `encoder ${bench.encoder.version} ${bench.encoder.checksum.slice(0, 12)}, ${calibration.encoder ? 'calibrated' : 'NOT calibrated'}`,
);

const held = heldOut(situations);
const apart = await bench.index(held.rest, calibration);
const ranks = (await bench.read(held.kept.map(({ text }) => text))).map((reading) => apart.index.rank(apart.hear(reading), 5));
for (const [name, among] of [
  ['even (calibrated on)', (i: number) => i % 2 === 0],
  ['odd', (i: number) => i % 2 === 1],
] as const) {
  const rows = held.kept
    .map(({ id }, i) => ({ id, found: (ranks[i] as Match[]).map(({ situation }) => situation.id), i }))
    .filter(({ i }) => among(i));
  const tone = (id: string | undefined) => toneOfLabel(emotionOf.get(id ?? '') ?? 'neutral');
  console.log(
    `wordings kept apart, ${name}: top 1 ${share(rows, ({ id, found }) => found[0] === id)}, top 5 ${share(rows, ({ id, found }) => found.includes(id))}, ` +
      `tone of the first right ${share(rows, ({ id, found }) => tone(found[0]) === tone(id))}, opposite ${share(rows, ({ id, found }) => opposite(tone(found[0]), tone(id)))}`,
  );
}

const own = labelledMessages();
const whole = await bench.index(situations, calibration);

const indirect = indirectMessages(bench.charactersDir).filter(({ part }) => part === 'test');
const told = (await bench.read(indirect.map(({ text }) => text))).map((reading, i) => {
  const heard = whole.hear(reading);
  const ranked = whole.index.rank(heard);
  const { accept, emotion } = indirect[i] as (typeof indirect)[number];
  const felt = agreed(
    heard.felt,
    ranked.map(({ share, situation }) => ({ share, emotion: situation.emotion })),
  );
  const found = ranked.slice(0, 5).map(({ situation }) => situation.id);
  return { accept, found, trust: trusted(ranked[0] as Match), tone: toneOfLabel(emotion), felt };
});
const sure = (felt: Felt): Tone | null => (['low', 'level', 'bright'] as const).find((tone) => felt[tone] >= 0.62) ?? null;
const fitting = told.filter(({ accept }) => accept[0] !== 'none');
console.log(
  `indirect messages, kept apart (${told.length}): top 1 ${share(fitting, ({ accept, found }) => accept.includes(found[0] as string))}, ` +
    `top 5 ${share(fitting, ({ accept, found }) => found.some((id) => accept.includes(id)))}, answered from a wrong one ${share(told, ({ trust, accept, found }) => trust && !accept.includes(found[0] as string))}; ` +
    `sure of the right tone ${share(told, ({ felt, tone }) => sure(felt) === tone)}, of the opposite ${share(told, ({ felt, tone }) => opposite(sure(felt) ?? 'level', tone))}`,
);
const judged = (await bench.read(own.map(({ text }) => text))).map((reading, i) => judge(own[i] as Labelled, reading));
for (const part of ['tune', 'test', 'fresh'] as const) {
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
  const [first] = whole.index.rank(heard, 1) as [Match];
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
