import { nearest } from '../domain/nearest.ts';
import { unknownName } from './name-advice.ts';
import type { Names } from './names.ts';
import type { PipeProblem } from './pipe-cursor.ts';
import { whyUndecided } from './undecided.ts';

/** What people write who know another language. */
const otherWords: readonly (readonly [RegExp, string])[] = [
  [/(^|\s)and\s/i, 'write && for and'],
  [/(^|\s)or\s/i, 'write || for or'],
  [/(^|\s|\()not\s/i, 'write ! for not'],
  [/===|!==/, 'write == and !='],
  [/<>/, 'write != for what differs'],
  [/\sis\s/i, 'write has(record.field), or record.field == null'],
  [/\s(contains|startsWith|endsWith|like)\s/i, 'write record.field.contains("text")'],
  [/[^=!<>]=[^=]/, 'write == to compare'],
  [/[^&]&[^&]/, 'write && for and'],
  [/[^|]\|[^|]/, 'pipes belong into {{ }}; write || for or'],
  [/;\s{0,9}$/, 'remove the ;'],
  [/`/, 'write texts in "quotes"'],
  [/\$/, 'write record.field, without $'],
];

const symbols: Readonly<Partial<Record<string, string>>> = {
  EOF: 'the end',
  RPAREN: ')',
  LPAREN: '(',
  RBRACKET: ']',
  LBRACKET: '[',
  RBRACE: '}',
  LBRACE: '{',
  COLON: ':',
  COMMA: ',',
  DOT: '.',
  GT: '>',
  LT: '<',
  OR: '||',
  AND: '&&',
};
const symbol = (name = '') => (Object.hasOwn(symbols, name) ? (symbols[name] ?? name) : name);

/** An expression that cannot be read. */
export function syntaxProblem(text: string, error: unknown): PipeProblem {
  const suggestion = otherWords.find(([form]) => form.test(text))?.[1];
  const problem = { at: startOf(error), message: `is no CEL expression: ${wordsFor(firstLine(error))}` };
  return suggestion === undefined ? problem : { ...problem, suggestion };
}

function wordsFor(said: string): string {
  const [, expected, found] = /^Expected (\w+), got (\w+)/.exec(said) ?? [];
  if (expected !== undefined) return `expected ${symbol(expected)}, not ${symbol(found)}`;
  const token = /^Unexpected token: (\w+)/.exec(said)?.[1];
  if (token !== undefined) return token === 'EOF' ? 'it ends too early' : `did not expect ${symbol(token)}`;
  if (said.startsWith('Unterminated string')) return 'a quote is not closed';
  if (/^Exceeded maxDepth|call stack/.test(said)) return 'it is nested too deeply';
  return said.startsWith('Unexpected character') ? 'a character that does not belong here' : said;
}

/** An expression whose parts do not fit together. Undefined: it names something that is not there. */
export function typeProblem(error: unknown): PipeProblem {
  const said = firstLine(error);
  const at = startOf(error);
  const called = /^found no matching overload for '(?:[^']*\.)?([A-Za-z_]\w*)\(/.exec(said)?.[1];
  if (called === undefined)
    return { at, message: `does not fit together: ${whyUndecided(said, []).why || said}` };
  const suggestion = said.includes('.exists(') ? 'write record.list.exists(x, x > 1)' : instead(called);
  if (functions.includes(called) && suggestion === undefined) {
    return { at, message: `${called} does not take these values` };
  }
  const problem = { at, message: `there is no function "${called}" for these values` };
  return { ...problem, suggestion: suggestion ?? `there are ${functions.join(', ')}` };
}

const functions: readonly string[] = [
  ...[
    'size',
    'has',
    'contains',
    'startsWith',
    'endsWith',
    'lowerAscii',
    'upperAscii',
    'trim',
    'split',
    'join',
  ],
  ...['indexOf', 'substring', 'int', 'double', 'string', 'timestamp', 'duration'],
  ...['exists', 'all', 'exists_one', 'filter', 'map'],
];

function instead(called: string): string | undefined {
  if (['len', 'length', 'count'].includes(called)) return 'write size(record.field)';
  if (['exists', 'defined', 'isset', 'exist'].includes(called)) return 'write has(record.field)';
  if (['float', 'number', 'parseFloat'].includes(called)) return 'write double(record.field)';
  if (['lower', 'lowercase', 'toLowerCase'].includes(called)) return 'write record.field.lowerAscii()';
  if (['upper', 'uppercase', 'toUpperCase'].includes(called)) return 'write record.field.upperAscii()';
  if (called === 'includes') return 'write record.field.contains("text")';
  if (functions.includes(called)) return undefined;
  const close = nearest(called, functions);
  return close === undefined ? undefined : `did you mean "${close}"?`;
}

/** The name that an expression uses and nothing has, if that is what is wrong with it. */
export function nameMissing(error: unknown): string | undefined {
  return /^Unknown variable: (.{1,100})$/.exec(firstLine(error))?.[1];
}

export function nameProblem(name: string, error: unknown, names: Names): PipeProblem {
  const literal = Object.hasOwn(literals, name) ? literals[name] : undefined;
  const problem = unknownName(name, names);
  return {
    at: startOf(error),
    ...problem,
    ...(literal === undefined ? {} : { suggestion: `write ${literal}` }),
  };
}

const literals: Readonly<Partial<Record<string, string>>> = {
  True: 'true',
  TRUE: 'true',
  yes: 'true',
  False: 'false',
  FALSE: 'false',
  no: 'false',
  None: 'null',
  NULL: 'null',
  nil: 'null',
  undefined: 'null',
};

function startOf(error: unknown): number {
  const range = error instanceof Error && 'range' in error ? error.range : undefined;
  return typeof range === 'object' && range !== null && 'start' in range ? Number(range.start) : 0;
}

/** Of an error of the library, which goes on with the expression; not all of it, since it may repeat a value. */
export function firstLine(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return (error.message.slice(0, 300).split('\n', 1)[0] ?? '').trim();
}
