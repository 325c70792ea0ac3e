import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** How often processes are looked at again that are just becoming another program. */
const maxLooks = 50;

/**
 * Kills the process group that `leader` began, whether it still runs or not. On Linux also what has left
 * the group: processes that are in `folder` or were started with it as their TMPDIR.
 */
export function killGroup(leader: number, folder: string): void {
  kill(-leader);
  if (process.platform !== 'linux') return;
  const killed = new Set<number>();
  for (let look = 0; look < maxLooks; look++) {
    const found = laterThan(leader)
      .filter((pid) => !killed.has(pid))
      .map((pid) => ({ pid, kin: kinship(pid, folder) }));
    const kin = found.filter((each) => each.kin === true);
    for (const { pid } of kin) {
      kill(pid);
      killed.add(pid);
    }
    // Again until there is nothing new: one may have begun another just before it was killed.
    if (kin.length === 0 && !found.some((each) => each.kin === undefined)) return;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Pids are given out in turn, so that all a program began have later ones, until they start over. */
function laterThan(leader: number): number[] {
  const newest = Number(read('/proc/loadavg')?.trim().split(' ').at(-1));
  const all = attempt(() => readdirSync('/proc').filter((name) => /^\d/.test(name))) ?? [];
  return all.map(Number).filter((pid) => pid > leader || (newest < leader && pid !== leader));
}

/** Whether a process came from the folder. Undefined: it is between two programs, and says nothing. */
function kinship(pid: number, folder: string): boolean | undefined {
  const place = attempt(() => readlinkSync(`/proc/${pid}/cwd`));
  if (`${place}/`.startsWith(`${folder}/`)) return true;
  const variables = read(`/proc/${pid}/environ`);
  // What has ended, and the system's own threads, have neither variables nor a program.
  if (variables === '')
    return attempt(() => readlinkSync(`/proc/${pid}/exe`)) === undefined ? false : undefined;
  return `\0${variables}`.includes(`\0TMPDIR=${folder}\0`);
}

function read(file: string): string | undefined {
  return attempt(() => readFileSync(file, 'utf8'));
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
