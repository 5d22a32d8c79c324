// Learns weighing.json from the marks of answers.jsonl, and says what they are worth on talks that it never saw:
//   npx tsx inference/src/lines/weigh-fit.ts [--dry]
import { writeFileSync } from 'node:fs';
import { type Marked, markedAnswers } from './answers.ts';
import { openBench } from './bench.ts';
import { calibrationFile, readCalibration } from './calibration.ts';
import { packRows } from './felt.ts';
import { fitChosen, fitDirection, fitOdds, type SparseRow } from './fit.ts';
import { createListener } from './listen.ts';
import {
  keyOf,
  type Purpose,
  type Standing,
  scoreOf,
  standingOf,
  taughtFeatures,
  taughtOf,
  type Weighing,
  weigher,
  weighingFile,
} from './weigh.ts';

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
/** What a line of each mark is worth: a wrong one takes nearly what a fitting one gives. */
const worths = [-0.8, 0.3, 1];

const tune = marked.filter(({ part }) => part === 'tune');
const tried = fit(tune);
measure('tune', tune, tried.weighing);
measure(
  'test',
  marked.filter(({ part }) => part === 'test'),
  tried.weighing,
);
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

interface Row {
  purpose: Purpose;
  mark: number;
  features: number[];
}

function fit(talks: readonly Marked[]): { weighing: Weighing; directions: Map<string, Float32Array> } {
  const turns = Array.from({ length: folds }, (_, fold) => {
    const others = talks.filter(({ talk }) => talk % folds !== fold);
    const [taught, standing] = [taughtOf(directionsOf(others), learned), standingsOf(others)];
    return talks
      .filter(({ talk }) => talk % folds === fold)
      .map(({ view, lines }) =>
        lines.map(({ line, purpose, mark, features }): Row => {
          const [own, stood] = [taughtFeatures(view, taught(purpose)), standingOf(view, line, purpose, standing)];
          return { purpose, mark, features: [...own, ...features.slice(own.length, -stood.length), ...stood, 1] };
        }),
      );
  }).flat();
  const isSituation = ({ purpose }: Row) => purpose.of === 'situation';
  const widthOf = (has: (row: Row) => boolean) => turns.flat().find(has)?.features.length ?? 1;
  const [situational, other] = [widthOf(isSituation), widthOf((row) => !isSituation(row))];
  const lists = turns.map((rows) => ({
    rows: rows.map((row) => sparse(row.features, isSituation(row) ? 0 : situational)),
    worth: rows.map(({ mark }) => worths[mark] as number),
  }));
  const net = fitChosen(lists, situational + other);
  const part = (from: number, to: number) => ({
    linear: [...net.linear.subarray(from, to)],
    hidden: net.hidden.map((weights) => [...weights.subarray(from, to)]),
  });
  const layers = { situations: part(0, situational), others: part(situational, situational + other), out: [...net.out] };
  const scores = turns.flat().map((row) => ({
    features: [scoreOf(isSituation(row) ? layers.situations : layers.others, layers.out, row.features)],
    mark: row.mark,
  }));
  const odds = (least: number) =>
    fitOdds(
      scores.map(({ features, mark }) => ({ features, right: mark >= least })),
      { steps: 600 },
    ).map((w) => Math.round(w * 1e4) / 1e4) as [number, number];
  const directions = directionsOf(talks);
  const taught = taughtOf(directions, learned);
  return { directions, weighing: { ...layers, passes: odds(1), fits: odds(2), taught, standing: standingsOf(talks) } };
}

function sparse(features: readonly number[], offset: number): SparseRow {
  const used = features.flatMap((value, i) => (value === 0 ? [] : [i]));
  return { places: Int32Array.from(used, (i) => i + offset), values: Float32Array.from(used, (i) => features[i] as number) };
}

function standingsOf(talks: readonly Marked[]): Standing {
  const of = (turns: readonly Marked[]) => {
    const sums = new Map<string, { above: number; marks: number }>();
    for (const { lines } of turns) {
      const mean = lines.reduce((sum, { mark }) => sum + (worths[mark] as number), 0) / lines.length;
      for (const { line, purpose, mark } of lines)
        for (const key of [line.id, keyOf(purpose)]) {
          const sum = sums.get(key) ?? { above: 0, marks: 0 };
          sum.above += (worths[mark] as number) - mean;
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

/** Of the marked lines of every turn the heaviest is said. */
function measure(name: string, turns: readonly Marked[], weighing: Weighing): void {
  const rows = turns.filter(({ lines }) => lines.length > 1);
  const share = (marks: readonly number[], mark: number) =>
    `${((100 * marks.filter((m) => m === mark).length) / marks.length).toFixed(1)} %`;
  for (const [which, some] of [
    ['first messages', rows.filter(({ view }) => view.moment.history.length === 0)],
    ['later ones', rows.filter(({ view }) => view.moment.history.length > 0)],
  ] as const) {
    const said = some.map(({ view, lines }) => {
      const heaviest = lines.reduce(
        (best, line) => {
          const worth = weigher(weighing, view, line.purpose)(line.line);
          return worth > best.worth ? { worth, mark: line.mark } : best;
        },
        { worth: -1, mark: 0 },
      );
      return heaviest.mark;
    });
    const best = some.map(({ lines }) => Math.max(...lines.map(({ mark }) => mark)));
    console.log(
      `${name}, ${some.length} ${which}: said fits ${share(said, 2)}, passes ${share(said, 1)}, wrong ${share(said, 0)}; ` +
        `the best of the marked ones fits ${share(best, 2)}, wrong ${share(best, 0)}`,
    );
  }
  console.log(`${name}: auc of wrong ${auc(turns, weighing).toFixed(3)}`);
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
