import type { ErrorObject } from 'ajv';
import { foreignText } from '../connectors/foreign-text.ts';
import type { Failure } from '../domain/failure.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';

const mostListed = 10;
const mostCharacters = 480;
/** Of a value of the schema. */
const mostShown = 60;

/** What is wrong with a record, every field of it in Sluice's words. `names` are those that the schema knows. */
export function inputFailure(errors: readonly ErrorObject[], names: ReadonlySet<string>): Failure {
  const said = [...new Set(errors.map((error) => `${placeOf(error, names)} ${wordsFor(error)}`))];
  const strange = errors.flatMap(({ params }) =>
    typeof params.additionalProperty === 'string' ? [params.additionalProperty] : [],
  );
  const untrusted = foreignText(strange.slice(0, mostListed).join(', '), mostShown * 2);
  return {
    class: 'data',
    code: 'input_invalid',
    message: listed(said),
    step: 'input',
    ...(untrusted === undefined ? {} : { untrustedMessage: untrusted }),
  };
}

function listed(said: readonly string[]): string {
  let length = 0;
  const shown = said.slice(0, mostListed).filter((words) => {
    length += words.length + 2;
    return length <= mostCharacters;
  });
  const more = said.length - shown.length;
  return more === 0 ? shown.join('; ') : `${shown.join('; ')}; and ${more} more`;
}

/** Names that the schema does not know come from the record, so they are left out. */
function placeOf({ instancePath, keyword, params }: ErrorObject, names: ReadonlySet<string>): string {
  const steps = instancePath.split('/').slice(1).map(unescaped);
  if (keyword === 'required') steps.push(String(params.missingProperty));
  const place = steps.map((step) => {
    if (names.has(step)) return `.${step.slice(0, mostShown).toWellFormed()}`;
    return /^\d+$/.test(step) ? `[${step}]` : '.…';
  });
  return place.length === 0 ? 'the record' : place.join('').replace(/^\./, '');
}

const unescaped = (step: string) => step.replaceAll('~1', '/').replaceAll('~0', '~');

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'a map',
  array: 'a list',
  null: 'empty',
};

const formats: Readonly<Record<string, string>> = {
  email: 'an email address',
  date: 'a date such as 2026-01-31',
  time: 'a time such as 09:30:00Z',
  'date-time': 'a time such as 2026-01-31T09:30:00Z',
  uuid: 'a UUID',
  uri: 'a URL',
};

type Params = ErrorObject['params'];

const counted = (count: unknown, one: string) => `${count} ${one}${count === 1 ? '' : 's'}`;

const words: Readonly<Record<string, (params: Params, schema: unknown) => string>> = {
  required: () => 'is missing',
  type: ({ type }) => `must be ${kindOf(type)}`,
  enum: ({ allowedValues }) => `must be ${choiceOf(allowedValues)}`,
  const: ({ allowedValue }) => `must be ${shown(allowedValue)}`,
  format: ({ format }) => `must be ${formats[String(format)] ?? `of the format ${format}`}`,
  pattern: ({ pattern }) => `must match ${shortened(String(pattern))}`,
  minimum: ({ limit }) => `must be at least ${limit}`,
  maximum: ({ limit }) => `must be at most ${limit}`,
  exclusiveMinimum: ({ limit }) => `must be more than ${limit}`,
  exclusiveMaximum: ({ limit }) => `must be less than ${limit}`,
  multipleOf: ({ multipleOf }) => `must be a multiple of ${multipleOf}`,
  minLength: ({ limit }) => (limit === 1 ? 'is empty' : `must have at least ${counted(limit, 'character')}`),
  maxLength: ({ limit }) => `must have at most ${counted(limit, 'character')}`,
  minItems: ({ limit }) => `must have at least ${counted(limit, 'item')}`,
  maxItems: ({ limit }) => `must have at most ${counted(limit, 'item')}`,
  uniqueItems: () => 'has an item twice',
  minProperties: ({ limit }) => `must have at least ${counted(limit, 'field')}`,
  maxProperties: ({ limit }) => `must have at most ${counted(limit, 'field')}`,
  additionalProperties: () => 'has fields that the flow does not know',
  unevaluatedProperties: () => 'has fields that the flow does not know',
  dependentRequired: ({ missingProperty }) => `needs ${shortened(String(missingProperty))} as well`,
  anyOf: () => 'fits none of the forms that the flow allows',
  oneOf: () => 'does not fit exactly one of the forms that the flow allows',
  not: (_, schema) =>
    isJsonObject(schema) && schema.const === null ? 'is empty' : 'has a form that the flow does not allow',
  'false schema': () => 'is not allowed',
};

export function wordsFor({ keyword, params, schema, data }: ErrorObject): string {
  if (keyword === 'type' && data === null) return `is null, and must be ${kindOf(params.type)}`;
  return words[keyword]?.(params, schema) ?? 'does not fit the input schema of the flow';
}

/** The null of a field that may be left out goes without saying. */
function kindOf(type: unknown): string {
  const all = (Array.isArray(type) ? type : [type]).map(String);
  const named = all.length > 1 ? all.filter((name) => name !== 'null') : all;
  return named.map((name) => kinds[name] ?? name).join(' or ');
}

function choiceOf(values: unknown): string {
  const all = (Array.isArray(values) ? values : [values]).filter((value) => value !== null);
  // A number and its text look the same.
  const listed = [...new Set(all.map(shown))];
  const more = listed.length > mostListed ? ', …' : '';
  return `one of ${listed.slice(0, mostListed).join(', ')}${more}`;
}

const shown = (value: unknown) => shortened(typeof value === 'string' ? value : JSON.stringify(value));

const shortened = (text: string) =>
  text.length <= mostShown ? text : `${text.slice(0, mostShown).toWellFormed()}…`;

/** What a field takes, in few words: `email`, `integer 0..150`, `one of basic, pro`. */
export function formOf(schema: JsonValue | undefined): string {
  if (!isJsonObject(schema)) return 'any';
  const { type, format, enum: choices, pattern, items } = schema;
  if (Array.isArray(choices)) return choiceOf(choices);
  const types = (Array.isArray(type) ? (type as readonly JsonValue[]) : [type]).filter(
    (name) => typeof name === 'string' && name !== 'null',
  );
  if (types[0] === 'array' && items !== undefined) return `list of ${formOf(items)}${rangeOf(schema)}`;
  const name = typeof format === 'string' ? format : types.join(' or ') || 'any';
  return `${name}${rangeOf(schema)}${typeof pattern === 'string' ? ` matching ${shortened(pattern)}` : ''}`;
}

function rangeOf(schema: JsonObject): string {
  const least = schema.minimum ?? schema.minLength ?? schema.minItems;
  const most = schema.maximum ?? schema.maxLength ?? schema.maxItems;
  if (most === undefined && (least === undefined || (least === 1 && schema.minLength === 1))) return '';
  return ` ${String(least ?? '')}..${String(most ?? '')}`;
}
