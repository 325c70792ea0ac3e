import { isJsonObject, type JsonValue } from '../domain/json.ts';

/** What a value is, a text being what it reads as. */
export const cellTypes = [
  'integer',
  'number',
  'boolean',
  'date',
  'email',
  'url',
  'text',
  'list',
  'object',
  'empty',
] as const;
export type CellType = (typeof cellTypes)[number];

/** Longer texts are texts. */
const longestTyped = 300;

// Leading zeros and a plus sign would be lost in a number, so such texts are none.
const integer = /^-?(?:0|[1-9]\d{0,14})$/;
const decimal = /^-?(?:0|[1-9]\d{0,14})\.\d{1,15}$/;
const boolean = /^(?:true|false|yes|no)$/i;
const date =
  /^(?:\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?|\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d\d))$/;
const email = /^[^\s@]{1,64}@[^\s@]+$/;
const url = /^https?:\/\/[^\s]+$/i;

export function typeOf(value: JsonValue): CellType {
  if (typeof value === 'string') return typeOfText(value.trim());
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  if (typeof value === 'boolean') return 'boolean';
  if (value === null) return 'empty';
  return isJsonObject(value) ? 'object' : 'list';
}

function typeOfText(text: string): CellType {
  if (text === '') return 'empty';
  if (text.length > longestTyped) return 'text';
  const first = text.charCodeAt(0);
  const beginsLikeNumber = (first >= 48 && first <= 57) || first === 45;
  if (beginsLikeNumber) {
    if (integer.test(text)) return 'integer';
    if (decimal.test(text)) return 'number';
    if (date.test(text)) return 'date';
  }
  if (boolean.test(text)) return 'boolean';
  if (email.test(text) && /@[^@]+\.[^@.]+$/.test(text)) return 'email';
  return url.test(text) ? 'url' : 'text';
}

/** A spreadsheet would run the text as a formula. Numbers and phone numbers only look like it. */
export function isFormula(value: JsonValue): boolean {
  if (typeof value !== 'string') return false;
  return /^[=@\t\r]/.test(value) || /^[+-](?![\d ().,/-]*$)/.test(value);
}
