import type { JsonValue } from '../../domain/json.ts';

/** The value of a field that is left out of the result. */
export const omitted: unique symbol = Symbol('omitted');

/** A value on its way through a pipe; undefined is what a path finds where nothing is. */
export type PipeValue = JsonValue | undefined;

/**
 * What an argument has to be. `table` is a map from values to values: written in place, or the name of one
 * in the flow's `lookups`. The formats are those of dates that are read or written. `search` is a text that is
 * looked for as it is, `pattern` a regular expression, which stands in the flow.
 */
export type ArgumentKind =
  | 'text'
  | 'search'
  | 'pattern'
  | 'count'
  | 'decimals'
  | 'number'
  | 'value'
  | 'mark'
  | 'table'
  | 'read_format'
  | 'written_format';

/** Decimals that a number surely holds. */
export const maxDecimals = 15;

export interface ArgumentRule {
  readonly name: string;
  readonly kind: ArgumentKind;
  readonly optional?: boolean;
  /** Any number of arguments from here on. */
  readonly many?: boolean;
}

/** One word of the mapping language. */
export interface Transform {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** One line for the reference. */
  readonly doc: string;
  readonly args: readonly ArgumentRule[];
  /** It may stand at the beginning of a pipe, without a value before it. */
  readonly begins?: boolean;
  /**
   * The arguments have been checked against `args`; those that are optional may be undefined.
   *
   * @throws ValueProblem when the value cannot be used.
   */
  readonly apply: (value: PipeValue, args: readonly PipeValue[]) => PipeValue | typeof omitted;
}

/** A transform cannot use the value of a record. */
export class ValueProblem extends Error {
  override readonly name = 'ValueProblem';
  /** Stable word for the failure. */
  readonly code: string;
  /** The value, when it helps to see it. */
  readonly value: PipeValue;

  /** `reason` follows the name of the field: "is not a number". */
  constructor(code: string, reason: string, value?: PipeValue) {
    super(reason);
    this.code = code;
    this.value = value;
  }
}

/** True for what counts as no value: nothing, null, and the empty text of an empty cell. */
export function isAbsent(value: PipeValue): value is undefined | null | '' {
  return value === undefined || value === null || value === '';
}

/** A scalar as text. */
export function asText(value: string | number | boolean): string {
  return typeof value === 'string' ? value : String(value);
}

/** An argument that is known to be a text, or what it is by default. */
export function textArgument(value: PipeValue, byDefault = ''): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? asText(value)
    : byDefault;
}

/** An argument that is known to be a number, or what it is by default. */
export function numberArgument(value: PipeValue, byDefault = 0): number {
  return typeof value === 'number' ? value : byDefault;
}

/**
 * Makes a transform of text. Nothing and null pass through untouched, numbers and booleans are taken as
 * text, and a list is transformed item by item.
 */
export function textTransform(
  name: string,
  doc: string,
  args: readonly ArgumentRule[],
  change: (text: string, args: readonly PipeValue[]) => PipeValue,
  aliases: readonly string[] = [],
): Transform {
  const apply = (value: PipeValue, given: readonly PipeValue[]): PipeValue => {
    if (typeof value === 'string') return change(value, given);
    if (value === undefined || value === null) return value;
    if (typeof value === 'number' || typeof value === 'boolean') return change(String(value), given);
    if (Array.isArray(value)) return value.map((item: JsonValue) => apply(item, given) ?? null);
    throw new ValueProblem('text_expected', 'is an object, not a text', value);
  };
  return { name, doc, args, apply, aliases };
}
