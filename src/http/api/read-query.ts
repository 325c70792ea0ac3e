import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { nearest } from '../../domain/nearest.ts';
import { Refusal } from '../problem.ts';
import { jsonSchemaOf, propertyOf } from './json-schema.ts';
import type { ApiContext, OperationRoute, QueryParameter } from './route.ts';

/**
 * The parameters that the query of a request gives, under the names the operation has for them.
 *
 * @throws Refusal for a name that is not known or given twice, and for what is no value of its kind
 */
export function readQuery(c: ApiContext, route: Pick<OperationRoute, 'operation' | 'query'>): JsonObject {
  const known = route.query ?? {};
  const given = c.req.queries();
  refuseUnknown(Object.keys(given), Object.keys(known));
  return Object.fromEntries(
    Object.entries(known).flatMap(([name, parameter]): [string, JsonValue][] => {
      const target = parameter.parameter ?? name;
      const texts = given[name];
      if (texts === undefined) {
        if (parameter.isRequired === true) throw refused(`the query parameter ${name} is missing`);
        return parameter.byDefault === undefined ? [] : [[target, parameter.byDefault]];
      }
      return [[target, readValue(name, texts, parameter, schemaOf(route, name))]];
    }),
  );
}

/** What a parameter of the query may be, as JSON Schema. */
export function schemaOf({ operation, query }: Pick<OperationRoute, 'operation' | 'query'>, name: string) {
  const parameter = query?.[name];
  if (parameter?.schema !== undefined) return parameter.schema;
  return (
    propertyOf(jsonSchemaOf(operation.input, 'input'), parameter?.parameter ?? name) ?? { type: 'string' }
  );
}

/** @throws Refusal naming the nearest one there is */
export function refuseUnknown(given: readonly string[], known: readonly string[]): void {
  const unknown = given.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const told = unknown.slice(0, 5).map((name) => {
    const guess = nearest(name, known);
    const advice = guess === undefined ? `there ${listOf(known)}` : `did you mean ${guess}?`;
    return `there is no query parameter ${name.slice(0, 60)} (${advice})`;
  });
  throw refused(told.join('; '));
}

const listOf = (names: readonly string[]) => (names.length === 0 ? 'are none' : `are ${names.join(', ')}`);

function readValue(
  name: string,
  texts: readonly string[],
  { words }: QueryParameter,
  schema: JsonObject,
): JsonValue {
  const values = texts.map((text) => words?.[text] ?? text);
  if (schema.type === 'array') {
    const { items } = schema as { items?: JsonObject };
    return values.flatMap((text) => text.split(',')).map((text) => scalarOf(name, text, items ?? {}));
  }
  const [value = ''] = values;
  if (values.length > 1) throw refused(`the query parameter ${name} is given more than once`);
  return scalarOf(name, value, schema);
}

function scalarOf(name: string, text: string, { type }: JsonObject): JsonValue {
  if (type === 'integer' || type === 'number') {
    if (/^-?\d{1,15}(\.\d+)?$/.test(text)) return Number(text);
    throw refused(`the query parameter ${name} has to be a number`);
  }
  if (type !== 'boolean') return text;
  if (text === 'true' || text === 'false') return text === 'true';
  throw refused(`the query parameter ${name} has to be true or false`);
}

const refused = (what: string) =>
  new Refusal(400, 'invalid_input', `${upperFirst(what)}. Nothing was changed.`);

const upperFirst = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
