// Learns weighing.json from the marks of answers.jsonl, and says what they are worth on talks that it never saw:
//   npx tsx inference/src/lines/weigh-fit.ts [--dry]
import { writeFileSync } from 'node:fs';
import { type Marked, markedAnswers } from './answers.ts';
import { openBench } from './bench.ts';
import { calibrationFile, readCalibration } from './calibration.ts';
import { fitScaledOdds } from './fit.ts';
import { createListener } from './listen.ts';
import { type Weighing, weigher, weighingFile } from './weigh.ts';

const bench = await openBench();
const calibration = await readCalibration(bench.encoder.checksum, [calibrationFile]);
const { index } = await bench.index(bench.corpus.situations, calibration);
const marked = await markedAnswers(bench, createListener(bench.corpus, index, calibration));
await bench.close();

const tune = marked.filter(({ part }) => part === 'tune');
measure('tune', tune, fit(tune));
const test = marked.filter(({ part }) => part === 'test');
measure('test', test, fit(tune));
if (!process.argv.includes('--dry')) {
  // What measures is worth learning from, too, once it has measured.
  const round = (weights: number[]) => weights.map((w) => Math.round(w * 1e4) / 1e4);
  const { situations, others } = fit(marked);
  const rounded = [situations, others].map(({ passes, fits }) => ({ passes: round(passes), fits: round(fits) }));
  writeFileSync(weighingFile, `${JSON.stringify({ situations: rounded[0], others: rounded[1] }, null, 1)}\n`);
}

function fit(talks: readonly Marked[]): Weighing {
  const all = talks.flatMap(({ lines }) => lines);
  const weights = (rows: typeof all) => ({
    passes: fitScaledOdds(rows.map(({ features, mark }) => ({ features, right: mark > 0 }))),
    fits: fitScaledOdds(rows.map(({ features, mark }) => ({ features, right: mark > 1 }))),
  });
  return {
    situations: weights(all.filter(({ purpose }) => purpose.of === 'situation')),
    others: weights(all.filter(({ purpose }) => purpose.of !== 'situation')),
  };
}

/** Of the marked lines of every turn the heaviest is said. */
function measure(name: string, turns: readonly Marked[], weighing: Weighing): void {
  const rows = turns.filter(({ lines }) => lines.length > 1);
  const said = rows.map(({ view, lines }) => {
    const heaviest = lines.reduce(
      (best, line) => {
        const worth = weigher(weighing, view, line.purpose)(line.line);
        return worth > best.worth ? { worth, mark: line.mark } : best;
      },
      { worth: -1, mark: 0 },
    );
    return heaviest.mark;
  });
  const share = (marks: readonly number[], mark: number) =>
    `${((100 * marks.filter((m) => m === mark).length) / marks.length).toFixed(1)} %`;
  const best = rows.map(({ lines }) => Math.max(...lines.map(({ mark }) => mark)));
  console.log(
    `${name} (${rows.length} turns): said fits ${share(said, 2)}, passes ${share(said, 1)}, wrong ${share(said, 0)}; ` +
      `the best of the marked ones fits ${share(best, 2)}, wrong ${share(best, 0)}; auc of wrong ${auc(turns, weighing).toFixed(3)}`,
  );
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
