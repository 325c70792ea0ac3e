import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { systemCode } from './embedded-failure.ts';

/**
 * Whether the process `pid` is there and has `argument` on its command line. A pid alone says
 * little: systems give them out again. Where a system does not show command lines, any process of
 * that pid counts.
 */
export async function processRuns(pid: number, argument: string): Promise<boolean> {
  if (!exists(pid)) return false;
  if (process.platform === 'win32') return true;
  // A process that has ended since shows an empty command line or none.
  if (existsSync('/proc/self/cmdline')) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return commandLine.split('\0').includes(argument);
  }
  return psShows(pid, argument);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

function psShows(pid: number, argument: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('ps', ['-ww', '-o', 'command=', '-p', String(pid)], (error, commandLine) => {
      const ran = error === null || typeof error.code === 'number';
      resolve(ran ? commandLine.includes(argument) : true);
    });
  });
}
