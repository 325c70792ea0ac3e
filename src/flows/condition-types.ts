import { Environment } from '@marcbachmann/cel-js';

/** Levels of lists and maps whose types are told apart; operators need no more. */
const maxLevels = 3;

interface Evaluator {
  /** Type of the value itself: a list, a map, a text. */
  debugType(value: unknown): unknown;
  /** With the types of what is inside, as far down as it goes. */
  debugTypeDeep(value: unknown): unknown;
}

/**
 * Makes the library look only at the upper levels of a value when it looks for the operator to use.
 *
 * By itself it makes a type for every way in which lists and maps are nested, each as long as it is deep, and keeps
 * them all: two thousand records, nested sixty levels deep at random, cost 170 MB and two seconds.
 */
export function limitTypes(): void {
  const prototype = Object.getPrototypeOf(evaluator()) as Evaluator;
  const wholly = prototype.debugTypeDeep;
  let level = 0;
  prototype.debugTypeDeep = function (value) {
    if (level >= maxLevels) return this.debugType(value);
    level += 1;
    try {
      return wholly.call(this, value);
    } finally {
      level -= 1;
    }
  };
}

/** The library shows its evaluator to macros only. */
function evaluator(): Evaluator {
  let found: unknown;
  const macro = ({ args }: { readonly args: unknown }) => ({
    args,
    async: false,
    typeCheck: (checker: { getType(name: string): unknown }) => checker.getType('bool'),
    evaluate(seen: unknown) {
      found = seen;
      return true;
    },
  });
  new Environment().registerFunction('evaluator(ast): bool', macro).evaluate('evaluator(true)');
  if (typeof found === 'object' && found !== null && 'debugTypeDeep' in found && 'debugType' in found) {
    return found as Evaluator;
  }
  throw new Error('this version of the CEL library has another evaluator');
}
