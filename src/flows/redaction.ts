import type { Failure } from '../domain/failure.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { redactedMark } from '../domain/redacted-mark.ts';
import { visibleText } from '../domain/visible-text.ts';

/** Shorter values would be found by chance in any text. */
const shortestFound = 3;

/** Shorter numbers are only found as they are written. */
const fewestDigits = 6;

/** Keeps the fields that a flow names under `redact` out of everything that is shown. */
export interface Redaction {
  /** The payload, or the list of payloads of a chunk, with the fields masked; the same when it has none of them. */
  payload(value: JsonValue): JsonValue;
  /** The text with the values of the fields masked wherever it repeats them, in whatever case. */
  text(text: string, payload: JsonValue): string;
  /** The value with the fields' values masked in every text inside it. */
  within(value: JsonValue, payload: JsonValue): JsonValue;
  /** The same for what sums records up: numbers in it are its own. */
  texts(value: JsonValue, payloads: readonly JsonValue[]): JsonValue;
  failure(failure: Failure, payload: JsonValue): Failure;
  /** The payload with other values in the fields; undefined: it has none of them. */
  disguised(payload: JsonValue, change: (found: JsonValue) => JsonValue): JsonValue | undefined;
}

/** Masks nothing. */
export const noRedaction: Redaction = {
  payload: (value) => value,
  text: (text) => text,
  within: (value) => value,
  texts: (value) => value,
  failure: (failure) => failure,
  disguised: () => undefined,
};

/** Masks everything: stands in where nobody can tell which fields a flow names. */
export const fullRedaction: Redaction = {
  payload: () => redactedMark,
  text: () => redactedMark,
  within: () => redactedMark,
  texts: () => redactedMark,
  failure: ({ untrustedMessage: _, ...failure }) => failure,
  disguised: () => undefined,
};

/**
 * The redaction of dotted paths such as `address.street`. A path goes through lists by itself, and a key that
 * holds the dots is found as well.
 */
export function redactionOf(paths: readonly string[] | undefined): Redaction {
  if (paths === undefined || paths.length === 0) return noRedaction;
  const keyPaths = paths.map((path) => path.replaceAll('[]', '').split('.'));
  const text = (given: string, payload: JsonValue) => maskIn(given, spellingsIn(payload, keyPaths));
  return {
    payload: (value) =>
      keyPaths.reduce((shown, keys) => mapAt(shown, keys, () => redactedMark), withoutRaw(value)),
    text,
    within(value, payload) {
      const spellings = spellingsIn(payload, keyPaths);
      return spellings.length === 0 ? value : mapTexts(value, (inner) => maskIn(inner, spellings));
    },
    texts(value, payloads) {
      const spellings = spellingsIn([...payloads], keyPaths);
      return spellings.length === 0
        ? value
        : mapTexts(value, (inner) => maskIn(inner, spellings), keptNumber);
    },
    failure(failure, payload) {
      const { untrustedMessage: said } = failure;
      return {
        ...failure,
        message: text(failure.message, payload),
        ...(said === undefined ? {} : { untrustedMessage: text(said, payload) }),
      };
    },
    disguised(payload, change) {
      let isFound = false;
      const other = keyPaths.reduce(
        (value, keys) =>
          mapAt(value, keys, (found) => {
            isFound = true;
            return change(found);
          }),
        payload,
      );
      return isFound ? other : undefined;
    },
  };
}

/** What could be read of a bad row: any field may be in it, and anywhere when it has too many cells. */
const rawKeys = /^_(?:text|preview|cell_\d+)$/;

function withoutRaw(payload: JsonValue): JsonValue {
  if (!isJsonObject(payload)) return payload;
  const keys = Object.keys(payload);
  if (!keys.some((key) => rawKeys.test(key))) return payload;
  const isShifted = keys.some((key) => key.startsWith('_cell_'));
  return Object.fromEntries(
    Object.entries(payload).map(([key, value]) => [
      key,
      isShifted || rawKeys.test(key) ? redactedMark : value,
    ]),
  );
}

/** The value with `change` applied to whatever stands at a path; copies only what changes. */
function mapAt(
  value: JsonValue,
  keys: readonly string[],
  change: (found: JsonValue) => JsonValue,
): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => mapAt(item, keys, change));
  if (!isJsonObject(value)) return value;
  // `a.b.c` may be one key, a key `a.b` with `c` below it, and so on.
  const ways = keys
    .map((_, at) => keys.slice(0, at + 1).join('.'))
    .filter((key) => Object.hasOwn(value, key));
  if (ways.length === 0) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, JsonValue] => {
    if (!ways.includes(key)) return [key, inner];
    const below = keys.slice(key.split('.').length);
    return [key, below.length === 0 ? masked(inner, change) : mapAt(inner, below, change)];
  });
  return Object.fromEntries(entries);
}

/** What is not there tells nothing, and a mask would say that it were. */
const masked = (found: JsonValue, change: (found: JsonValue) => JsonValue) =>
  found === null || found === '' ? found : change(found);

/** The ways in which a text may repeat the fields' values, the longest first. */
function spellingsIn(payload: JsonValue, keyPaths: readonly (readonly string[])[]): string[] {
  const found = new Set<string>();
  for (const keys of keyPaths) {
    mapAt(payload, keys, (value) => {
      for (const text of leavesOf(value)) for (const spelling of spellingsOf(text)) found.add(spelling);
      return value;
    });
  }
  return [...found].sort((a, b) => b.length - a.length);
}

function leavesOf(value: JsonValue): string[] {
  if (value === null || typeof value === 'boolean') return [];
  if (typeof value !== 'object') return [String(value)];
  return Object.values(value).flatMap((inner: JsonValue) => leavesOf(inner));
}

/** As it is, in one line as texts of others are shown, inside JSON, in a path, and in a query or form. */
function spellingsOf(text: string): string[] {
  const trimmed = text.trim();
  const sent = trimmed.toWellFormed();
  return [
    trimmed,
    visibleText(trimmed).replace(/\s+/g, ' ').trim(),
    JSON.stringify(trimmed).slice(1, -1),
    encodeURIComponent(sent),
    new URLSearchParams({ '': sent }).toString().slice(1),
  ].filter(({ length }) => length >= shortestFound);
}

/** Characters that are looked for in one pattern; V8 refuses those of some thousands. */
const longestPattern = 1000;

function maskIn(text: string, spellings: readonly string[]): string {
  if (spellings.length === 0 || text === '') return text;
  const long = spellings.filter(({ length }) => length > longestPattern && length <= text.length);
  const withoutLong = long.reduce(maskLong, text);
  const short = spellings.filter(({ length }) => length <= longestPattern).map(patternOf);
  const masked = inGroups(short).reduce(
    (shown, patterns) => shown.replace(new RegExp(patterns.join('|'), 'giu'), redactedMark),
    withoutLong,
  );
  return masked.endsWith('…') ? withoutBeginning(masked, spellings) : masked;
}

/** Each as many as may stand in one pattern, at least one. */
function inGroups(patterns: readonly string[]): string[][] {
  const groups: string[][] = [];
  let room = 0;
  for (const pattern of patterns) {
    room -= pattern.length;
    if (room < 0) {
      groups.push([]);
      room = longestPattern - pattern.length;
    }
    groups.at(-1)?.push(pattern);
  }
  return groups;
}

/** Finds a long value piece by piece. */
function maskLong(text: string, spelling: string): string {
  const [first = '', ...rest] = [...spelling.matchAll(/.{1,500}/gsu)].map(([piece]) => escaped(piece));
  const others = rest.map((piece) => new RegExp(piece, 'iuy'));
  let [masked, end] = ['', 0];
  for (const begin of text.matchAll(new RegExp(first, 'giu'))) {
    const at = endOf(others, text, begin.index + begin[0].length);
    if (at === undefined || begin.index < end) continue;
    masked += text.slice(end, begin.index) + redactedMark;
    end = at;
  }
  return masked + text.slice(end);
}

/** Where the pieces end that follow each other from `at` on; undefined: they do not. */
function endOf(pieces: readonly RegExp[], text: string, at: number): number | undefined {
  let end = at;
  for (const piece of pieces) {
    piece.lastIndex = end;
    if (!piece.test(text)) return undefined;
    end = piece.lastIndex;
  }
  return end;
}

/** A text that was cut may end in the beginning of a value. */
function withoutBeginning(text: string, spellings: readonly string[]): string {
  const shown = text.slice(0, -1).toLowerCase();
  for (const spelling of spellings) {
    const value = spelling.toLowerCase();
    for (let length = Math.min(value.length, shown.length); length >= shortestFound; length--) {
      if (shown.endsWith(value.slice(0, length))) return `${text.slice(0, -1 - length)}${redactedMark}…`;
    }
  }
  return text;
}

/** Digits that are told apart somehow may be written together, or the other way round: phone and card numbers. */
function patternOf(spelling: string): string {
  const digits = spelling.replace(/\D/g, '');
  const isNumber = digits.length >= fewestDigits && /^\+?[\d\s()./-]+$/.test(spelling);
  return isNumber ? `\\+?${[...digits].join('[\\s().\\/-]{0,3}')}` : escaped(spelling);
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

type Change = (text: string) => string;

function mapTexts(value: JsonValue, change: Change, ofNumber = maskedNumber): JsonValue {
  if (typeof value === 'string') return change(value);
  if (typeof value === 'number') return ofNumber(value, change);
  if (Array.isArray(value)) return value.map((item: JsonValue) => mapTexts(item, change, ofNumber));
  if (!isJsonObject(value)) return value;
  return ofOwnKeys(
    Object.entries(value).map(([key, inner]) => [change(key), mapTexts(inner, change, ofNumber)]),
  );
}

/** Keys that have become alike are numbered, so that none takes the place of another. */
function ofOwnKeys(entries: readonly (readonly [string, JsonValue])[]): JsonObject {
  const made = new Map<string, JsonValue>();
  const next = new Map<string, number>();
  for (const [key, value] of entries) {
    let [name, number] = [key, next.get(key) ?? 2];
    while (made.has(name)) name = `${key} ${number++}`;
    next.set(key, number);
    made.set(name, value);
  }
  return Object.fromEntries(made);
}

const maskedNumber = (value: number, change: Change): JsonValue =>
  change(String(value)) === String(value) ? value : redactedMark;

const keptNumber = (value: number): JsonValue => value;
