import { maxDecimals } from './transform.ts';

/**
 * Drops the dust of binary fractions: 0.1 + 0.2 is 0.3. Dust is what the operands may be off by, and less than a millionth
 * of a millionth: digits of large numbers that were given stay. `operands` are left out where the result is as exact as
 * they are.
 */
export function exact(number: number, ...operands: readonly number[]): number {
  if (Number.isInteger(number)) return number;
  const short =
    operands.length > 0 ? inDecimalsOf(operands, number) : Number(number.toPrecision(maxDecimals));
  const dust = Math.max(1e-12, 2 * Number.EPSILON * Math.max(...[number, ...operands].map(Math.abs)));
  return Math.abs(short - number) <= dust ? short : number;
}

/** A sum or difference has no more decimals than its operands; where digits cancel, fewer digits are dust. */
function inDecimalsOf(operands: readonly number[], number: number): number {
  const decimals = Math.max(...operands.map(decimalsOf));
  return decimals > 100 ? number : Number(number.toFixed(decimals));
}

/** Decimals of a number as it is written. */
function decimalsOf(number: number): number {
  const [digits = '', exponent = '0'] = String(number).split('e');
  const written = digits.split('.')[1]?.length ?? 0;
  return Math.max(0, written - Number(exponent));
}
