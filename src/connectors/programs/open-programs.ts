import { availableParallelism } from 'node:os';
import type { Programs } from '../programs.ts';
import { PythonPool } from './python-pool.ts';
import { runCommand } from './run-command.ts';

export interface ProgramsOptions {
  /** Default: `python3`, as PATH has it. */
  readonly python?: string;
  /** Interpreters that are kept busy by snippets which compute. Default: one for each processor, at least 2. */
  readonly interpreters?: number;
}

/** Interpreters at most, when snippets wait for something rather than compute. */
const mostInterpreters = 10;
const idleMs = 60_000;

/** Starts nothing before the first run. `close` kills what is under way. */
export function openPrograms(options: ProgramsOptions = {}): Programs {
  const closing = new AbortController();
  const usual = options.interpreters ?? Math.max(2, availableParallelism());
  const pool = new PythonPool({
    program: options.python ?? 'python3',
    usual: Math.min(usual, mostInterpreters),
    most: mostInterpreters,
    idleMs,
  });
  const commands = new Set<Promise<unknown>>();

  return {
    run(command) {
      const running = runCommand(command, closing.signal);
      commands.add(running);
      const forget = () => void commands.delete(running);
      running.then(forget, forget);
      return running;
    },
    python: (run) => pool.run(run),
    async close() {
      closing.abort(new Error('the programs are closed'));
      await Promise.allSettled([pool.close(), ...commands]);
    },
  };
}
