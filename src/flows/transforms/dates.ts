import { DateTime } from 'luxon';
import { millisecondsFormat, secondsFormat } from './date-format.ts';
import {
  type ArgumentRule,
  type PipeValue,
  type Transform,
  textArgument,
  ValueProblem,
} from './transform.ts';

const inputFormat: ArgumentRule = { name: 'format', kind: 'read_format', optional: true };

/** Formats are written in Luxon's tokens: yyyy MM dd HH mm ss, MMM for "Mar". */
export const dateTransforms: readonly Transform[] = [
  {
    name: 'now',
    doc: 'The time of the attempt in ISO 8601, or in a format.',
    args: [{ name: 'format', kind: 'written_format', optional: true }],
    begins: true,
    apply: (_, [format]) => written(DateTime.utc(), format),
  },
  {
    name: 'date',
    doc: 'The day as 2026-01-31, from ISO 8601 or from a format: date("dd/MM/yyyy").',
    args: [inputFormat],
    apply: (value, [format]) => readDate(value, format)?.toISODate() ?? undefined,
  },
  {
    name: 'datetime',
    doc: 'The time in ISO 8601, from ISO 8601 or from a format; UTC unless the text says otherwise. "X" and "x" read seconds and milliseconds since 1970.',
    args: [inputFormat],
    apply: (value, [format]) => readDate(value, format)?.toISO() ?? undefined,
  },
  {
    name: 'date_format',
    doc: 'The date written in a format; a second format says how to read it.',
    args: [
      { name: 'output', kind: 'written_format' },
      { ...inputFormat, name: 'input' },
    ],
    apply(value, [output, input]) {
      const date = readDate(value, input);
      return date === undefined ? undefined : written(date, output);
    },
  },
  {
    name: 'timestamp',
    doc: 'Seconds since 1970, from ISO 8601 or from a format.',
    args: [inputFormat],
    apply: (value, [format]) => readDate(value, format)?.toUnixInteger(),
  },
];

function written(date: DateTime, format: PipeValue): string {
  const english = date.setLocale('en-US');
  return format === undefined ? (date.toISO() ?? '') : english.toFormat(textArgument(format));
}

/** Keeps the offset a text names. Nothing, null and blank text give undefined. */
function readDate(value: PipeValue, format: PipeValue): DateTime | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw new ValueProblem('date_expected', 'is not a date', value);
  }
  const text = String(value).trim();
  if (text === '') return undefined;

  const date = format === undefined ? readIso(text) : readInFormat(text, textArgument(format));
  if (date?.isValid === true) return date;
  throw new ValueProblem(
    'date_expected',
    `is not a date in the form ${formName(format)}${hint(text, format)}`,
    value,
  );
}

function hint(text: string, format: PipeValue): string {
  if (format === undefined) return '; for other forms name the format, as in date("dd/MM/yyyy")';
  return format === secondsFormat && /^\d{12,13}$/.test(text) ? '; for milliseconds since 1970 it is x' : '';
}

function readInFormat(text: string, format: string): DateTime | undefined {
  if (format === secondsFormat) return readEpoch(text, 1000);
  if (format === millisecondsFormat) return readEpoch(text, 1);
  try {
    return DateTime.fromFormat(text, format, { zone: 'utc', setZone: true, locale: 'en-US' });
  } catch {
    // Luxon throws for parts that contradict each other.
    return undefined;
  }
}

/** A count of units since 1970, each of so many milliseconds. */
function readEpoch(text: string, unitMs: number): DateTime | undefined {
  if (!/^-?\d{1,15}(\.\d{1,9})?$/.test(text)) return undefined;
  const date = DateTime.fromMillis(Math.round(Number(text) * unitMs), { zone: 'utc' });
  // Other years have more digits than a date has places for.
  return date.year >= 0 && date.year <= 9999 ? date : undefined;
}

/** Whole dates only: Luxon would also take "2026" or "12:30". */
function readIso(text: string): DateTime | undefined {
  if (text.length > 40 || !/^\d{4}-\d\d-\d\d/.test(text)) return undefined;
  return DateTime.fromISO(text.replace(' ', 'T'), { zone: 'utc', setZone: true });
}

/** Nothing is repeated that may be more than a format. */
function formName(format: PipeValue): string {
  if (format === undefined) return '2026-01-31';
  const text = textArgument(format);
  return /^[yLMdHhmsSaZzEcDTtfXx .,:/'-]{1,30}$/.test(text) ? text : 'that is given';
}
