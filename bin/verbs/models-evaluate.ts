// `npx troupe models evaluate`: the report's numbers once more, through the worker's own tokenizer, session and reader, beside Python's.
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { readEnvironment } from '../../bot/src/settings.ts';
import { evaluateWorker } from '../../inference/src/evaluate.ts';
import { readSettings } from '../../inference/src/settings.ts';
import { options, table } from './options.ts';

export const help = `Usage: npx troupe models evaluate [--version v1] [--json]

Reads the frozen dev sets through the worker and compares every figure with what training/evaluate.py found, the tokens of 10,000 texts and every
score. \`python -m training.evaluate\` comes first: it leaves the texts in training/runs/evaluation/. Takes a few minutes. Status 1 beyond tolerance.`;

/** Figures in the order of the table, differences signed. */
export async function run(args: string[]): Promise<number> {
  const given = options(args, help, ['version']);
  if (!given) return 0;
  const found = await evaluateWorker({
    settings: readSettings(readEnvironment()),
    version: given.values.version,
    runsDir: fileURLToPath(new URL('../../training/runs/evaluation', import.meta.url)),
    log: pino({ level: 'warn' }, pino.destination(2)),
    ...(process.stderr.isTTY ? { progress } : {}),
  });
  if (given.json) console.log(JSON.stringify(found, null, 2));
  else {
    const { version, tokens, parity, inPieces, figures, wrong } = found;
    const row = ({ name, python, worker }: (typeof figures)[number]) => [
      name,
      python.toFixed(4),
      worker.toFixed(4),
      signed(worker - python),
    ];
    console.log(table([[`ENCODER ${version}`, 'PYTHON', 'WORKER', 'DIFFERENCE'], ...figures.map(row)]));
    console.log(
      `\ntokens: ${tokens.texts - tokens.different} of ${tokens.texts} texts alike` +
        `\nscores of ${parity.texts} texts: emotions ${parity.emotionMean.toExponential(1)} apart on average, ${parity.emotionMax.toExponential(1)} at most; ` +
        `embeddings cosine ${parity.cosineMean.toFixed(6)} on average, ${parity.cosineLeast.toFixed(6)} at least` +
        `\n${inPieces} texts are too long for one window; the worker reads them in pieces, Python cuts them off`,
    );
    for (const sentence of wrong) console.log(`beyond tolerance: ${sentence}`);
  }
  return found.wrong.length > 0 ? 1 : 0;
}

function signed(difference: number): string {
  return `${difference < 0 ? '' : '+'}${difference.toFixed(4)}`;
}

function progress(done: number, total: number): void {
  if (done % 50 === 0 || done === total) process.stderr.write(`\r${done} of ${total} texts ${done === total ? '\n' : ''}`);
}
