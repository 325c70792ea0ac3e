import { Environment } from '@marcbachmann/cel-js';
import { RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { PathRead } from './compile-pipe.ts';
import { firstLine, nameMissing, nameProblem, syntaxProblem, typeProblem } from './condition-problems.ts';
import { type ConditionPath, conditionTree, isTooDeep, pathsOf, unfitCall } from './condition-tree.ts';
import { limitTypes } from './condition-types.ts';
import { jsonOf, seenBy } from './condition-values.ts';
import { memberProblem } from './name-advice.ts';
import { type Names, type Scope, withNames } from './names.ts';
import type { PipeProblem } from './pipe-cursor.ts';
import { whyUndecided } from './undecided.ts';

/** An expression of the Common Expression Language (https://cel.dev), compiled once. */
export interface Condition {
  readonly reads: readonly PathRead[];
  /** @throws RecordFailure of class data when it cannot be decided, or is neither true nor false. */
  holds(scope: Scope): boolean;
  /** @throws RecordFailure of class data when it cannot be computed. */
  value(scope: Scope): JsonValue;
}

/** What an expression is for: to decide something, or to give any value. */
export type ConditionUse = 'decision' | 'value';

const maxCharacters = 10_000;
/** Names that are missing from one expression; more would help nobody. */
const maxNamesMissing = 10;

limitTypes();
const cel = new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true });
// Numbers of JSON are doubles, and people write whole ones: record.amount + 1.
cel.registerOperator('double + int', (a: number, b: bigint) => a + Number(b));
cel.registerOperator('int + double', (a: bigint, b: number) => Number(a) + b);
cel.registerOperator('double - int', (a: number, b: bigint) => a - Number(b));
cel.registerOperator('int - double', (a: bigint, b: number) => Number(a) - b);
cel.registerOperator('double * int', (a: number, b: bigint) => a * Number(b));
cel.registerOperator('int * double', (a: bigint, b: number) => Number(a) * b);
cel.registerOperator('double / int', (a: number, b: bigint) => a / Number(b));
cel.registerOperator('int / double', (a: bigint, b: number) => Number(a) / b);
cel.registerOperator('double % int', (a: number, b: bigint) => a % Number(b));
cel.registerOperator('int % double', (a: bigint, b: number) => Number(a) % b);
cel.registerOperator('double % double', (a: number, b: number) => a % b);
// The library has int == double, and != goes by ==. An operator for `in` would overlap with the one for any value.
cel.registerOperator('double == int', (a: number, b: bigint) => Number.isInteger(a) && BigInt(a) === b);

type Program = ReturnType<Environment['parse']>;

/** Compiles a condition. `field` names what it is for, such as `when`. */
export function compileCondition(
  text: string,
  field: string,
  names: Names,
  use: ConditionUse = 'value',
): { condition: Condition } | { problems: readonly PipeProblem[] } {
  const wrong = formProblem(text);
  if (wrong !== undefined) return { problems: [wrong] };
  const parsed = parse(text, names);
  if ('problem' in parsed) return { problems: [parsed.problem] };
  const { program } = parsed;
  const tree = conditionTree(program.ast);
  if (isTooDeep(tree)) return { problems: [{ at: 0, message: 'is nested too deeply' }] };
  const unfit = unfitCall(tree);
  if (unfit !== undefined) return { problems: [unfit] };
  const reads = pathsOf(tree, names.roots);
  const problems = [
    ...reads.flatMap(({ root, path, at }): PipeProblem[] => {
      const problem = memberProblem(root, path, names);
      return problem === undefined ? [] : [{ at, ...problem }];
    }),
    ...checked(text, program, names, use),
  ];
  if (problems.length > 0) return { problems };

  const value = (scope: Scope): JsonValue => {
    try {
      return jsonOf(program(seenBy(scope, reads)));
    } catch (error) {
      throw undecided(field, text, error, reads);
    }
  };
  const holds = (scope: Scope): boolean => {
    const found = value(scope);
    if (typeof found === 'boolean') return found;
    const message = `${field}: ${shortened(text)} is neither true nor false`;
    throw new RecordFailure({ class: 'data', code: 'condition_not_boolean', message });
  };
  const paths = reads.map(({ root, path }) => ({ root, path, required: false }));
  return { condition: { reads: paths, holds, value } };
}

function formProblem(text: string): PipeProblem | undefined {
  if (text.trim() === '') {
    return { at: 0, message: 'is empty', suggestion: 'write a condition such as record.total > 10' };
  }
  if (text.length > maxCharacters) return { at: 0, message: `has more than ${maxCharacters} characters` };
  const at = text.search(/\{\{|\{%/);
  if (at < 0) return undefined;
  const bare = text.replaceAll(/\{\{|\}\}/g, '').trim();
  const suggestion = text.includes('{%') ? 'write record.total > 10' : `write ${shortened(bare)}`;
  return { at, message: 'a condition takes no braces', suggestion };
}

function parse(text: string, names: Names): { program: Program } | { problem: PipeProblem } {
  const environment = cel.clone();
  for (const name of names.roots.keys()) environment.registerVariable(name, 'dyn');
  try {
    return { program: environment.parse(text) };
  } catch (error) {
    return { problem: syntaxProblem(text, error) };
  }
}

/** What is wrong with the names and types of an expression, every missing name on its own. */
function checked(text: string, program: Program, names: Names, use: ConditionUse): PipeProblem[] {
  const missing: string[] = [];
  const problems: PipeProblem[] = [];
  let check = program.check();
  while (!check.valid) {
    const name = nameMissing(check.error);
    if (name === undefined || missing.includes(name)) return [...problems, typeProblem(check.error)];
    missing.push(name);
    problems.push(nameProblem(name, check.error, names));
    if (missing.length === maxNamesMissing) return problems;
    const again = parse(text, withNames(names, missing));
    if ('problem' in again) return problems;
    check = again.program.check();
  }
  const { type = 'dyn' } = check;
  if (use === 'value' || type === 'bool' || type === 'dyn') return problems;
  return [
    ...problems,
    { at: 0, message: 'is neither true nor false', suggestion: 'compare it with something' },
  ];
}

function undecided(
  field: string,
  text: string,
  error: unknown,
  reads: readonly ConditionPath[],
): RecordFailure {
  const { why, said } = whyUndecided(firstLine(error), reads);
  return new RecordFailure({
    class: 'data',
    code: 'condition_failed',
    message: `${field}: ${shortened(text)} cannot be decided${why === '' ? '' : `: ${why}`}`,
    ...(said === undefined ? {} : { untrustedMessage: said }),
  });
}

const shortened = (text: string) => (text.length <= 100 ? text : `${text.slice(0, 99)}…`);
