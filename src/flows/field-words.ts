import { didYouMean } from '../connectors/did-you-mean.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { InputProblem } from './input-problem.ts';

type Path = InputProblem['path'];

/** What the words of a field come to. */
export interface Field {
  readonly schema: JsonObject;
  readonly required: boolean;
}

const plainTypes: Readonly<Record<string, JsonObject>> = {
  ...named({ type: 'string' }, 'string', 'strings', 'text', 'texts'),
  ...named({ type: 'integer' }, 'integer', 'integers', 'int', 'ints'),
  ...named({ type: 'number' }, 'number', 'numbers', 'decimal', 'decimals'),
  ...named({ type: 'boolean' }, 'boolean', 'booleans', 'bool'),
  ...named({ type: 'object' }, 'object', 'objects', 'map', 'maps'),
  ...named({ type: 'array' }, 'list', 'lists'),
  ...named({}, 'any', 'anything'),
  ...formatted('email', 'email', 'emails'),
  ...formatted('date', 'date', 'dates'),
  ...formatted('time', 'time', 'times'),
  ...formatted('date-time', 'datetime', 'datetimes', 'date-time', 'timestamp', 'timestamps'),
  ...formatted('uuid', 'uuid', 'uuids'),
  ...formatted('uri', 'url', 'urls', 'uri', 'uris'),
};

const otherWords = ['required', 'optional', 'nullable', 'or', 'one of', 'list of', 'matching'];

const continued: Readonly<Partial<Record<string, string>>> = {
  matching: 'matching ^[A-Z]+$',
  'one of': 'one of basic, pro',
  'list of': 'list of strings',
  or: 'string or number',
};

/** Patterns below go back over what they have read, which takes no time in so many characters. */
const longest = 1000;

/** Reads words such as `string required` or `integer, 0..150`. */
export function readField(text: string, path: Path, problems: InputProblem[]): Field {
  if (text.length <= longest) return new FieldReader(text, path, problems).read();
  const message = `describes a field in more than ${longest} characters`;
  problems.push({ path, message, suggestion: 'write it as JSON Schema, with enum for long lists' });
  return { schema: {}, required: false };
}

/** Reads the words of one field, from left to right. */
class FieldReader {
  readonly #text: string;
  readonly #path: Path;
  readonly #problems: InputProblem[];
  #at = 0;
  #type: JsonObject | undefined;
  #list = false;
  #choices: readonly JsonValue[] | undefined;
  #pattern: string | undefined;
  #range: { readonly from: string; readonly to: string; readonly at: number } | undefined;
  #required = false;
  #nullable = false;

  constructor(text: string, path: Path, problems: InputProblem[]) {
    this.#text = text;
    this.#path = path;
    this.#problems = problems;
  }

  read(): Field {
    while (this.#take(/[\s,]*$/y) === undefined) {
      this.#take(/[\s,]+/y);
      if (this.#endsTooEarly()) break;
      const read = this.#readLimit() || this.#readRest() || this.#readWord();
      if (!read) break;
    }
    return { schema: this.#schema(), required: this.#required };
  }

  /** What the pattern finds right here, if anything. */
  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text) ?? undefined;
    this.#at += found?.[0].length ?? 0;
    return found;
  }

  #readLimit(): boolean {
    const at = this.#at;
    const found = this.#take(/(-?\d+(?:\.\d+)?)?\.\.(-?\d+(?:\.\d+)?)?(?:\s+(?:characters|items)\b)?/y);
    if (found === undefined) return false;
    this.#range = { from: found[1] ?? '', to: found[2] ?? '', at };
    return true;
  }

  /** A word that needs another one behind it stands at the end. */
  #endsTooEarly(): boolean {
    const at = this.#at;
    const word = this.#take(/(matching|one of|list of|or)[\s,]*$/y)?.[1];
    if (word === undefined) return false;
    this.#report(at, `"${word}" has nothing behind it`, `write ${continued[word]}`);
    return true;
  }

  /** Words that take all that follows. */
  #readRest(): boolean {
    const at = this.#at;
    const matching = this.#take(/matching\s+(.+)$/sy)?.[1];
    if (matching !== undefined) {
      this.#readPattern(matching.trim(), at);
      return true;
    }
    const choices = this.#take(/one of\s+(.+)$/sy)?.[1];
    if (choices === undefined) return false;
    this.#readChoices(choices);
    return true;
  }

  #readPattern(text: string, at: number): void {
    const [, pattern = text, flags = ''] = /^\/(.*)\/([dgimsuvy]*)$/s.exec(text) ?? [];
    this.#pattern = pattern;
    if (flags === '') return;
    this.#report(
      at,
      `a pattern takes no flags such as /${flags}`,
      'leave them out, and write [Aa] for both cases of a letter; a pattern for a path begins with ^/',
    );
  }

  #readChoices(text: string): void {
    const listed = /^(.*?)[\s,]+required\s*$/s.exec(text);
    this.#required ||= listed !== null;
    const parts = (listed?.[1] ?? text).match(/"[^"]*"|'[^']*'|[^,\s](?:[^,]*[^,\s])?/g) ?? [];
    this.#choices = parts.flatMap((part) => this.#choice(part));
  }

  /** Where no type is named, a number, true or false is meant as well as its text. */
  #choice(part: string): JsonValue[] {
    const quoted = /^(["'])(.*)\1$/s.exec(part);
    if (quoted !== null) return [quoted[2] ?? ''];
    const isNumber = this.#type?.type === 'integer' || this.#type?.type === 'number';
    if (isNumber) return [Number.isFinite(Number(part)) ? Number(part) : part];
    const plain = [Number(part), true, false].filter((value) => String(value) === part && part !== 'NaN');
    return this.#type === undefined ? [part, ...plain] : [part];
  }

  #readWord(): boolean {
    const start = this.#at;
    const isList = this.#take(/list of\s+/y) !== undefined;
    const isOther = this.#take(/or\s+/y) !== undefined;
    const word = this.#take(/[^\s,]+/y)?.[0] ?? '';
    if (!isList && !isOther && this.#readFlag(word)) return true;
    if (isOther && word === 'null') {
      this.#nullable = true;
      return true;
    }
    const type = Object.hasOwn(plainTypes, word) ? plainTypes[word] : undefined;
    if (type === undefined) return this.#refuse(start, word);
    this.#list ||= isList;
    this.#type = isOther && this.#type !== undefined ? { anyOf: [this.#type, type] } : type;
    return true;
  }

  #readFlag(word: string): boolean {
    this.#required ||= word === 'required';
    this.#nullable ||= word === 'nullable';
    return word === 'required' || word === 'nullable' || word === 'optional';
  }

  #refuse(at: number, word: string): false {
    const known = [
      ...new Set([...Object.keys(plainTypes).filter((name) => !/s$/.test(name)), ...otherWords]),
    ];
    this.#report(at, `"${word}" is no word of a field`, didYouMean(word, known));
    return false;
  }

  #report(at: number, message: string, suggestion: string | undefined): void {
    this.#problems.push({
      path: this.#path,
      at,
      message,
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  }

  #schema(): JsonObject {
    const one: JsonObject = {
      ...(this.#type ?? (this.#range === undefined ? {} : { type: 'number' })),
      ...(this.#choices === undefined ? {} : { enum: this.#choices }),
      ...(this.#pattern === undefined ? {} : { type: 'string', pattern: this.#pattern }),
    };
    const whole: JsonObject = this.#list ? { type: 'array', items: one } : one;
    const limited = { ...whole, ...this.#filled(whole), ...this.#limits(whole) };
    return this.#required && !this.#nullable ? limited : orNull(limited);
  }

  /** What is required is not empty. Choices say themselves what they take. */
  #filled(whole: JsonObject): JsonObject {
    if (!this.#required || this.#choices !== undefined) return {};
    return {
      ...(takes('string', whole) ? { minLength: 1 } : {}),
      ...(takes('null', whole) && !this.#nullable ? { not: { const: null } } : {}),
    };
  }

  /** Numbers are limited by value, texts by length, lists by the number of items. */
  #limits(whole: JsonObject): JsonObject {
    if (this.#range === undefined) return {};
    const { from, to, at } = this.#range;
    const limited = limits.filter(({ types }) => types.some((type) => takes(type, whole)));
    if (limited.length === 0) {
      this.#report(at, 'limits are for numbers, texts and lists', 'leave them out');
    }
    return Object.fromEntries(
      limited.flatMap(({ least, most }) => [
        ...(from === '' ? [] : [[least, Number(from)]]),
        ...(to === '' ? [] : [[most, Number(to)]]),
      ]),
    );
  }
}

/** What says how little and how much a value of these types may be; for others it says nothing. */
const limits = [
  { types: ['number', 'integer'], least: 'minimum', most: 'maximum' },
  { types: ['string'], least: 'minLength', most: 'maxLength' },
  { types: ['array'], least: 'minItems', most: 'maxItems' },
];

/** Whether the words of a type leave room for this one: without any they do. */
function takes(wanted: string, { type, anyOf }: JsonObject): boolean {
  if (Array.isArray(anyOf))
    return anyOf.some((schema: JsonValue) => isJsonObject(schema) && takes(wanted, schema));
  return type === undefined || type === wanted;
}

/** A field that need not be there may also say that there is nothing. */
function orNull(schema: JsonObject): JsonObject {
  const { type, enum: choices, anyOf } = schema;
  return {
    ...schema,
    ...(typeof type === 'string' ? { type: [type, 'null'] } : {}),
    ...(Array.isArray(choices) ? { enum: [...(choices as readonly JsonValue[]), null] } : {}),
    ...(Array.isArray(anyOf) ? { anyOf: [...(anyOf as readonly JsonValue[]), { type: 'null' }] } : {}),
  };
}

function named(schema: JsonObject, ...names: string[]): Record<string, JsonObject> {
  return Object.fromEntries(names.map((name) => [name, schema]));
}

function formatted(format: string, ...names: string[]): Record<string, JsonObject> {
  return named({ type: 'string', format }, ...names);
}
