import { didYouMean } from '../connectors/did-you-mean.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { patternTrouble } from './linear-pattern.ts';
import type { Names, Scope } from './names.ts';
import type { PipeProblem } from './pipe-cursor.ts';
import type { Call, Operand } from './pipe-syntax.ts';
import { pathName, pathReader } from './record-path.ts';
import { type FormatUse, formatTrouble, isDateFormat } from './transforms/date-format.ts';
import { readNumber } from './transforms/read-number.ts';
import {
  type ArgumentKind,
  type ArgumentRule,
  isAbsent,
  maxDecimals,
  type PipeValue,
  type Transform,
  ValueProblem,
} from './transforms/transform.ts';

/** The tables of a flow's `lookups` block, by name. */
export type Lookups = Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;

/** Finds the arguments of a call in a scope. */
export type ArgumentReader = (scope: Scope) => readonly PipeValue[];

const maxCount = 10_000;

/** Checks the arguments of a call against a transform's rules, as far as they are known before a record is. */
export function compileArguments(
  call: Call,
  transform: Transform,
  lookups: Lookups,
  names: Names,
): { read: ArgumentReader } | { problem: PipeProblem } {
  const wrongNumber = countProblem(call, transform);
  if (wrongNumber !== undefined) return { problem: { at: call.at, message: wrongNumber } };

  const readers: ((scope: Scope) => PipeValue)[] = [];
  const known: PipeValue[] = [];
  for (const [position, operand] of call.args.entries()) {
    const rule = transform.args[Math.min(position, transform.args.length - 1)];
    if (rule === undefined) break;
    const named = `${rule.name} of ${call.name}`;
    if (operand.kind === 'path') {
      if (rule.kind === 'pattern') return { problem: { at: operand.at, ...readPattern(named) } };
      const read = pathReader(names.roots.get(operand.root) ?? operand.root, operand.path);
      const written = pathName([operand.root, ...operand.path]);
      readers.push((scope) => fittingOrThrow(rule, { named, written }, read(scope)));
      continue;
    }
    const value = valueOfOperand(operand, rule, lookups);
    if ('problem' in value) {
      return { problem: { ...value.problem, message: `${named}: ${value.problem.message}` } };
    }
    const { fit, fitWritten = fit } = kinds[rule.kind];
    const fitted = fitWritten(value.value);
    if (fitted === undefined) {
      return { problem: { at: operand.at, ...misfit(rule, named, value.value) } };
    }
    known.push(fitted);
    readers.push(() => fitted);
  }
  if (known.length === readers.length) return { read: () => known };
  return { read: (scope) => readers.map((read) => read(scope)) };
}

const readPattern = (named: string) => ({
  message: `${named} must stand in the flow, not in a record`,
  suggestion: 'write it in quotes',
});

function countProblem(call: Call, { args }: Transform): string | undefined {
  const least = args.filter(({ optional }) => optional !== true).length;
  const most = args.some(({ many }) => many === true) ? Number.POSITIVE_INFINITY : args.length;
  if (call.args.length >= least && call.args.length <= most) return undefined;

  const form = args
    .map(({ name, optional, many }) => `${name}${optional ? '?' : ''}${many ? ', …' : ''}`)
    .join(', ');
  return args.length === 0
    ? `${call.name} takes no arguments`
    : `wrong number of arguments for ${call.name}(${form})`;
}

type Constant = Exclude<Operand, { kind: 'path' }>;

function valueOfOperand(
  operand: Constant,
  rule: ArgumentRule,
  lookups: Lookups,
): { value: JsonValue } | { problem: PipeProblem } {
  if (operand.kind === 'table') return { value: operand.entries };
  const value = operand.kind === 'word' ? operand.word : operand.value;
  if (rule.kind !== 'table' || typeof value !== 'string') return { value };

  const table = Object.hasOwn(lookups, value) ? lookups[value] : undefined;
  if (table !== undefined) return { value: table };
  const suggestion = didYouMean(value, Object.keys(lookups)) ?? 'add it to the lookups block of the flow';
  return { problem: { at: operand.at, message: `there is no table "${value}"`, suggestion } };
}

interface Kind {
  /** What it takes. */
  readonly words: string;
  /** Makes one of a value; undefined: it cannot. */
  readonly fit: (value: JsonValue) => JsonValue | undefined;
  /** The same for one that stands in the flow, where it differs. */
  readonly fitWritten?: (value: JsonValue) => JsonValue | undefined;
  /** What can be said about a text that does not fit. */
  readonly trouble?: (text: string) => Omit<PipeProblem, 'at'> | undefined;
}

const fitText = (value: JsonValue) =>
  value === null || typeof value === 'object' ? undefined : String(value);

const dateFormat = (use: FormatUse): Kind => ({
  words: 'a date format such as "yyyy-MM-dd"',
  fit(value) {
    const text = fitText(value);
    return text !== undefined && isDateFormat(text, use) ? text : undefined;
  },
  trouble: (text) => formatTrouble(text, use),
});

/** A text with what only patterns have in it. */
const patternLike = /^\^.|\\[dwsb]|\[\^?(?:0-9|a-z|A-Z)|\.[*+]/;

const search: Kind = {
  words: 'a text',
  fit: fitText,
  fitWritten: (value) => (typeof value === 'string' && patternLike.test(value) ? undefined : fitText(value)),
  trouble: (text) => ({
    message: 'is looked for as it is, and looks like a pattern',
    suggestion: `write replace_pattern(${JSON.stringify(withoutSlashes(text))}, …)`,
  }),
};

const pattern: Kind = {
  words: 'a pattern such as "^00"',
  fit(value) {
    const text = fitText(value);
    const fits = text !== undefined && withoutSlashes(text) === text && patternTrouble(text) === undefined;
    return fits ? text : undefined;
  },
  trouble(text) {
    const bare = withoutSlashes(text);
    if (bare === text) return patternTrouble(text);
    return { message: 'has slashes around it', suggestion: `write ${JSON.stringify(bare)}` };
  },
};

/** A pattern as programs write it, without what stands around it there. */
const withoutSlashes = (text: string) => /^\/(.+)\/[gimsuy]*$/s.exec(text)?.[1] ?? text;

const kinds: Readonly<Record<ArgumentKind, Kind>> = {
  value: {
    words: 'a text, a number, true, false or null',
    fit: (value) => (isJsonObject(value) ? undefined : value),
  },
  text: { words: 'a text', fit: fitText },
  search,
  pattern,
  number: { words: 'a number', fit: (value) => (Number.isFinite(value) ? value : undefined) },
  count: {
    words: `a whole number from 0 to ${maxCount}`,
    fit: (value) => (isCount(value, maxCount) ? value : undefined),
  },
  decimals: {
    words: `a whole number from 0 to ${maxDecimals}, since numbers hold no more decimals`,
    fit: (value) => (isCount(value, maxDecimals) ? value : undefined),
  },
  mark: { words: '"." or ","', fit: (value) => (value === '.' || value === ',' ? value : undefined) },
  table: {
    words: 'a table such as {de: "Germany"}, or the name of one',
    fit: (value) => (isJsonObject(value) ? value : undefined),
  },
  read_format: dateFormat('read'),
  written_format: dateFormat('write'),
};

function misfit({ kind }: ArgumentRule, named: string, value: JsonValue): Omit<PipeProblem, 'at'> {
  const { words, trouble } = kinds[kind];
  const found = typeof value === 'string' ? trouble?.(value) : undefined;
  return found === undefined
    ? { message: `${named} must be ${words}` }
    : { ...found, message: `${named} ${found.message}` };
}

function isCount(value: JsonValue, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
}

/** An argument, and the path that it is read from. */
interface ReadArgument {
  readonly named: string;
  readonly written: string;
}

function fittingOrThrow(
  { kind }: ArgumentRule,
  { named, written }: ReadArgument,
  value: PipeValue,
): PipeValue {
  if (kind === 'value') return value;
  const isNumeric = kind === 'number' || kind === 'count' || kind === 'decimals';
  const candidate = isNumeric ? readAsNumber(value) : value;
  const fitted = candidate === undefined ? undefined : kinds[kind].fit(candidate);
  if (fitted !== undefined) return fitted;
  const found = value === undefined ? 'is not there' : isAbsent(value) ? 'is empty' : 'is something else';
  throw new ValueProblem(
    'argument_invalid',
    `needs ${kinds[kind].words} as ${named}, and ${written} ${found}`,
    value,
  );
}

/** Numbers from a table are texts, which are read as where a mapping asks for a number. */
function readAsNumber(value: PipeValue): PipeValue {
  try {
    return readNumber(value) ?? value;
  } catch (error) {
    if (error instanceof ValueProblem) return value;
    throw error;
  }
}
