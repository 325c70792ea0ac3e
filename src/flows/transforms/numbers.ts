import { exact } from './exact.ts';
import { fixedDecimals } from './fixed-decimals.ts';
import { type DecimalMark, isHeldExactly, readDigits, readNumber } from './read-number.ts';
import {
  type ArgumentRule,
  maxDecimals,
  numberArgument,
  type PipeValue,
  type Transform,
  ValueProblem,
} from './transform.ts';

const mark: ArgumentRule = { name: 'decimal_mark', kind: 'mark', optional: true };
const decimals: ArgumentRule = { name: 'decimals', kind: 'decimals' };
const other: ArgumentRule = { name: 'number', kind: 'number' };

export const numberTransforms: readonly Transform[] = [
  {
    name: 'number',
    doc: 'A number from text such as "1,234.50"; number(",") reads "1.234,50". "007" gives 7. Refuses one whose digits a number does not hold, such as 99999999999999.99; fixed(2) keeps it as text.',
    args: [mark],
    apply: (value, args) => readNumber(value, markOf(args[0])),
  },
  {
    name: 'integer',
    doc: 'A whole number; text is read as by number.',
    args: [mark],
    apply(value, args) {
      const number = readNumber(value, markOf(args[0]));
      if (number === undefined || Number.isSafeInteger(number)) return number;
      throw new ValueProblem('integer_expected', 'is not a whole number', value);
    },
  },
  numeric(
    'decimal',
    `The number rounded to this many decimals, at most ${maxDecimals}.`,
    [decimals],
    (number, places) => rounded(number, places),
  ),
  numeric(
    'round',
    `Rounded to this many decimals, at most ${maxDecimals}, 0 unless given; halves away from zero.`,
    [{ ...decimals, optional: true }],
    rounded,
  ),
  {
    name: 'fixed',
    doc: 'Text with exactly this many decimals: 3.5 | fixed(2) is "3.50".',
    args: [{ name: 'decimals', kind: 'count' }],
    apply(value, args) {
      const digits = readDigits(value);
      return digits === undefined ? undefined : fixedDecimals(digits, numberArgument(args[0]));
    },
  },
  numeric('abs', 'Without its sign.', [], (number) => Math.abs(number)),
  numeric('floor', 'The whole number below.', [], (number) => Math.floor(number)),
  numeric('ceil', 'The whole number above.', [], (number) => Math.ceil(number)),
  numeric('add', 'The sum with a number.', [other], (number, by) => exact(number + by, number, by), ['plus']),
  numeric('subtract', 'Less a number.', [other], (number, by) => exact(number - by, number, by), ['minus']),
  numeric('multiply', 'Times a number.', [other], (number, by) => exact(number * by), ['times']),
  numeric('divide', 'Divided by a number.', [other], divided, ['divided_by']),
];

/** A transform of numbers. Text is read as by `number`; nothing, null and blank text pass as nothing. */
function numeric(
  name: string,
  doc: string,
  args: readonly ArgumentRule[],
  calculate: (number: number, argument: number) => number,
  aliases: readonly string[] = [],
): Transform {
  const apply = (value: PipeValue, given: readonly PipeValue[]): PipeValue => {
    const number = readNumber(value);
    if (number === undefined) return undefined;
    const result = calculate(number, numberArgument(given[0]));
    if (!isHeldExactly(result)) {
      throw new ValueProblem('number_too_large', 'becomes too large to calculate', value);
    }
    return result;
  };
  return { name, doc, args, apply, aliases };
}

function markOf(argument: PipeValue): DecimalMark {
  return argument === ',' ? ',' : '.';
}

/** Rounds the decimal notation, not the binary number, so that 1.005 to two places is 1.01. */
function rounded(number: number, places: number): number {
  return Number(fixedDecimals(String(number), places)) || 0;
}

function divided(number: number, by: number): number {
  if (by === 0) throw new ValueProblem('division_by_zero', 'is divided by zero');
  return exact(number / by);
}
