import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { redactedMark } from '../domain/redacted-mark.ts';

/** Other values of the same kind, so that a flow takes them just as well. */
export const disguises: readonly ((value: JsonValue) => JsonValue)[] = [shifted, usual];

/** Every letter and digit becomes the next one. */
function shifted(value: JsonValue): JsonValue {
  if (typeof value === 'number') return Number(shiftedText(String(value)));
  if (typeof value === 'string') return shiftedText(value);
  return inside(value, shifted);
}

const shiftedText = (text: string) =>
  text.replace(/[0-9A-Za-z]/g, (char) => {
    if (char === '9') return '1';
    if (char === 'z' || char === 'Z') return char === 'z' ? 'a' : 'A';
    return String.fromCharCode(char.charCodeAt(0) + 1);
  });

/** A value that looks the same to whoever checks it. */
function usual(value: JsonValue): JsonValue {
  if (typeof value === 'number') return value === 777 ? 778 : 777;
  if (typeof value !== 'string') return inside(value, usual);
  if (/^\d{4}-\d\d-\d\d/.test(value)) return `2001-02-03${value.slice(10)}`;
  if (/^\d\d[./-]\d\d[./-]\d{4}$/.test(value)) return `03${value[2]}02${value[5]}2001`;
  if (value.includes('@')) return 'nobody@example.org';
  return /^\d+$/.test(value) ? '777' : 'Qqq';
}

function inside(value: JsonValue, change: (value: JsonValue) => JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => change(item));
  if (!isJsonObject(value)) return typeof value === 'boolean' ? !value : value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item)]));
}

/** The value with a mask wherever the other one differs: whatever was made of the fields that may not be seen. */
export function maskDifferences(value: JsonValue, other: JsonValue | undefined): JsonValue {
  if (Array.isArray(value)) {
    const others = Array.isArray(other) ? (other as readonly JsonValue[]) : [];
    return value.map((item: JsonValue, at) => maskDifferences(item, others[at]));
  }
  if (isJsonObject(value)) {
    const others = isJsonObject(other) ? other : {};
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, maskDifferences(item, others[key])]),
    );
  }
  return value === other ? value : redactedMark;
}
