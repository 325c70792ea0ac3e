import { parseDuration } from '../../domain/duration.ts';
import { SluiceError } from '../../domain/sluice-error.ts';
import type { UserFunction } from './chain.ts';

const longestTimeoutMs = 3_600_000;
const mostAtOnce = 50;
const name = /^[\p{L}\p{N}][\p{L}\p{N} _./:-]{0,99}$/u;

export function invalid(message: string): SluiceError {
  return new SluiceError('flow_invalid', message);
}

export function quoted(given: unknown): string {
  return typeof given === 'string' ? JSON.stringify(given.slice(0, 100)) : `of type ${typeof given}`;
}

export function checkedName(method: string, given: unknown): string {
  if (typeof given === 'string' && name.test(given)) return given;
  const form =
    'a name of letters, digits, spaces and _ . / : - (at most 100), beginning with a letter or digit';
  throw invalid(`${method} ${quoted(given)} needs ${form}`);
}

export function functionOf(given: unknown, owner: unknown): UserFunction {
  if (typeof given === 'function') return given as UserFunction;
  throw invalid(`${quoted(owner)} needs a function`);
}

export function optionsOf(given: unknown, owner: unknown): Readonly<Record<string, unknown>> {
  if (given === undefined) return {};
  if (typeof given === 'object' && given !== null) return given as Readonly<Record<string, unknown>>;
  throw invalid(`the options of ${quoted(owner)} must be an object`);
}

export function stepOptions(given: unknown, owner: unknown) {
  const { timeout, checkpoint } = optionsOf(given, owner);
  if (checkpoint !== undefined && typeof checkpoint !== 'boolean') {
    throw invalid(`checkpoint of ${quoted(owner)} must be true or false`);
  }
  return { timeoutMs: timeout === undefined ? undefined : timeoutOf(timeout, owner), checkpoint };
}

function timeoutOf(given: unknown, owner: unknown): number {
  const ms = typeof given === 'string' || typeof given === 'number' ? parseDuration(given) : undefined;
  if (ms !== undefined && ms > 0 && ms <= longestTimeoutMs) return ms;
  throw invalid(`timeout of ${quoted(owner)} must be a duration up to 1h, such as 30s`);
}

/** Items in a round of a loop. */
export function roundSize(given: unknown, owner: unknown): number {
  if (Number.isInteger(given) && (given as number) >= 1) return given as number;
  throw invalid(`size of ${quoted(owner)} must be a whole number from 1`);
}

/** Rounds of a loop at once. */
export function atOnce(given: unknown, owner: unknown): number {
  if (Number.isInteger(given) && (given as number) >= 1 && (given as number) <= mostAtOnce)
    return given as number;
  throw invalid(`concurrency of ${quoted(owner)} must be a whole number from 1 to ${mostAtOnce}`);
}
