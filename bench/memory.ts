import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Follows how much memory a process has in use; megabytes. */
export interface MemoryWatch {
  /** The most so far. Where the system keeps that itself (Linux), nothing is missed between two looks. */
  peak(): number;
}

export function watchMemory(pid: number): MemoryWatch {
  let most = 0;
  const look = () => {
    most = Math.max(most, process.platform === 'linux' ? highWater(pid) : inUse(pid));
    return most;
  };
  return { peak: look };
}

function highWater(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

function inUse(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
}
