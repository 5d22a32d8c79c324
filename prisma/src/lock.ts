// One process at a time in a data folder: a file that names its holder, and is taken over only when the holder is gone.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from './errors.ts';

interface Holder {
  pid: number;
  /** The process's start by the kernel's clock, where /proc tells it: a number used again is another process. */
  born: string | null;
  host: string;
}

/** A holder on another host (a container of its own) cannot be looked up; it shows that it lives by touching the file. */
const HEARTBEAT_MS = 2_000;
const BEATS_MISSED = 4;
const LINGER_LOOKS = 20;

/** Resolves with what gives the folder back. Rejects with a StoreError `store-held`. */
export async function lockFolder(folder: string, heartbeatMs = HEARTBEAT_MS): Promise<() => void> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'lock');
  const mine = JSON.stringify({ pid: process.pid, born: bornOf(process.pid), host: hostname() } satisfies Holder);
  while (!create(file, mine)) {
    const theirs = await read(file);
    if (theirs === null) continue;
    const holder = parse(theirs);
    if (holder && (await lives(holder, file, heartbeatMs))) throw held(folder, holder);
    setAside(file, theirs);
  }
  const heartbeat = setInterval(() => {
    if (read0(file) === mine) utimesSync(file, new Date(), new Date());
  }, heartbeatMs).unref();
  const giveBack = () => {
    clearInterval(heartbeat);
    process.off('exit', giveBack);
    if (read0(file) === mine) rmSync(file, { force: true });
  };
  process.once('exit', giveBack);
  return giveBack;
}

function create(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Null when it is gone. One just made may be empty for a moment. */
async function read(file: string): Promise<string | null> {
  for (let tries = 0; ; tries++) {
    const content = read0(file);
    if (content !== '' || tries === 20) return content;
    await sleep(50);
  }
}

function read0(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function parse(content: string): Holder | null {
  try {
    const holder = JSON.parse(content) as Holder;
    return Number.isInteger(holder.pid) && holder.pid > 0 ? holder : null;
  } catch {
    return null;
  }
}

async function lives(holder: Holder, file: string, heartbeatMs: number): Promise<boolean> {
  if (holder.host === hostname()) return lingers(holder);
  const touched = () => {
    try {
      return statSync(file).mtimeMs;
    } catch {
      return 0;
    }
  };
  const before = touched();
  for (let looks = 0; looks < 4 * BEATS_MISSED; looks++) {
    await sleep(heartbeatMs / 4);
    if (touched() !== before) return true;
  }
  return false;
}

/** One just told to end needs a moment for it: a restart must not fail on that. */
async function lingers({ pid, born }: Holder): Promise<boolean> {
  for (let looks = 0; ; looks++) {
    if (!isRunning(pid) || (born !== null && born !== bornOf(pid))) return false;
    if (pid === process.pid || looks === LINGER_LOOKS) return true;
    await sleep(100);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Boot and start tick of a process, where there is a /proc; null for one that is dead but not yet buried. */
function bornOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // The second field is the command in brackets and may hold anything, brackets included.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : `${boot} ${fields[19]}`;
  } catch {
    return null;
  }
}

/** Two who find the same dead holder: the second one must not push aside the first one's new file. */
function setAside(file: string, expected: string): void {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const taken = read0(aside);
  if (taken !== null && taken !== expected) create(file, taken);
  rmSync(aside, { force: true });
}

function held(folder: string, { pid, host }: Holder): StoreError {
  const own = pid === process.pid && host === hostname();
  const who = own ? `this very process (${pid})` : `process ${pid}${host === hostname() ? '' : ` on ${host}`}`;
  const stop = own ? 'Close the store that is open' : `Stop that one (kill ${pid})`;
  return new StoreError(
    'store-held',
    `The data folder ${folder} is held by ${who}; one at a time can use it. ${stop}, or give this one a DATA_DIR of its own.`,
  );
}
