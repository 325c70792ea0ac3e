import type { JsonValue } from '../domain/json.ts';

/** A program and its arguments. No shell reads them. */
export interface Command {
  readonly argv: readonly string[];
  /** All the variables it sees besides PATH, LANG, and its own folder as HOME and TMPDIR. */
  readonly env: Readonly<Record<string, string>>;
  /** Given on its standard input. */
  readonly stdin: string;
  /** Total time in milliseconds. Then its whole process group is killed. */
  readonly timeoutMs: number;
  readonly step: string;
  readonly signal: AbortSignal;
}

export interface CommandResult {
  readonly exitCode: number;
  /** At most 1 MiB; more is a failure. */
  readonly stdout: string;
  /** The end of it, at most 4 KiB. */
  readonly stderr: string;
}

/** A Python snippet and what it sees. */
export interface PythonRun {
  readonly code: string;
  /** Names of its scope: `item`, `items`, `inputs`, `params`, `env` (secrets), `record`, … */
  readonly scope: Readonly<Record<string, JsonValue>>;
  readonly timeoutMs: number;
  readonly step: string;
  readonly signal: AbortSignal;
}

/** Programs of this machine that steps run. Everything is killed with the process group it began. */
export interface Programs {
  /**
   * Runs a command in an empty folder of its own.
   *
   * @throws RecordFailure for a program that is not there, takes too long or prints too much; not for
   * an exit code.
   */
  run(command: Command): Promise<CommandResult>;
  /**
   * Runs a snippet in one of a pool of warm interpreters (system `python3`); the value of `return`, or of
   * the variable `result`.
   *
   * @throws RecordFailure with the exception's type and line; `module_missing` names the module. The values
   * of `env` are masked in it.
   */
  python(run: PythonRun): Promise<JsonValue>;
  close(): Promise<void>;
}
