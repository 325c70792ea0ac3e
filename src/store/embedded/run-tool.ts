import { spawn } from 'node:child_process';
import { cannotExecute } from './embedded-failure.ts';
import type { OsUser } from './os-user.ts';

export interface ToolOptions {
  /** undefined: as whoever this process is. */
  readonly user: OsUser | undefined;
  /** A folder the user can enter. */
  readonly cwd: string;
  readonly input?: string;
  /** The tool is told to end after this time, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Runs one of Postgres' programs to its end. `output` is what it said on both streams.
 *
 * @throws SluiceError when it cannot be run at all.
 */
export function runTool(
  program: string,
  args: readonly string[],
  options: ToolOptions,
): Promise<{ readonly succeeded: boolean; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const tool = spawn(program, args, {
      cwd: options.cwd,
      env: plainEnvironment(),
      timeout: options.timeoutMs,
      windowsHide: true,
      ...options.user,
    });
    let output = '';
    const listen = (text: string) => {
      output += text;
    };
    tool.stdout.setEncoding('utf8').on('data', listen);
    tool.stderr.setEncoding('utf8').on('data', listen);
    // A tool that ends without reading its input is judged by its exit code.
    tool.stdin.on('error', () => {}).end(options.input ?? '');
    tool.on('error', (error) => reject(cannotExecute(program, error)));
    tool.on('close', (code) => resolve({ succeeded: code === 0, output }));
  });
}

/** Without the caller's PG* variables, which would reach into a server that is none of their business. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { PATH, SystemRoot, TEMP, TMP } = process.env;
  return { PATH, SystemRoot, TEMP, TMP, LC_ALL: 'C', TZ: 'UTC' };
}
