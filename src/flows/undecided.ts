import { foreignText } from '../connectors/foreign-text.ts';
import type { PathRead } from './compile-pipe.ts';
import { pathName } from './record-path.ts';

type Reads = readonly Pick<PathRead, 'root' | 'path'>[];

/** Why an expression came to nothing; `said` is a text of others that may repeat a value. */
export interface Undecided {
  readonly why: string;
  readonly said?: string;
}

/** In words of people what the library says of an expression that could not be computed for a record. */
export function whyUndecided(said: string, reads: Reads): Undecided {
  for (const [form, explained] of forms) {
    const found = form.exec(said);
    if (found !== null) return explained(found, reads);
  }
  const text = foreignText(said);
  return { why: '', ...(text === undefined ? {} : { said: text }) };
}

const forms: readonly (readonly [RegExp, (found: RegExpExecArray, reads: Reads) => Undecided])[] = [
  [/^No such key: index out of bounds/, () => ({ why: 'a list has no item at this position' })],
  [/^No such key: (.*)$/s, ([, key = ''], reads) => missing(key, reads)],
  [
    /^no such overload: (?:dyn<)?([\w.]+).*? ([^\s\w]+|in) (?:dyn<)?([\w.]+(?:<(?:int|double)>)?)/,
    ([, left = '', operator = '', right = '']) => ({ why: unfit(left, operator, right) }),
  ],
  [
    /^found no matching overload for '(?:[^']*\.)?([A-Za-z_]\w*)\(/,
    ([, called]) => ({ why: `${called} does not take these values` }),
  ],
  [/^([a-z]+)\(\) /, ([, called]) => ({ why: `the value is none that ${called}() can read` })],
  [
    /^(?:Logical operator|Ternary condition|no such overload: !)/,
    () => ({ why: '&&, ||, ! and ? : take true or false; compare the value with something' }),
  ],
];

/** Only a key that the expression itself names is no text of others. */
function missing(key: string, reads: Reads): Undecided {
  const read = reads.find(({ path }) => path.includes(key));
  if (read !== undefined) {
    const name = pathName([read.root, ...read.path.slice(0, read.path.indexOf(key) + 1)]);
    return { why: `${name} is not there; has(${name}) asks whether it is` };
  }
  const said = foreignText(key);
  return {
    why: 'a key is not there; "name" in record asks whether it is',
    ...(said === undefined ? {} : { said }),
  };
}

function unfit(left: string, operator: string, right: string): string {
  const types = [left, right];
  const why = `${typeWord(left)} ${operator} ${typeWord(right)} means nothing`;
  const isNumber = types.some((type) => type === 'int' || type === 'double');
  if (types.includes('string') && isNumber) {
    return `${why}; a field of the record is a text: write double(record.field)`;
  }
  if (types.includes('string') && types.includes(time)) {
    return `${why}; a field of the record is a text: write timestamp(record.field)`;
  }
  if (operator === 'in' && Object.hasOwn(otherForms, `${left} in ${right}`)) {
    return `${why}; write the numbers of the list as ${otherForms[`${left} in ${right}`]}`;
  }
  return types.includes('null')
    ? `${why}; a field of the record is null: ask record.field != null first`
    : why;
}

const time = 'google.protobuf.Timestamp';

/** How the items of a list are written to be numbers of the same kind. */
const otherForms: Readonly<Partial<Record<string, string>>> = {
  'double in list<int>': '5.0',
  'int in list<double>': '5',
};

const typeWords: Readonly<Partial<Record<string, string>>> = {
  string: 'a text',
  int: 'a number',
  double: 'a number',
  bool: 'a truth value',
  [time]: 'a time',
  'google.protobuf.Duration': 'a duration',
  'list<int>': 'a list',
  'list<double>': 'a list',
};

const typeWord = (type: string) =>
  (Object.hasOwn(typeWords, type) ? typeWords[type] : undefined) ?? (type === 'null' ? 'null' : `a ${type}`);
