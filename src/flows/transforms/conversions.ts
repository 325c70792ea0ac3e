import { isDeeperThan, isJsonObject, type JsonValue } from '../../domain/json.ts';
import { isHeldExactly } from './read-number.ts';
import { readTruth } from './read-truth.ts';
import { type PipeValue, type Transform, ValueProblem } from './transform.ts';

export const conversionTransforms: readonly Transform[] = [
  {
    name: 'boolean',
    doc: 'true or false, from true/false, yes/no, y/n, 1/0 or on/off.',
    args: [],
    apply: (value) => (value === null ? value : readTruth(value)),
  },
  {
    name: 'string',
    doc: 'The value as text; lists and objects become JSON.',
    args: [],
    apply: (value) => (value === undefined || value === null ? value : scalarText(value)),
  },
  {
    name: 'json',
    doc: 'The value written as JSON text.',
    args: [],
    apply: (value) => (value === undefined ? undefined : JSON.stringify(value)),
  },
  {
    name: 'parse_json',
    doc: 'The value that a JSON text stands for; fails with a whole number that would be rounded.',
    args: [],
    apply: parsed,
  },
  {
    name: 'lookup',
    doc: 'The entry of a table: lookup({de: "Germany"}) or lookup(countries) from the lookups block. Nothing when there is none.',
    args: [{ name: 'table', kind: 'table' }],
    apply: lookedUp,
  },
  {
    name: 'concat',
    doc: 'Texts one after the other: concat(source.first, " ", source.last).',
    args: [{ name: 'text', kind: 'value', many: true }],
    begins: true,
    apply: (value, args) =>
      [value, ...args].map((part) => (part === undefined ? '' : scalarText(part))).join(''),
  },
];

function scalarText(value: JsonValue): string {
  if (value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function parsed(value: PipeValue): PipeValue {
  if (typeof value !== 'string') return value;
  if (value.trim() === '') return undefined;
  const made = read(value);
  if (isDeeperThan(maxLevels, made)) {
    throw new ValueProblem('nested_too_deeply', `is nested more than ${maxLevels} levels deep`);
  }
  if (areHeldExactly(made)) return made;
  throw new ValueProblem(
    'number_too_large',
    'has a number beyond 2^53, which would be rounded; write it in quotes, as a string',
    value,
  );
}

/** True when no number of the value was rounded on its way out of the text. */
function areHeldExactly(value: JsonValue): boolean {
  if (typeof value === 'number') return isHeldExactly(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every(areHeldExactly);
}

function read(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw new ValueProblem('json_expected', 'is not JSON', text);
  }
}

/** As deep as records may be; far deeper ones could not be written as JSON again. */
const maxLevels = 64;

function lookedUp(value: PipeValue, [table]: readonly PipeValue[]): PipeValue {
  if (value === undefined || value === null || !isJsonObject(table)) return undefined;
  if (typeof value === 'object') throw new ValueProblem('text_expected', 'is not a text or a number', value);
  const key = String(value);
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
