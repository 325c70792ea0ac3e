import { RecordFailure } from '../domain/failure.ts';
import type { Scope } from './names.ts';
import type { Template } from './template.ts';
import { isAbsent, omitted, type PipeValue } from './transforms/transform.ts';

/**
 * The path of a call as a record fills it; `text` is how the flow writes it.
 *
 * @throws RecordFailure of class data when a value is missing: without it the call would go to another address
 */
export function pathOf(template: Template, text: string, scope: Scope, step: string): string {
  let hasBlank = false;
  const path = template.fill(scope, (value) => {
    hasBlank ||= isBlank(value);
    return encodeSegment(value);
  });
  if (path !== undefined && !hasBlank) return path;
  const place = template.places.find(({ value }) => isNothing(value(scope)));
  throw urlRefused(step, `the path has no value for ${text.slice(place?.begin, place?.end)}`);
}

const isNothing = (value: PipeValue | typeof omitted) =>
  value === omitted || isAbsent(value) || (typeof value === 'string' && isBlank(value));

const isBlank = (value: string) => value.trim() === '';

/** Slashes and every other character with a meaning in a path become plain text. */
export function encodeSegment(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

export function urlRefused(step: string, message: string): RecordFailure {
  return new RecordFailure({ class: 'data', code: 'url_not_allowed', message, step });
}
