import type { PipeProblem } from '../pipe-cursor.ts';
import { readSql, type SqlText } from './sql-text.ts';

/** Where a `{{ place }}` stands in a statement, braces included. */
export interface SqlPlace {
  readonly begin: number;
  readonly end: number;
}

/** A statement as it is sent: values stand beside it, never in it. */
export interface SqlTemplate {
  /** Each place is a parameter, `$1` and so on. */
  readonly text: string;
  /** Its first word, in lower case. */
  readonly verb: string;
  /** It may change something. */
  readonly writes: boolean;
  /** The highest `$n` that the author wrote. */
  readonly parameters: number;
}

const maxPlaces = 1_000;

/** Makes parameters of the places, and looks for what could not be sent. */
export function compileSql(
  statement: string,
  places: readonly SqlPlace[],
): { sql: SqlTemplate; problems: readonly PipeProblem[] } {
  if (places.length > maxPlaces) {
    const sql = { text: '', verb: '', writes: true, parameters: 0 };
    return { sql, problems: [{ at: 0, message: `holds more than ${maxPlaces} places` }] };
  }
  const masked = maskOf(statement, places);
  const read = readSql(masked);
  const verb = /[a-z]+/i.exec(read.code)?.[0].toLowerCase() ?? '';
  const numbers = [...read.code.matchAll(ownParameters)].map(({ index, 1: digits }) => ({
    at: index,
    number: Number(digits),
  }));
  const problems = [
    ...places.flatMap((place) => placeProblem(statement, masked, place, read)),
    ...wholeProblems(statement, verb, read.code),
    ...numberProblems(numbers, places.length),
  ];
  const parameters = Math.max(0, ...numbers.map(({ number }) => number));
  return {
    sql: { text: bind(statement, places), verb, writes: writes(verb, read.code), parameters },
    problems,
  };
}

const ownParameters = /(?<![\p{L}\p{N}_$])\$(\d{1,9})/gu;
/** Stands for the characters of a place; no statement holds it otherwise. */
const mask = '\0';

function maskOf(statement: string, places: readonly SqlPlace[]): string {
  return replaced(statement, places, ({ begin, end }) => mask.repeat(end - begin));
}

function bind(statement: string, places: readonly SqlPlace[]): string {
  return replaced(statement, places, (_, position) => `$${position + 1}`);
}

function replaced(
  statement: string,
  places: readonly SqlPlace[],
  by: (place: SqlPlace, position: number) => string,
): string {
  let text = '';
  let at = 0;
  for (const [position, place] of places.entries()) {
    text += statement.slice(at, place.begin) + by(place, position);
    at = place.end;
  }
  return text + statement.slice(at);
}

function placeProblem(
  statement: string,
  masked: string,
  { begin: at, end }: SqlPlace,
  { stretches, code }: SqlText,
): PipeProblem[] {
  const stretch = stretches.find(({ begin, end }) => at >= begin && at < end);
  switch (stretch?.kind) {
    case 'text': {
      const suggestion = withoutQuotes(statement, masked, stretch.begin, stretch.end);
      return [{ at, message: 'a place cannot stand inside quotes: it becomes a parameter', suggestion }];
    }
    case 'name':
      return [
        { at, message: 'a place stands for a value, never for a name', suggestion: 'write the name itself' },
      ];
    case 'dollar':
      return [
        {
          at,
          message: 'a place cannot stand inside $$ … $$',
          suggestion: 'hand it to a function as an argument',
        },
      ];
    case 'comment':
      return [{ at, message: 'a place cannot stand in a comment', suggestion: 'remove it' }];
  }
  const touches =
    /[\p{L}\p{N}_$"]$/u.test(masked.slice(Math.max(0, at - 2), at)) ||
    /^[\p{L}\p{N}_$"]/u.test(masked.slice(end, end + 2));
  if (touches || /\b(into|update|join|table)\s+$/i.test(code.slice(Math.max(0, at - 50), at))) {
    const message = 'a place stands for a whole value, never for a name or a part of something';
    return [{ at, message, suggestion: 'write names of tables and columns themselves' }];
  }
  return [];
}

/** `'%{{ x }}%'` as it has to be written: `'%' || {{ x }} || '%'`. */
function withoutQuotes(statement: string, masked: string, begin: number, end: number): string {
  const open = masked.indexOf("'", begin) + 1;
  const close = masked[end - 1] === "'" && end > open ? end - 1 : end;
  const prefix = masked.slice(begin, open);
  const pieces = [...masked.slice(open, close).matchAll(/\0+|[^\0]+/g)].map(({ 0: piece, index }) => {
    const written = statement.slice(open + index, open + index + piece.length);
    return piece.startsWith(mask) ? written : `${prefix}${written}'`;
  });
  const rewritten = pieces.join(' || ');
  return rewritten.length > 200
    ? 'write it without the quotes, and || between the pieces'
    : `write ${rewritten}`;
}

/** Statements that need more than one message, or leave something behind in the session of others. */
const ofSessions: ReadonlyMap<string, string> = new Map([
  ...['begin', 'start', 'commit', 'end', 'rollback', 'abort', 'savepoint', 'release', 'prepare'].map(
    (verb) =>
      [
        verb,
        'each statement is a transaction of its own; join changes in one: with a as (insert …) update …',
      ] as const,
  ),
  ...[
    'set',
    'reset',
    'discard',
    'listen',
    'unlisten',
    'declare',
    'fetch',
    'move',
    'close',
    'deallocate',
    'execute',
    'load',
  ].map((verb) => [verb, 'connections are shared, so nothing can be left in one'] as const),
  ['copy', 'insert … select … from json_to_recordset({{ items }}::json) as … takes many rows at once'],
]);

function wholeProblems(statement: string, verb: string, code: string): PipeProblem[] {
  if (statement.includes(mask)) return [{ at: statement.indexOf(mask), message: 'holds a NUL character' }];
  if (verb === '') return [{ at: 0, message: 'is empty' }];
  const next = secondStatement(code);
  if (next !== undefined) {
    return [{ at: next, message: 'a second statement begins here', suggestion: 'write a step for each' }];
  }
  const suggestion = ofSessions.get(verb);
  return suggestion === undefined
    ? []
    : [{ at: 0, message: `"${verb}" cannot be used in a step`, suggestion }];
}

function secondStatement(code: string): number | undefined {
  const semicolon = code.indexOf(';');
  const begin = semicolon < 0 ? -1 : code.slice(semicolon).search(/[^\s;]/);
  return begin < 0 ? undefined : semicolon + begin;
}

function numberProblems(
  numbers: readonly { readonly at: number; readonly number: number }[],
  places: number,
): PipeProblem[] {
  const [first] = numbers;
  if (first === undefined) return [];
  if (places > 0) {
    const suggestion = 'write {{ … }} only, or $1 with params';
    return [{ at: first.at, message: 'a statement with {{ places }} takes no $1 besides', suggestion }];
  }
  const highest = Math.max(...numbers.map(({ number }) => number));
  if (highest > maxPlaces) return [{ at: first.at, message: `has more than ${maxPlaces} parameters` }];
  const missing = Array.from({ length: highest }, (_, index) => index + 1).find(
    (wanted) => !numbers.some(({ number }) => number === wanted),
  );
  return missing === undefined ? [] : [{ at: first.at, message: `has no $${missing}, but higher ones` }];
}

const reading = new Set(['select', 'values', 'table', 'show', 'explain', 'with']);

/** What begins with select reads, unless it holds a word that writes; what a function does cannot be seen. */
function writes(verb: string, code: string): boolean {
  if (!reading.has(verb)) return true;
  return /\b(insert|update|delete|merge|into)\b/i.test(code.replace(/\bfor\s+(no\s+key\s+)?update\b/gi, ''));
}
