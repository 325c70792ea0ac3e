import { basename } from 'node:path';
import { type ErrorClass, RecordFailure } from '../../domain/failure.ts';
import type { Command } from '../programs.ts';
import { startCodeOf } from '../start-trouble.ts';

/** What messages call a command. */
export function commandName([program = '', option]: readonly string[]): string {
  return program === '/bin/sh' && option === '-c' ? 'the script' : basename(program);
}

export function commandTimeout(command: Command): RecordFailure {
  const message = `${commandName(command.argv)} did not end within ${command.timeoutMs / 1000} s`;
  return broken(command, 'transient', 'step_timeout', message, true);
}

export function printedTooMuch(command: Command): RecordFailure {
  const message = `${commandName(command.argv)} printed more than 1 MiB; write to a file what is larger`;
  return broken(command, 'data', 'output_too_large', message, true);
}

/** The failure for a command that the system did not begin. */
export function notStarted(command: Command, error: unknown): RecordFailure {
  const name = commandName(command.argv);
  const systemCode = startCodeOf(error);
  const known = troubles.find(({ pattern }) => pattern.test(systemCode));
  if (known !== undefined) return broken(command, known.class, known.code, `${name} ${known.words}`);
  return broken(command, 'transient', 'command_not_started', `${name} could not be started`);
}

const troubles: readonly { pattern: RegExp; class: ErrorClass; code: string; words: string }[] = [
  {
    pattern: /^(ENOENT|ENOTDIR)$/,
    class: 'data',
    code: 'command_not_found',
    words: 'was not found on PATH; write its absolute path, or install it',
  },
  {
    pattern: /^(EACCES|EPERM|ENOEXEC)$/,
    class: 'data',
    code: 'command_not_executable',
    words: 'is a file that cannot be run; make it executable (chmod +x)',
  },
  {
    pattern: /^E2BIG$/,
    class: 'data',
    code: 'argument_too_large',
    words: 'would get an argument or variable that is too long; read it from standard input instead',
  },
  {
    pattern: /^ERR_INVALID_ARG_VALUE$/,
    class: 'data',
    code: 'argument_invalid',
    words: 'would get an argument or variable with a NUL character in it',
  },
];

function broken(
  { step }: Command,
  errorClass: ErrorClass,
  code: string,
  message: string,
  maybeApplied = false,
): RecordFailure {
  const lost = maybeApplied ? { maybeApplied } : {};
  return new RecordFailure({ class: errorClass, code, message, step, ...lost });
}
