import type { JsonValue } from '../../domain/json.ts';
import { charactersOf, countCharacters } from './characters.ts';
import { asText, type PipeValue, type Transform, textArgument, ValueProblem } from './transform.ts';

const separator = { name: 'separator', kind: 'text', optional: true } as const;

export const listTransforms: readonly Transform[] = [
  {
    name: 'split',
    doc: 'A list from text, cut at "," or at another separator. Empty text gives an empty list.',
    args: [separator],
    apply(value, args) {
      if (value === undefined || value === null || Array.isArray(value)) return value;
      if (typeof value === 'object') {
        throw new ValueProblem('text_expected', 'is an object, not a text', value);
      }
      const text = asText(value as string | number | boolean);
      if (text === '') return [];
      const separator = textArgument(args[0], ',');
      return separator === '' ? charactersOf(text) : text.split(separator);
    },
  },
  {
    name: 'join',
    doc: 'Text from a list, with "," or another separator between. Anything but a list stays as it is.',
    args: [separator],
    apply: (value, args) =>
      Array.isArray(value) ? value.map(itemText).join(textArgument(args[0], ',')) : value,
  },
  { name: 'first', doc: 'The first item of a list.', args: [], apply: (value) => listOf(value)?.at(0) },
  { name: 'last', doc: 'The last item of a list.', args: [], apply: (value) => listOf(value)?.at(-1) },
  {
    name: 'size',
    aliases: ['length'],
    doc: 'How many items a list or characters a text has.',
    args: [],
    apply: (value) => (typeof value === 'string' ? countCharacters(value) : (listOf(value)?.length ?? 0)),
  },
  {
    name: 'unique',
    doc: 'The list without repeated items.',
    args: [],
    apply: (value) => withoutRepeats(listOf(value)),
  },
  {
    name: 'sort',
    doc: 'The list in order: numbers by size, texts by letter.',
    args: [],
    apply: (value) => sorted(listOf(value)),
  },
];

function listOf(value: PipeValue): readonly JsonValue[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value;
  throw new ValueProblem('list_expected', 'is not a list; split makes one from text', value);
}

function withoutRepeats(list: readonly JsonValue[] | undefined): PipeValue {
  if (list === undefined) return undefined;
  return [...new Map(list.map((item) => [JSON.stringify(item), item])).values()];
}

function sorted(list: readonly JsonValue[] | undefined): PipeValue {
  return list?.toSorted((a, b) => {
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    const [left, right] = [itemText(a), itemText(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  });
}

function itemText(item: JsonValue): string {
  if (item === null) return '';
  return typeof item === 'object' ? JSON.stringify(item) : String(item);
}
