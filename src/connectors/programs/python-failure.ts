import { type ErrorClass, type Failure, RecordFailure } from '../../domain/failure.ts';
import { foreignText } from '../foreign-text.ts';
import type { PythonRun } from '../programs.ts';
import { Secret, scrubber } from '../secret.ts';

/** What the runner says of a snippet that came to nothing. */
export type SnippetTrouble =
  | { readonly error: 'syntax'; readonly line: number | null; readonly text: string }
  | { readonly error: 'module'; readonly name: string }
  | { readonly error: 'not_json'; readonly what: string }
  | { readonly error: 'too_large' }
  | {
      readonly error: 'exception';
      readonly type: string;
      readonly line: number | null;
      readonly text: string;
      /** A ConnectionError or a TimeoutError. */
      readonly transient: boolean;
      /** It takes `item` for a list, and it is none. */
      readonly one_item: boolean;
    };

/** The failure of a snippet that ran, or could not be compiled. */
export function snippetFailure(run: PythonRun, trouble: SnippetTrouble): RecordFailure {
  switch (trouble.error) {
    case 'syntax':
      return failed(
        run,
        'data',
        'python_syntax',
        `the code is not valid Python${lineOf(trouble)}`,
        trouble.text,
      );
    case 'module': {
      const name = nameOf(trouble.name, 'a module');
      const words = `the module ${name} is missing; install it for the python3 that Sluice finds`;
      return failed(run, 'data', 'module_missing', words);
    }
    case 'not_json':
      return failed(run, 'data', 'result_not_json', `the result is not JSON: it has ${whatOf(trouble.what)}`);
    case 'too_large':
      return failed(run, 'data', 'output_too_large', 'the result has more than 8 MiB as JSON');
    case 'exception': {
      const hint = trouble.one_item ? '; item is one item here; per: chunk hands over the list' : '';
      const words = `${nameOf(trouble.type, 'an exception')}${lineOf(trouble)}${hint}`;
      return failed(run, trouble.transient ? 'transient' : 'data', 'python_error', words, trouble.text);
    }
  }
}

export function pythonTimeout(run: PythonRun): RecordFailure {
  return failed(run, 'transient', 'step_timeout', `the code did not end within ${run.timeoutMs / 1000} s`);
}

export function answeredTooMuch(run: PythonRun): RecordFailure {
  return failed(run, 'data', 'output_too_large', 'the result has more than 8 MiB as JSON');
}

/** The failure of a snippet whose interpreter ended under it. `signal` is set when something else killed it. */
export function interpreterEnded(run: PythonRun, signal: NodeJS.Signals | null): RecordFailure {
  if (signal === 'SIGKILL') {
    const words = 'the system killed the interpreter, perhaps because it used too much memory';
    return failed(run, 'transient', 'python_killed', words);
  }
  const words = 'the code ended its interpreter (os._exit, a crash, or a closed descriptor); use return';
  return failed(run, 'data', 'python_ended', words);
}

/** An interpreter could not be started; the same for every snippet that waited for it. */
export class NoInterpreter extends Error {
  override readonly name = 'NoInterpreter';
  readonly kind: 'missing' | 'unsuitable' | 'unwilling';

  /** `missing`: there is no such program. `unwilling`: another attempt may do. */
  constructor(kind: NoInterpreter['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

export function noInterpreter(run: PythonRun, { kind, message }: NoInterpreter): RecordFailure {
  const code = kind === 'missing' ? 'python_missing' : 'python_unusable';
  return failed(run, kind === 'unwilling' ? 'transient' : 'data', code, message);
}

/** Codes of failures after which nobody knows what the snippet has done. */
const effectsUnknown: ReadonlySet<string> = new Set(['step_timeout', 'python_killed', 'python_ended']);

function failed(
  run: PythonRun,
  errorClass: ErrorClass,
  code: string,
  words: string,
  said?: string,
): RecordFailure {
  const failure: Failure = { class: errorClass, code, message: `python: ${words}`, step: run.step };
  const text = said === undefined ? undefined : foreignText(scrubberOf(run)(said));
  return new RecordFailure({
    ...failure,
    ...(text === undefined ? {} : { untrustedMessage: text }),
    ...(effectsUnknown.has(code) ? { maybeApplied: true } : {}),
  });
}

/** Masks the values of environment variables, which libraries like to repeat in their errors. */
function scrubberOf({ scope: { env } }: PythonRun): (text: string) => string {
  const values = typeof env === 'object' && env !== null ? Object.values(env) : [];
  return scrubber(values.filter((value) => typeof value === 'string').map((value) => new Secret(value)));
}

function lineOf({ line }: { readonly line: number | null }): string {
  return Number.isInteger(line) ? ` in line ${line}` : '';
}

/** A name that the snippet or a library chose, if it is one. */
function nameOf(name: string, otherwise: string): string {
  return /^[\p{L}_][\p{L}\p{N}_.]{0,99}$/u.test(name) ? name : otherwise;
}

function whatOf(what: string): string {
  return /^[\p{L}\p{N}_.,^ ]{1,120}$/u.test(what) ? what : 'an object';
}
