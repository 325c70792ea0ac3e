/** What kind of trouble it was; decides whether a retry can help. */
export const errorClasses = ['transient', 'data', 'auth', 'conflict', 'bug', 'interrupted'] as const;
export type ErrorClass = (typeof errorClasses)[number];

/**
 * Why one attempt at one record broke. Data, not an exception: it is stored with the record.
 *
 * `message` is written by Sluice and safe to show to a model. Whatever the target said is only in
 * `untrustedMessage`.
 */
export interface Failure {
  readonly class: ErrorClass;
  /** Stable word or words in snake_case, such as `http_422` or `required_field_missing`. */
  readonly code: string;
  readonly message: string;
  readonly untrustedMessage?: string;
  /** The step, or the field of a mapping, that broke. */
  readonly step?: string;
  /** The connector whose target gave the trouble. */
  readonly connector?: string;
  /** The target asked to be left alone for this long, in milliseconds. */
  readonly retryAfterMs?: number;
  /** The request was sent and its answer lost, so the target may have acted on it. */
  readonly maybeApplied?: boolean;
}

/** Thrown by flows and connectors for a failure of the record in hand. */
export class RecordFailure extends Error {
  override readonly name = 'RecordFailure';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

const quoted = /"[^"]*"|'[^']*'|`[^`]*`/g;
const uuids = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;
const emails = /\b[^\s@]+@[^\s@]+\.[^\s@]+\b/g;
const times = /\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\b/g;
const hexIds = /\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi;
const numbers = /\d+(?:[.,]\d+)*/g;

/** Messages that differ only in ids, numbers, times and quoted values become the same text. */
export function normaliseMessage(message: string): string {
  return message
    .slice(0, 500)
    .replace(quoted, '…')
    .replace(uuids, '…')
    .replace(emails, '…')
    .replace(times, '…')
    .replace(hexIds, '…')
    .replace(numbers, '#')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Failures with the same key have the same cause as far as Sluice can tell. */
export function groupKey(failure: Failure): string {
  const said = normaliseMessage(failure.untrustedMessage ?? '');
  return [failure.step ?? '', failure.class, failure.code, normaliseMessage(failure.message), said].join(
    '\u001f',
  );
}
