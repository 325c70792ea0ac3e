import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtServer } from '../support/built-server.ts';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly ended: Promise<Ended>;
  signal(name: NodeJS.Signals): void;
  /** Nobody reads stderr any more. */
  closeStderr(): void;
  /** Resolves when stderr holds `text`; rejects when the command ends without. */
  hasSaid(text: string): Promise<void>;
}

/** The built command with a home of its own. */
export interface BuiltCommand {
  readonly home: string;
  /** Runs `sluice` to its end. Nothing comes through stdin unless `input` is given. */
  run(args: readonly string[], settings?: { input?: string; env?: Record<string, string> }): Promise<Ended>;
  begin(args: readonly string[], env?: Record<string, string>): Running;
  /** Ends all that runs for the home, and removes it. */
  close(): Promise<void>;
}

export async function openCommand(): Promise<BuiltCommand> {
  const main = await builtServer();
  const home = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
  // As root the server runs as another user, who keeps its data here only if it may enter.
  chmodSync(home, 0o711);
  const { PATH = '' } = process.env;
  const environment = { PATH, SLUICE_HOME: home, SLUICE_LEASE_SECONDS: '2' };

  const start = (args: readonly string[], input?: string, more: Record<string, string> = {}) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: home,
      env: { ...environment, ...more },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    child.stdin?.end(input);
    return follow(child);
  };
  return {
    home,
    run: (args, { input, env: more } = {}) => start(args, input, more).ended,
    begin: (args, more) => start(args, undefined, more),
    async close() {
      await start(['stop']).ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function follow(child: ReturnType<typeof spawn>): Running {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (piece) => {
    stdout += piece;
  });
  child.stderr?.on('data', (piece) => {
    stderr += piece;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return {
    ended,
    signal: (name) => child.kill(name),
    closeStderr: () => child.stderr?.destroy(),
    hasSaid: (text) =>
      new Promise((resolve, reject) => {
        const look = () => stderr.includes(text) && resolve();
        child.stderr?.on('data', look);
        child.on('close', () => reject(new Error(`ended without saying "${text}":\n${stderr}`)));
        look();
      }),
  };
}
