import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished } from 'vitest';
import { openPrograms, type ProgramsOptions } from '../../../src/connectors/programs/open-programs.ts';
import type { Command, CommandResult, Programs, PythonRun } from '../../../src/connectors/programs.ts';
import { type Failure, RecordFailure } from '../../../src/domain/failure.ts';
import type { JsonValue } from '../../../src/domain/json.ts';

export const onLinux = process.platform === 'linux';
export const hasPython = spawnSync('python3', ['-c', '']).status === 0;

/** Programs that are closed when the test ends. */
export function programsHere(options?: ProgramsOptions): Programs {
  const programs = openPrograms(options);
  onTestFinished(() => programs.close());
  return programs;
}

/** Programs for all the tests of a file. */
export function sharedPrograms(options?: ProgramsOptions): Programs {
  const programs = openPrograms(options);
  afterAll(() => programs.close());
  return programs;
}

export function command(argv: readonly string[], more: Partial<Command> = {}): Command {
  return { argv, env: {}, stdin: '', timeoutMs: 20_000, step: 'go', signal: noSignal, ...more };
}

export const script = (text: string, more: Partial<Command> = {}) => command(['/bin/sh', '-c', text], more);

export function snippet(
  code: string,
  scope: PythonRun['scope'] = {},
  more: Partial<PythonRun> = {},
): PythonRun {
  return { code, scope, timeoutMs: 20_000, step: 'go', signal: noSignal, ...more };
}

const noSignal = new AbortController().signal;

/** What a run fails with; a run that succeeds fails the test. */
export async function failureOf(run: Promise<CommandResult | JsonValue>): Promise<Failure> {
  const result = await run.catch((error: unknown) => {
    if (error instanceof RecordFailure) return error;
    throw error;
  });
  if (result instanceof RecordFailure) return result.failure;
  throw new Error(`it came to ${JSON.stringify(result)}`);
}

/** A file outside of the folders that programs run in. `line` waits for the line that one writes to it. */
export async function noteFile(): Promise<{ note: string; line: () => Promise<string> }> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-note-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const note = join(folder, 'note');
  const read = () => readFile(note, 'utf8').catch(() => '');
  const line = async () => {
    await expect.poll(read, { timeout: 15_000 }).toMatch(/\n$/);
    return (await read()).trim();
  };
  return { note, line };
}

/** Whether a process does anything still; one that only waits to be counted does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !onLinux || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
