import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';

/** The same steps as an orderly end: by now the programs have seen the end of their input. */
const script = `
trap '' HUP INT TERM
groups=' '
folders=' '
while read -r sign group folder; do
  case $sign in
    +) groups="$groups$group "
       [ -z "$folder" ] || folders="$folders$folder " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }"
       [ -z "$folder" ] || folders="\${folders%% $folder *} \${folders#* $folder }" ;;
  esac
done
send() { for group in $groups; do kill -s "$1" -- "-$group" 2>/dev/null; done; }
alive() { for group in $groups; do kill -s 0 -- "-$group" 2>/dev/null && return; done; false; }
if alive; then sleep 1; send TERM; fi
if alive; then sleep 1; send KILL; fi
rm -rf $folders
`;

/** Without groups the guard stays a little, since programs often follow each other. */
const lingerMs = 5_000;

/** Its number, and the folder that goes with it, if any. */
const guarded = new Map<number, string>();
let guard: ChildProcess | undefined;
let leaving: NodeJS.Timeout | undefined;

/**
 * Ends the process group `group` soon after this process has ended, even when it was killed and could do
 * nothing any more. Returns a function that lets go of the group; call it once the group has ended.
 *
 * One small shell does it for all groups. It waits for the end of its input, which is the end of this
 * process. Where there is no /bin/sh, programs have to notice the end of their own input.
 *
 * `folder` is the name, made of letters, digits and dashes, of a folder in that of temporary files, which is
 * then removed.
 */
export function guardGroup(group: number, folder = ''): () => void {
  if (process.platform === 'win32') return () => {};
  const name = /^\w[\w-]*$/.test(folder) ? folder : '';
  guarded.set(group, name);
  clearTimeout(leaving);
  if (guard === undefined) startGuard();
  else tell('+', group, name);
  return () => {
    if (!guarded.delete(group)) return;
    tell('-', group, name);
    if (guarded.size === 0) leaving = setTimeout(leave, lingerMs).unref();
  };
}

function startGuard(): void {
  const started = spawn('/bin/sh', ['-c', script], {
    cwd: tmpdir(),
    env: { PATH: '/usr/bin:/bin' },
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard = started;
  const lost = () => {
    if (guard === started) guard = undefined;
  };
  started.on('error', lost).on('exit', lost).unref();
  started.stdin.on('error', lost);
  (started.stdin as Socket).unref();
  for (const [group, folder] of guarded) tell('+', group, folder);
}

function tell(sign: '+' | '-', group: number, folder: string): void {
  guard?.stdin?.write(`${sign} ${group} ${folder}\n`);
}

function leave(): void {
  guard?.stdin?.end();
  guard = undefined;
}
