import { fixedDecimals } from './fixed-decimals.ts';
import { type PipeValue, ValueProblem } from './transform.ts';

/** The character between whole and broken part. */
export type DecimalMark = '.' | ',';

const plain = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$/;
const currency = /^([+-]?)\s*[$€£¥]\s*|\s*[$€£¥]$/g;
/**
 * Groups of three with one separator throughout: a comma or a point (whichever is not the mark), a space or an apostrophe.
 * The first one begins with no zero: 0,125 is a decimal.
 */
const grouped = {
  '.': /^[+-]?[1-9]\d{0,2}(?:(?:,\d{3})+|(?: \d{3})+|(?:['’]\d{3})+)(?:\.\d+)?$/,
  ',': /^[+-]?[1-9]\d{0,2}(?:(?:\.\d{3})+|(?: \d{3})+|(?:['’]\d{3})+)(?:,\d+)?$/,
} as const;

/**
 * Reads a number as people write it in a table: `1234.5`, `1,234.50`, `$1 234`, and with the mark `,`
 * also `1.234,50`. Nothing, null and blank text are no number and give undefined.
 *
 * @throws ValueProblem for anything else, and for numbers with more digits than can be held.
 */
export function readNumber(value: PipeValue, mark: DecimalMark = '.'): number | undefined {
  if (typeof value === 'number') return value;
  const digits = readDigits(value, mark);
  if (digits === undefined) return undefined;
  const number = Number(digits);
  if (!areHeld(digits, number)) {
    throw new ValueProblem('number_too_large', 'has more digits than a number holds; send it as text', value);
  }
  return number;
}

/**
 * As `readNumber`, in the computer's notation: a text may have more decimals than a number holds.
 *
 * @throws ValueProblem for what is no number, and for whole numbers too large to be held exactly
 */
export function readDigits(value: PipeValue, mark: DecimalMark = '.'): string | undefined {
  if (typeof value === 'number') return String(value);
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new ValueProblem('number_expected', 'is not a number', value);

  const text = value.trim();
  if (text === '') return undefined;
  const digits = plain.test(text) && mark === '.' ? text : undecorated(text, mark);
  if (digits === undefined) {
    throw new ValueProblem('number_expected', `is not a number${hint(text, mark)}`, value);
  }

  if (!isHeldExactly(Number(digits))) {
    throw new ValueProblem('number_too_large', 'is too large to be held exactly; send it as text', value);
  }
  return digits;
}

/** A text with more decimals comes from a calculation, and its last ones tell nobody anything. */
const decimalsThatMatter = 12;
/** So many significant digits come back from every number that held them. */
const digitsHeld = 15;

/** True when the number, written with as many decimals as were given, is the one that was given. */
function areHeld(digits: string, number: number): boolean {
  if (digits.length <= digitsHeld) return true;
  const decimals = decimalsIn(digits);
  return decimals > decimalsThatMatter || fixedDecimals(digits, decimals) === number.toFixed(decimals);
}

/** Without zeros at the end. */
function decimalsIn(digits: string): number {
  const [mantissa = '', exponent = '0'] = digits.toLowerCase().split('e');
  const [, fraction = ''] = mantissa.split('.');
  return Math.max(0, fraction.replace(/0+$/, '').length - Number(exponent));
}

/** False for infinity and for whole numbers with neighbours that look the same. */
export function isHeldExactly(number: number): boolean {
  return Number.isInteger(number) ? Number.isSafeInteger(number) : Number.isFinite(number);
}

/** The number in the computer's notation, without currency and thousands separators. */
function undecorated(text: string, mark: DecimalMark): string | undefined {
  // Longer texts are no numbers of people.
  if (text.length > 100) return undefined;
  const bare = text.replace(currency, '$1').replace(/[\u00a0\u2009\u202f]/g, ' ');
  const ungrouped = grouped[mark].test(bare) ? bare.replace(mark === '.' ? /[, '’]/g : /[. '’]/g, '') : bare;
  const digits = mark === ',' ? (ungrouped.includes('.') ? '' : ungrouped.replace(',', '.')) : ungrouped;
  return plain.test(digits) ? digits : undefined;
}

function hint(text: string, mark: DecimalMark): string {
  const commaDecimal = text.length <= 100 && mark === '.' && undecorated(text, ',') !== undefined;
  return commaDecimal ? '; for a comma before the decimals write number(",")' : '';
}
