import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { PostgresAddress } from '../../../src/store/embedded/embedded-postgres.ts';
import { asRoot } from './temporary-home.ts';

type OsUser = { readonly uid: number; readonly gid: number } | undefined;
export type Outcome = PostgresAddress & { readonly code?: string; readonly message?: string };

/** An OS user without rights; when this process is none with the right to become one: itself. */
export const plainUser: OsUser = asRoot ? passwdEntry('nobody') : undefined;

/** A process that has loaded everything and takes its step when it is told to. */
export async function standBy(step: string, args: readonly string[], user?: OsUser) {
  const child = spawn(process.execPath, ['--import', 'tsx', childScript, step, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...user,
  });
  onTestFinished(() => end(child));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();

  return {
    async go(): Promise<Outcome> {
      child.stdin.write('go\n');
      const { value } = await lines.next();
      return JSON.parse(value);
    },
    kill: () => end(child),
  };
}

/** Ends a process as a power cut would. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const childScript = fileURLToPath(new URL('child.ts', import.meta.url));

function passwdEntry(name: string): OsUser {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return line === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}
