import { transformsByName } from './transforms/catalogue.ts';

/** What people write for a transform who know another language. */
const otherNames: Readonly<Partial<Record<string, string>>> = {
  int: 'integer',
  float: 'number',
  title: 'capitalize',
  d: 'default',
  urlencode: 'url_encode',
  count: 'size',
  len: 'size',
  to_json: 'json',
  tojson: 'json',
  dump: 'json',
  from_json: 'parse_json',
  fromjson: 'parse_json',
  strftime: 'date_format',
  format_date: 'date_format',
  toString: 'string',
};
const listWords: readonly string[] = [
  ...[
    'map',
    'filter',
    'select',
    'selectattr',
    'reject',
    'rejectattr',
    'list',
    'sum',
    'groupby',
    'batch',
    'slice',
  ],
  ...['dictsort', 'items', 'min', 'max', 'reverse', 'random'],
];

/** What to write instead of a transform that there is not. */
export function transformInstead(name: string): string | undefined {
  const known = Object.hasOwn(otherNames, name) ? otherNames[name] : undefined;
  if (known !== undefined) return `write ${known}`;
  return listWords.includes(name) ? 'go over a list with for_each or type: batch' : undefined;
}

/** `map(attribute="x")` */
export const namedArguments = (called: string): string =>
  transformInstead(called) ?? 'arguments have no names here, only values';

/** What follows a value where only `|` or the end may, by how it begins, and what to write instead. */
const afterValue: readonly (readonly [RegExp, (owner: string) => string])[] = [
  [/^(==|!=|<|>|&&)/, () => 'conditions stand in when: or in a switch step'],
  [/^(and|in|is)\s/i, () => 'conditions stand in when: or in a switch step'],
  [/^(if|else)\s/i, () => 'use a switch step, or | default("other") for a value that is not there'],
  [/^\?/, () => 'use a switch step, or | default("other") for a value that is not there'],
  [/^or\s/i, () => 'write | default("other") for a value that is not there'],
  [/^~/, (owner) => `write concat(${owner}.a, ${owner}.b)`],
  [/^\+/, () => 'there are no operators; write | add(1) or concat(a, b)'],
  [/^-/, () => 'there are no operators; write | subtract(1)'],
  [/^\*/, () => 'there are no operators; write | multiply(2)'],
  [/^\//, () => 'there are no operators; write | divide(2)'],
  [/^%/, () => 'there are no operators; a python step can calculate'],
  [/^\}/, () => 'write }} to close the place'],
  [/^=/, () => 'a place only reads; results get a name by outputs:'],
];

/**
 * What to write instead of `rest`, which follows a value.
 *
 * `value` is what stands before it, and `owner` the usual word for the record.
 */
export function adviceAfter(value: string, rest: string, owner: string): string | undefined {
  const known = afterValue.find(([form]) => form.test(rest))?.[1](owner);
  if (known !== undefined) return known;
  const called = rest.startsWith('(') ? value.split('.') : [];
  if (called.length > 1) return callAdvice(called.slice(0, -1).join('.'), called.at(-1) ?? '', rest);
  return /^[\p{L}\p{N}]/u.test(rest) && value.includes('.') ? spacedKey(value, rest) : undefined;
}

/** `record.name.upper()`, `record.get("name")` */
function callAdvice(value: string, method: string, rest: string): string {
  const key = /^\(\s*["']([\p{L}_][\p{L}\p{N}_]{0,50})["']/u.exec(rest)?.[1];
  if (method === 'get' && key !== undefined) return `write ${value}.${key}`;
  const transform = transformsByName.has(method) ? method : undefined;
  return transform === undefined
    ? 'there are no methods; write | and a transform'
    : `write ${value} | ${transform}`;
}

/** `record.name trim`, `record.first name` */
function spacedKey(value: string, rest: string): string {
  const word = /^[\p{L}\p{N}_]{1,50}/u.exec(rest)?.[0] ?? '';
  if (transformsByName.has(word)) return `write | ${word}`;
  const keys = value.trimEnd().split('.');
  const more = /^[\p{L}\p{N} _-]{1,50}/u.exec(rest)?.[0].trimEnd() ?? '';
  return `a key with spaces is written ${keys.slice(0, -1).join('.')}["${keys.at(-1)} ${more}"]`;
}

/** What begins a value that is none, and what to write instead. */
export function adviceAtHead(text: string, owner: string): string | undefined {
  if (text.startsWith('{{')) {
    const end = text.indexOf('}}');
    return `write ${text
      .slice(2, end < 0 ? undefined : end)
      .trim()
      .slice(0, 100)}`;
  }
  if (text.startsWith('[')) return 'write the list itself in the file, without braces';
  if (/^not\s/i.test(text)) return 'conditions stand in when: or in a switch step';
  if (text.startsWith('|'))
    return `write what it begins with, as in ${owner}.name ${text.slice(0, 100).trim()}`;
  return text.startsWith('(') ? `write ${owner}.field` : undefined;
}
