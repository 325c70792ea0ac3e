import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { assemble, type Sluice } from '../../src/assemble.ts';
import type { Call, Host } from '../../src/cli/host.ts';
import { runProgram } from '../../src/cli/program.ts';
import { readConfig } from '../../src/config.ts';
import { connectingOf } from '../../src/connecting.ts';
import { flowJsonSchema } from '../../src/flows/flow-schema.ts';
import { operations } from '../../src/operations/operations.ts';
import { quietLog } from './engine.ts';
import { pipedTerminal } from './piped-terminal.ts';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line in this process, with a home of its own, and no database unless the environment names one. */
export interface CommandLine {
  readonly home: string;
  /** Runs a command to its end. `input` is what is piped to it; `typed` what a person types at a terminal. */
  run(args: readonly string[], given?: { input?: string; typed?: string }): Promise<Ended>;
  /** A file of the home. */
  read(file: string): string;
  write(file: string, text: string): string;
  close(): void;
}

export interface HomeSettings {
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function contextOf(sluice: Sluice, folder: string, { signal, roots = [], owner = null }: Call) {
  const context = sluice.context({ signal, owner, folder });
  const files = async () => {
    const allowed = await context.files();
    return { ...allowed, folders: [...allowed.folders, ...roots] };
  };
  return { ...context, files };
}

export function openCommandLine(settings: HomeSettings = {}): CommandLine {
  const home = settings.home ?? mkdtempSync(join(tmpdir(), 'sluice-line-'));
  const env = { SLUICE_HOME: home, SLUICE_BACKGROUND: 'off', ...settings.env };
  const config = readConfig(env);
  return {
    home,
    async run(args, { input, typed } = {}) {
      const piped = pipedTerminal({ input, typed });
      const { terminal } = piped;
      let runsJobs = false;
      const sluice = assemble(config, quietLog, () => runsJobs);
      const open = () =>
        ({
          terminal,
          cwd: home,
          folders: { home, flows: config.flowsFolder, exports: config.exportsFolder },
          background: false,
          graceMs: 0,
          runJobs() {
            runsJobs = true;
          },
          context: (call: Call) => contextOf(sluice, home, call),
          onSignal: () => () => {},
          flowSchema: async () => flowJsonSchema(),
          connecting: connectingOf(config, env),
        }) as unknown as Host;
      const onUnexpected = (error: unknown) => terminal.err.write(`unexpected: ${String(error)}`);
      const code = await runProgram(args, { terminal, version: '0', operations, open, onUnexpected });
      await sluice.close(0);
      return { code, ...(await piped.said()) };
    },
    read: (file) => readFileSync(join(home, file), 'utf8'),
    write(file, content) {
      const path = join(home, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
      return path;
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}
