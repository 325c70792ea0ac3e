import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { typeOf } from './cell-type.ts';

const secretKey = /pass(word|wd)?$|secret|token|api[-_ ]?key|credential|^(iban|bic|ssn|cvv|cvc|pin)$/i;
const phoneKey = /phone|mobile|telefon|^(tel|fax|cell)$/i;
const emails = /([^\s@<>"',;])[^\s@<>"',;]{0,63}@([^\s@<>"',;]+)/g;
const phones = /^(\+?\d{2})[\d ()./-]{3,}(\d\d)$/;
const account = /\b([A-Z]{2}\d\d)(?: ?[A-Z0-9]){9,28}([A-Z0-9]{2})\b/g;
const longNumber = /\b(\d{2})\d{9,17}(\d{2})\b/g;
/** As it stands on a card: 4-4-4-4, with fewer or more at the end, or 4-6-5. No date has such groups. */
const cardNumber =
  /(?<![\w-])(\d{2})\d{2}([ -])(?:(?:\d{4}\2){3}\d?|(?:\d{4}\2){2}\d{0,5}|\d{6}\2\d{2,3})(\d{2})(?![\w-])/g;
/** Anywhere in a text, 8 to 15 digits: prices with a sign have fewer, and offsets of times begin with 0. */
const phoneInText =
  /(?<![\w+])(\+[1-9]\d?)(?:(?:[ ()/-]{0,2}|\.(?=\d{3}))\d){4,11}[ ()/.-]{0,2}(\d\d)(?!\d)/g;
const longToken = /(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])([\w-]{4})[\w.~+/=-]{16,}/g;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Longer texts are masked up to here and cut. */
const longestShown = 200;

/** Deeper values are left out: a record that holds such is refused. */
const levelsShown = 64;

/** A value with everything masked that looks like personal data or a secret: `e***@example.com`, `+49***12`. */
export function maskedValue(value: JsonValue, key = '', levels = levelsShown): JsonValue {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'object' && levels === 0) return '…';
  if (Array.isArray(value)) return value.map((item: JsonValue) => maskedValue(item, key, levels - 1));
  if (isJsonObject(value)) {
    const masked = (name: string, inner: JsonValue) => [name, maskedValue(inner, name, levels - 1)] as const;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => masked(name, inner)));
  }
  if (secretKey.test(key)) return '***';
  if (typeof value === 'string') return maskedText(value, key);
  const masked = maskedText(String(value), key);
  return masked === String(value) ? value : masked;
}

function maskedText(given: string, key: string): string {
  const text = given.length <= longestShown ? given : `${given.slice(0, longestShown)}…`;
  if (uuid.test(text) || typeOf(text) === 'date') return text;
  if (isPhone(text.trim(), key)) return text.trim().replace(phones, '$1***$2');
  return text
    .replace(emails, '$1***@$2')
    .replace(account, '$1***$2')
    .replace(phoneInText, '$1***$2')
    .replace(cardNumber, '$1***$3')
    .replace(longNumber, '$1***$2')
    .replace(longToken, '$1***');
}

/** A bare number is one only under a name that says so. */
const isPhone = (text: string, key: string) =>
  phones.test(text) && (phoneKey.test(key) || /^[+0]/.test(text)) && text.replace(/\D/g, '').length >= 6;
