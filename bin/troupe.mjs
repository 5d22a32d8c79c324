#!/usr/bin/env node
// The operator's tool. No dependency is needed to start it, so that `npx troupe` never reaches for a stranger's package.
import { prepare } from './prepare.mjs';

const verbs = {
  doctor: 'looks at this machine, the settings, the models and the stores, and says what to mend',
  characters: 'lists the characters and what each has to say',
  models: 'lists, shows, promotes and rolls back the models, and measures them (`models --help`)',
  export: 'writes the votes as a file to learn from, as TRAIN_ON permits',
  judge: 'compares two ways to answer, blind: writes pairs for readers, reads their verdicts (`judge --help`)',
  bench: 'measures: `bench turn`, `bench read`, `bench write`',
  privacy: 'what is kept about people, for how long, and how to remove it',
};

const [verb, ...rest] = process.argv.slice(2);
if (!verb || verb === '--help' || verb === '-h' || verb === 'help') {
  console.log('Usage: npx troupe <verb> [options]\n');
  for (const [name, does] of Object.entries(verbs)) console.log(`  ${name.padEnd(12)}${does}`);
  console.log('\n`npx troupe <verb> --help` says more; `--json` prints what a program can read.');
  process.exit(verb ? 0 : 2);
}
if (!Object.hasOwn(verbs, verb)) {
  console.error(`troupe: there is no verb "${verb}". Known: ${Object.keys(verbs).join(', ')}.`);
  process.exit(2);
}
// Whoever reads may have seen enough (`| head`).
process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1));
await prepare({ quiet: rest.includes('--json') });
const { run } = await import(`./verbs/${verb}.ts`);
process.exitCode = await run(rest).catch((error) => {
  // Errors made on purpose carry a code and say what to do; anything else is a fault worth its stack.
  console.error(error.code ? `troupe: ${error.message}` : error);
  return 1;
});
