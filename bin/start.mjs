// `npm start`: makes the clone runnable, then starts one process with everything in it, or one role: `bot` or `inference`.
import v8 from 'node:v8';
import { packagesOf } from './packages.mjs';
import { prepare } from './prepare.mjs';

const role = process.argv[2] ?? 'all';
const entry = { all: '../start.ts', bot: '../bot/src/main.ts', inference: '../inference/src/main.ts' }[role];
if (!entry) {
  console.error(`troupe: there is no role "${role}"; expected bot or inference, or none for everything.`);
  process.exit(2);
}
// By itself V8 lets garbage grow to the size of what lives before it looks: some 80 MB here, for a few collections less.
v8.setFlagsFromString('--heap-growing-percent=30');
await prepare({ packages: packagesOf(role) });
if (process.env.HTTPS_PROXY || process.env.https_proxy) {
  // Node's fetch knows no proxy by itself; the dispatcher is shared by every undici of the process.
  const { EnvHttpProxyAgent, setGlobalDispatcher } = await import('undici');
  setGlobalDispatcher(new EnvHttpProxyAgent());
}
const { start } = await import(entry);
const { runUntilSignal } = await import('./signals.ts');
await runUntilSignal(start);
