import pg from 'pg';
import type { JsonValue } from '../domain/json.ts';
import { exactJson } from './exact-json.ts';

type Reader = (text: string) => JsonValue;

/** A value as the server takes it, which decides its type by where it stands; lists and objects as JSON. */
export function boundValue(value: JsonValue): string | number | boolean | null {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}

/** What makes a value of the text in which Postgres writes a type. Types without a rule stay texts. */
export function readerOf(type: number): Reader {
  const element = elementTypes.get(type);
  if (element === undefined) return readers.get(type) ?? ((text) => text);
  const read = readers.get(element) ?? ((text) => text);
  return (text) => each(textList(text), read);
}

/** Finds the pieces of a list of any type, lists in it included. */
const textLists: number = 1009;
const textList = pg.types.getTypeParser(textLists, 'text') as (text: string) => TextList;
type TextList = readonly (string | null | TextList)[];

function each(list: TextList, read: Reader): JsonValue {
  return list.map((item) => {
    if (item === null) return null;
    return typeof item === 'string' ? read(item) : each(item, read);
  });
}

/** Postgres' numbers for its types. */
const type = {
  bool: 16,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  oid: 26,
  json: 114,
  float4: 700,
  float8: 701,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  jsonb: 3802,
} as const;

const readers: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [type.bool, (text) => text === 't'],
  [type.int2, Number],
  [type.int4, Number],
  [type.oid, Number],
  [type.int8, wholeNumber],
  [type.numeric, decimal],
  [type.float4, float],
  [type.float8, float],
  [type.timestamp, isoTime],
  [type.timestamptz, isoTime],
  [type.json, exactJson],
  [type.jsonb, exactJson],
]);

/** By the type of a list. */
const elementTypes: ReadonlyMap<number, number> = new Map([
  [199, type.json],
  [1000, type.bool],
  [1005, type.int2],
  [1007, type.int4],
  [textLists, type.text],
  [1015, type.text],
  [1016, type.int8],
  [1021, type.float4],
  [1022, type.float8],
  [1028, type.oid],
  [1115, type.timestamp],
  [1182, type.text],
  [1185, type.timestamptz],
  [1231, type.numeric],
  [2951, type.text],
  [3807, type.jsonb],
]);

function wholeNumber(text: string): JsonValue {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
}

/** A number as long as JSON can carry the same value: up to 15 digits. */
function decimal(text: string): JsonValue {
  const digits = text.replace(/^-?0*\.?0*|\.|0+$/g, '');
  const value = Number(text);
  return digits.length <= 15 && Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : text;
}

function float(text: string): JsonValue {
  const value = Number(text);
  return Number.isFinite(value) ? value : text;
}

/** `2024-01-31 10:00:00.5+02` → `2024-01-31T10:00:00.5+02:00`; years before Christ and infinity stay as they are. */
function isoTime(text: string): JsonValue {
  const match = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(?:([+-]\d\d)(:\d\d)?)?$/.exec(text);
  if (match === null) return text;
  const [, date, time, hours, minutes = ':00'] = match;
  if (hours === undefined) return `${date}T${time}`;
  return hours === '+00' && minutes === ':00' ? `${date}T${time}Z` : `${date}T${time}${hours}${minutes}`;
}
