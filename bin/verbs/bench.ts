// `npx troupe bench`: speed and memory of what runs here, measured from outside over HTTP.
import { readEnvironment } from '../../bot/src/settings.ts';
import { benchRead } from '../../inference/src/bench-read.ts';
import { readSettings } from '../../inference/src/settings.ts';
import { benchTurn, STORES, type TurnFigures } from './bench-turn.ts';
import { options, table } from './options.ts';

const help = `Usage: npx troupe bench turn [--store embedded|redis+postgres] [--turns 200] [--users 32] [--json]
       npx troupe bench read [--json]
       npx troupe bench write [--json]

Starts Troupe as a user would, twice: on the embedded store, and on a Redis and a PostgreSQL of its own (both must be installed), and measures whole
turns over POST /v1/chat with GENERATOR=lines: time to the first reply, one user one message after another, many users at once, resident memory.
--store measures one of the two alone; the embedded one needs nothing installed.
bench read measures the reading alone: everyday messages one at a time, and with many waiting.
bench write measures GENERATOR=local (npx troupe models fetch first, or BASE_MODEL): one user, 16 at once, and plain chat sessions beside them.`;

export async function run(args: string[]): Promise<number> {
  const given = options(args, help, ['store', 'turns', 'users']);
  if (!given) return 0;
  if (given.positionals[0] === 'read') return reads(given.json);
  if (given.positionals[0] === 'write') return writes(given.json);
  if (given.positionals[0] !== 'turn') {
    console.error('troupe: expected `bench turn`, `bench read` or `bench write`.');
    return 2;
  }
  const turns = Number(given.values.turns ?? 200);
  const users = Number(given.values.users ?? 32);
  if (![turns, users].every((n) => Number.isInteger(n) && n > 0))
    throw Object.assign(new Error('--turns and --users must be whole numbers above 0'), { code: 'usage' });
  const stores = STORES.filter((store) => store === (given.values.store ?? store));
  if (stores.length === 0)
    throw Object.assign(new Error(`--store must be one of ${STORES.join(', ')}; without it both are measured`), { code: 'usage' });
  const results: TurnFigures[] = [];
  for (const store of stores) results.push(await benchTurn({ store, turns, users }));
  if (given.json) console.log(JSON.stringify(results, null, 2));
  else {
    const ms = (n: number) => `${n.toFixed(0)} ms`;
    const rows = results.map((r) => [
      r.store,
      `${(r.firstReplyMs / 1000).toFixed(1)} s`,
      ms(r.p50Ms),
      ms(r.p95Ms),
      `${r.turnsPerSecond.toFixed(0)}/s`,
      ms(r.loadP95Ms),
      `${(r.residentBytes / 1e6).toFixed(0)} MB`,
    ]);
    console.log(table([['STORE', 'FIRST REPLY', '1 USER p50', 'p95', `${users} USERS`, 'p95', 'RESIDENT'], ...rows]));
  }
  return 0;
}

async function writes(json: boolean): Promise<number> {
  const { benchWrite } = await import('../../inference/src/local/bench-write.ts');
  return tell(await benchWrite(readSettings(readEnvironment())), json, 2);
}

async function reads(json: boolean): Promise<number> {
  return tell(await benchRead(readSettings(readEnvironment())), json, 1);
}

/** A line for each figure, numbers with so many digits behind the point. */
function tell(figures: object, json: boolean, digits: number): number {
  const rows = Object.entries(figures).map(([name, value]) => [
    name,
    typeof value === 'number' ? value.toFixed(digits) : JSON.stringify(value),
  ]);
  console.log(json ? JSON.stringify(figures, null, 2) : table(rows));
  return 0;
}
