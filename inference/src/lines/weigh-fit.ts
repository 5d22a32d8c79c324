// Learns weighing.json from what readers said of lines (answers.ts), and says what that is worth on talks that it never saw:
//   npx tsx inference/src/lines/weigh-fit.ts [--dry]
import { writeFileSync } from 'node:fs';
import { type Marked, markedAnswers } from './answers.ts';
import { openBench } from './bench.ts';
import { calibrationFile, readCalibration } from './calibration.ts';
import { packRows } from './felt.ts';
import { fitChosen, fitDirection, fitOdds, type SparseRow, scoreIn } from './fit.ts';
import { createListener } from './listen.ts';
import { keyOf, type Purpose, type Standing, standingOf, taughtFeatures, taughtOf, type Weighing, weigher, weighingFile } from './weigh.ts';

const bench = await openBench();
const { checksum, situations: learned, config } = bench.encoder;
const calibration = await readCalibration(checksum, [calibrationFile]);
const { index } = await bench.index(bench.corpus.situations, calibration);
const marked = await markedAnswers(bench, createListener(bench.corpus, index, calibration));
await bench.close();

/** A direction would be too sure of the very marks it was taught by: each talk is weighed by those that the others taught. */
const folds = 4;
/** So many marks more are assumed of a line, by which it stands like all others. */
const doubt = 6;
/** What a line of each mark is worth, and what an absurd one costs beyond that: it is remembered after four that fit. */
const worths = [-0.2, 0.3, 1];
const absurdity = 4;
/** What a turn counts for against a first message: one that the encoder learned from less, those of the middle of talks more. */
const counts = { seen: 0.3, later: 2 };
/** So many of the turns that measure are measured by themselves once more. */
const recent = 700;
/** So many readings of lines for a situation, a feeling, an act, a topic are assumed of every single one of them. */
const alike = 8;

/** How often lines of a purpose and a mark were absurd to those who read for that alone. */
const absurdOf = absurdities(marked);
const worthOf = ({ purpose, mark, absurd }: Said) =>
  (worths[mark] as number) - absurdity * (absurd === undefined ? absurdOf(purpose, mark) : +absurd);

const tune = marked.filter(({ part }) => part === 'tune');
const tried = fit(tune);
measure('tune', tune, tried.weighing);
const test = marked.filter(({ part }) => part === 'test');
measure('test', test, tried.weighing);
// What was offered lately, to messages that the encoder never learned from: nearest to what will be.
measure('of those the last', test.slice(-recent), tried.weighing);
if (!process.argv.includes('--dry')) {
  // What measures is worth learning from, too, once it has measured.
  const { directions, weighing } = fit(marked);
  const round = (weights: readonly number[]) => weights.map((w) => Math.round(w * 1e4) / 1e4);
  const { situations, others, out, passes, fits, standing } = weighing;
  const layer = ({ linear, hidden }: Weighing['situations']) => ({ linear: round(linear), hidden: hidden.map(round) });
  const taught = { purposes: [...directions.keys()].join(' '), dimensions: config.dimensions, rows: packRows([...directions.values()]) };
  const file = { encoder: checksum, situations: layer(situations), others: layer(others), out: round(out), passes, fits, taught, standing };
  const fields = Object.entries(file).map(([name, value]) => `  "${name}": ${JSON.stringify(value)}`);
  writeFileSync(weighingFile, `{\n${fields.join(',\n')}\n}\n`);
}

type Said = Pick<Marked['lines'][number], 'purpose' | 'mark' | 'absurd'>;

function fit(talks: readonly Marked[]): { weighing: Weighing; directions: Map<string, Float32Array> } {
  const isSituation = ({ purpose }: Said) => purpose.of === 'situation';
  // The last is the bias.
  const widthOf = (has: (said: Said) => boolean) => 1 + (talks.flatMap(({ lines }) => lines).find(has)?.features.length ?? 0);
  const [situational, other] = [widthOf(isSituation), widthOf((said) => !isSituation(said))];
  const lists = Array.from({ length: folds }, (_, fold) => {
    const others = talks.filter(({ talk }) => talk % folds !== fold);
    const [taught, standing] = [taughtOf(directionsOf(others), learned), standingsOf(others)];
    return talks
      .filter(({ talk }) => talk % folds === fold)
      .map(({ view, seen, lines }) => ({
        weight: seen ? counts.seen : view.moment.history.length > 0 ? counts.later : 1,
        marks: lines.map(({ mark }) => mark),
        worth: lines.map(worthOf),
        rows: lines.map((said) => {
          const [own, stood] = [taughtFeatures(view, taught(said.purpose)), standingOf(view, said.line, said.purpose, standing)];
          const features = said.features.slice();
          features.set(own);
          features.set(stood, features.length - stood.length);
          return sparse(features, isSituation(said) ? 0 : situational, (isSituation(said) ? situational : situational + other) - 1);
        }),
      }));
  }).flat();
  const net = fitChosen(lists, situational + other);
  const part = (from: number, to: number) => ({
    linear: [...net.linear.subarray(from, to)],
    hidden: net.hidden.map((weights) => [...weights.subarray(from, to)]),
  });
  const layers = { situations: part(0, situational), others: part(situational, situational + other), out: [...net.out] };
  const scores = lists.flatMap(({ rows, marks }) => rows.map((row, i) => ({ features: [scoreIn(net, row)], mark: marks[i] as number })));
  const odds = (least: number) =>
    fitOdds(
      scores.map(({ features, mark }) => ({ features, right: mark >= least })),
      { steps: 600 },
    ).map((w) => Math.round(w * 1e4) / 1e4) as [number, number];
  const directions = directionsOf(talks);
  const taught = taughtOf(directions, learned);
  return { directions, weighing: { ...layers, passes: odds(1), fits: odds(2), taught, standing: standingsOf(talks) } };
}

/** What is not zero of the features, which stand `from` there in the net, and its bias. */
function sparse(features: Float32Array, from: number, bias: number): SparseRow {
  const places: number[] = [];
  features.forEach((value, i) => void (value !== 0 && places.push(i)));
  return {
    places: Int32Array.from([...places.map((i) => from + i), bias]),
    values: Float32Array.from([...places.map((i) => features[i] as number), 1]),
  };
}

function standingsOf(talks: readonly Marked[]): Standing {
  const of = (turns: readonly Marked[]) => {
    const sums = new Map<string, { above: number; marks: number }>();
    for (const { lines } of turns) {
      const mean = lines.reduce((sum, said) => sum + worthOf(said), 0) / lines.length;
      for (const { line, ...said } of lines)
        for (const key of [line.id, keyOf(said.purpose)]) {
          const sum = sums.get(key) ?? { above: 0, marks: 0 };
          sum.above += worthOf(said) - mean;
          sum.marks++;
          sums.set(key, sum);
        }
    }
    return Object.fromEntries(
      [...sums].flatMap(([id, { above, marks }]): [string, number][] => {
        const standing = Math.round((100 * above) / (marks + doubt)) / 100;
        return standing === 0 ? [] : [[id, standing]];
      }),
    );
  };
  const isFirst = ({ view }: Marked) => view.moment.history.length === 0;
  return { first: of(talks.filter(isFirst)), later: of(talks.filter((turn) => !isFirst(turn))) };
}

/** By purpose. A message counts once for each, however many lines for it were marked. */
function directionsOf(talks: readonly Marked[]): Map<string, Float32Array> {
  const examples = new Map<string, { purpose: Purpose; marks: Map<Marked, number[]> }>();
  for (const turn of talks)
    for (const { purpose, mark } of turn.lines) {
      const of = examples.get(keyOf(purpose)) ?? { purpose, marks: new Map<Marked, number[]>() };
      of.marks.set(turn, [...(of.marks.get(turn) ?? []), mark]);
      examples.set(keyOf(purpose), of);
    }
  const nothing = new Float32Array(config.dimensions);
  return new Map(
    [...examples].map(([key, { purpose, marks }]) => [
      key,
      fitDirection(
        [...marks].map(([{ view }, given]) => ({
          embedding: view.moment.heard.embedding,
          worth: given.reduce((sum, mark) => sum + mark, 0) / given.length / 2,
        })),
        (purpose.of === 'situation' && learned?.get(purpose.id)) || nothing,
      ),
    ]),
  );
}

function absurdities(turns: readonly Marked[]): (purpose: Purpose, mark: number) => number {
  const counts = new Map<string, { read: number; absurd: number }>();
  const count = (key: string) => {
    const known = counts.get(key) ?? { read: 0, absurd: 0 };
    counts.set(key, known);
    return known;
  };
  const kindOf = (purpose: Purpose) => (purpose.of === 'situation' ? purpose.of : keyOf(purpose));
  for (const { purpose, mark, absurd } of turns.flatMap(({ lines }) => lines))
    if (absurd !== undefined)
      for (const kind of new Set([purpose.of, kindOf(purpose)])) {
        const known = count(`${kind} ${mark}`);
        known.read++;
        known.absurd += +absurd;
      }
  return (purpose, mark) => {
    const [all, own] = [purpose.of, kindOf(purpose)].map((kind) => count(`${kind} ${mark}`)) as [
      { read: number; absurd: number },
      { read: number; absurd: number },
    ];
    const usual = (all.absurd + 1) / (all.read + 2);
    return (own.absurd + alike * usual) / (own.read + alike);
  };
}

/** Of the marked lines of every turn the heaviest is said. */
function measure(name: string, turns: readonly Marked[], weighing: Weighing): void {
  const rows = turns.filter(({ lines, seen }) => lines.length > 1 && !seen);
  const shareOf = (lines: readonly Said[], has: (line: Said) => number) =>
    `${((100 * lines.reduce((sum, line) => sum + has(line), 0)) / lines.length).toFixed(1)} %`;
  const isMarked = (mark: number) => (line: Said) => +(line.mark === mark);
  for (const [which, some] of [
    ['first messages', rows.filter(({ view }) => view.moment.history.length === 0)],
    ['later ones', rows.filter(({ view }) => view.moment.history.length > 0)],
  ] as const) {
    if (some.length === 0) continue;
    const said = some.map(({ view, lines }) => {
      const worths = lines.map(({ line, purpose }) => weigher(weighing, view, purpose)(line));
      return lines[worths.indexOf(Math.max(...worths))] as (typeof lines)[number];
    });
    const best = some.map(({ lines }) => lines.reduce((a, b) => (b.mark > a.mark ? b : a)));
    console.log(
      `${name}, ${some.length} ${which}: said fits ${shareOf(said, isMarked(2))}, passes ${shareOf(said, isMarked(1))}, wrong ${shareOf(said, isMarked(0))}, ` +
        `absurd ${shareOf(said, ({ purpose, mark, absurd }) => (absurd === undefined ? absurdOf(purpose, mark) : +absurd))}, ` +
        `of situations ${shareOf(said, ({ purpose }) => +(purpose.of === 'situation'))}; ` +
        `the best of the marked ones fits ${shareOf(best, isMarked(2))}, wrong ${shareOf(best, isMarked(0))}`,
    );
  }
  console.log(`${name}: auc of wrong ${auc(rows, weighing).toFixed(3)}`);
}

/** How often a line that is not wrong is heavier than one that is. */
function auc(turns: readonly Marked[], weighing: Weighing): number {
  const all = turns
    .flatMap(({ view, lines }) =>
      lines.map(({ line, purpose, mark }) => ({ worth: weigher(weighing, view, purpose)(line), right: mark > 0 })),
    )
    .sort((a, b) => a.worth - b.worth);
  let [below, wins] = [0, 0];
  for (const { right } of all)
    if (right) wins += below;
    else below++;
  return wins / (below * (all.length - below));
}
