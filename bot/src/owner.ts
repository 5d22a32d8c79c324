// Who holds a turn's lease: this process by machine, process id and a name of its own, so that a later one can tell when it is gone.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

export interface Owner {
  name: string;
  /** True only when that owner cannot be alive: it ran on this machine and its process is gone, or its id is ours now. */
  isDead(other: string): boolean;
}

export function thisProcess(host = hostname(), pid = process.pid, isRunning = runs): Owner {
  const prefix = `${host}/`;
  return {
    name: `${prefix}${pid}/${randomUUID()}`,
    isDead(other) {
      if (!other.startsWith(prefix)) return false;
      const otherPid = Number(other.slice(prefix.length).split('/')[0]);
      return otherPid === pid || !isRunning(otherPid);
    },
  };
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
