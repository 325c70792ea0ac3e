import { RecordFailure } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import { transformsByName } from '../transforms/catalogue.ts';
import { type PipeValue, ValueProblem } from '../transforms/transform.ts';

/** Operations with an item, and the key of the number they take. */
export const operands = { multiply: 'factor', divide: 'divisor' } as const;
export type Operation = keyof typeof operands;

/**
 * Multiplies or divides a number, or each number of a list. Texts are read as the transform `number` reads them.
 *
 * @throws RecordFailure of class data for what is no number, or becomes too large
 */
export function calculated(
  operation: Operation,
  item: JsonValue,
  operand: JsonValue,
  step: string,
): JsonValue {
  const by = numberOf(operand, operands[operation], step);
  if (!Array.isArray(item)) return result(operation, item, by, 'item', step);
  return item.map((each: JsonValue, at) => result(operation, each, by, `item[${at}]`, step));
}

function result(operation: Operation, value: JsonValue, by: number, name: string, step: string): number {
  const number = numberOf(value, name, step);
  return numeric(name, step, () => transformsByName.get(operation)?.apply(number, [by]));
}

function numberOf(value: JsonValue, name: string, step: string): number {
  return numeric(name, step, () => transformsByName.get('number')?.apply(value, []));
}

function numeric(name: string, step: string, calculate: () => PipeValue | symbol): number {
  try {
    const number = calculate();
    if (typeof number === 'number') return number;
    throw new ValueProblem('number_expected', 'is not a number');
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    const message = `${name.replace(/\[\d+\]/, '')} ${error.message}`;
    throw new RecordFailure({ class: 'data', code: error.code, message, step });
  }
}
