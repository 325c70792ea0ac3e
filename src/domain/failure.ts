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

/** Longest part of a message that is looked at, so that a hostile one costs no time. */
const charactersRead = 500;
/** What a cut message ends with depends on the values before it, so the ends of long ones are no cause. */
const charactersKept = 240;

/** In English, German and French. */
const month =
  '(?:jan|f[eé][bv]|m[aä]r|a[pv]r|ma[iy]|jui?n|jui?l|aug|ao[uû]t|sep|o[ck]t|nov|d[eé][cz])\\p{L}*\\.?';
const weekday = '(?:(?:mon|tue|wed|thu|fri|sat|sun)\\p{L}*,? )?';

/** Kinds of values, in the order they are taken out: what one leaves behind another would take for its own. */
const values: readonly (readonly [RegExp, string])[] = [
  // The keys of a JSON object name the fields that a target complains of.
  [/(?<=[{,]\s*)"([^"]*)"(?=\s*:)/gu, '$1'],
  [/"[^"]*"|`[^`]*`|“[^”]*”|„[^“”]*[“”]|«[^»]*»|»[^«]*«|‹[^›]*›/gu, '…'],
  // No apostrophe: "can't" begins nothing.
  [/(?<![\p{L}\p{N}])['‘‚][^'’‘]*['’‘](?![\p{L}\p{N}])/gu, '…'],
  [/\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s<>…]+/giu, '…'],
  [/[^\s@<>()[\],;:…]+@[^\s@<>()[\],;:…]+/gu, '…'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/giu, '…'],
  [
    /\b\d{4}([-/.])\d\d?\1\d\d?(?:[T ]\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?Z\b| ?UTC\b|[+-]\d\d:?\d\d)?)?/gu,
    '…',
  ],
  [/\b\d\d?([-/.])\d\d?\1(?:\d{4}|\d\d)\b(?:,? \d\d?:\d\d(?::\d\d)?)?/gu, '…'],
  [
    new RegExp(
      `${weekday}\\b(?:\\d{1,2}\\.?[ -]${month}(?:[ -]\\d{2,4})?|${month} \\d{1,2}(?:st|nd|rd|th)?,? \\d{4})\\b`,
      'giu',
    ),
    '…',
  ],
  [/(?<![\d.:])\d\d?:\d\d(?!\d)(?::\d\d(?:[.,]\d+)?)?(?: ?[ap]m\b| ?(?:Z|UTC|GMT)\b)?/giu, '…'],
  [/\b(?:[0-9a-f]{1,4}:){3,7}(?::?[0-9a-f]{1,4})?/giu, '…'],
  [/\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b|\b(?=\w*\d\w*\d)(?=\w*[a-z])\w{10,}\b/giu, '…'],
  // 1,234.5, 1.234,5, 1 234,5, 1'234.5, 10.0.0.1 and 1e-7.
  [/(?<![\p{L}\p{N}])[+-]?\d+(?:[.,'’\u00a0\u202f]\d+| \d{3}(?!\d))*(?:e[+-]?\d+)?|\d+/giu, '#'],
  [/…(?:[\s:,;/&=+.-]*…)+/gu, '…'],
  [/\s+/gu, ' '],
];

/** Messages that differ only in ids, addresses, numbers, times and quoted values become the same text. */
export function normaliseMessage(message: string): string {
  return values
    .reduce((text, [kind, mark]) => text.replace(kind, mark), message.slice(0, charactersRead))
    .trim()
    .slice(0, charactersKept);
}

/** Failures with the same key have the same cause as far as Sluice can tell, whatever item of a loop they are of. */
export function groupKey(failure: Failure): string {
  const said = normaliseMessage(failure.untrustedMessage ?? '');
  const step = (failure.step ?? '').replace(/\[\d+\]/g, '');
  return [step, failure.class, failure.code, normaliseMessage(failure.message), said].join('\u001f');
}
