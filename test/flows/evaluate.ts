import { type Failure, RecordFailure } from '../../src/domain/failure.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import { compilePipe } from '../../src/flows/compile-pipe.ts';
import { recordNames } from '../../src/flows/names.ts';
import type { Lookups } from '../../src/flows/pipe-arguments.ts';

/** What a pipe makes of a payload, for a field named `field`. */
export function evaluate(text: string, payload: JsonValue = {}, lookups: Lookups = {}) {
  const compiled = compilePipe(text, 'field', { lookups, names: recordNames });
  if ('problems' in compiled) throw new Error(compiled.problems.map(({ message }) => message).join('\n'));
  return compiled.pipe.evaluate({ record: payload });
}

/** The failure of the record when a pipe cannot use what is in it. */
export function failureOf(text: string, payload: JsonValue = {}): Failure {
  try {
    evaluate(text, payload);
  } catch (error) {
    if (error instanceof RecordFailure) return error.failure;
    throw error;
  }
  throw new Error(`${text} took ${JSON.stringify(payload)}`);
}

/** `offset message; suggestion` of everything wrong with a pipe. */
export function problemsOf(text: string, lookups: Lookups = {}): string[] {
  const compiled = compilePipe(text, 'field', { lookups, names: recordNames });
  if (!('problems' in compiled)) return [];
  return compiled.problems.map(
    ({ at, message, suggestion }) => `${at} ${message}${suggestion === undefined ? '' : `; ${suggestion}`}`,
  );
}
