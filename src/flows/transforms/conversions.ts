import { isJsonObject, type JsonValue } from '../../domain/json.ts';
import { asText, type PipeValue, type Transform, ValueProblem } from './transform.ts';

const truths = new Map<string, boolean>([
  ...['true', 'yes', 'y', '1', 'on'].map((word) => [word, true] as const),
  ...['false', 'no', 'n', '0', 'off'].map((word) => [word, false] as const),
]);

export const conversionTransforms: readonly Transform[] = [
  {
    name: 'boolean',
    doc: 'true or false, from true/false, yes/no, y/n, 1/0 or on/off.',
    args: [],
    apply(value) {
      if (value === undefined || value === null || typeof value === 'boolean') return value;
      const word =
        typeof value === 'object'
          ? '?'
          : asText(value as string | number)
              .trim()
              .toLowerCase();
      if (word === '') return undefined;
      const truth = truths.get(word);
      if (truth === undefined) {
        throw new ValueProblem('boolean_expected', 'is not true or false, yes or no', value);
      }
      return truth;
    },
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
  { name: 'parse_json', doc: 'The value that a JSON text stands for.', args: [], apply: parsed },
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
  if (!isDeeper(made, maxLevels)) return made;
  throw new ValueProblem('nested_too_deeply', `is nested more than ${maxLevels} levels deep`);
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

function isDeeper(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((item: JsonValue) => isDeeper(item, levels - 1));
}

function lookedUp(value: PipeValue, [table]: readonly PipeValue[]): PipeValue {
  if (value === undefined || value === null || !isJsonObject(table)) return undefined;
  if (typeof value === 'object') throw new ValueProblem('text_expected', 'is not a text or a number', value);
  const key = String(value);
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
