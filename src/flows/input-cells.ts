import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { linearPattern } from './linear-pattern.ts';
import { schemaAt } from './schema-problems.ts';
import { readNumber } from './transforms/read-number.ts';
import { readTruth } from './transforms/read-truth.ts';
import { ValueProblem } from './transforms/transform.ts';

interface CellReader {
  /** What a cell says: nothing, or itself when it cannot be read as anything else. */
  readonly read: (text: string) => JsonValue | undefined;
  /** Nothing else is taken. A value that somebody has corrected may be a number all the same: 12345 for a postcode. */
  readonly onlyText: boolean;
}

/**
 * Makes the reader of records whose fields are the cells of a table. In a copy of the record a text becomes a number or
 * a truth value where the schema takes no text and the transforms would read one, and what is empty goes.
 */
export function recordReader(schema: JsonObject): (payload: JsonValue) => JsonValue {
  const readerOf = cellReaders(schema);
  return (payload) => {
    if (!isJsonObject(payload)) return payload;
    const fields = Object.entries(payload).flatMap(([name, value]): [string, JsonValue][] => {
      const { read, onlyText } = readerOf(name);
      if (typeof value !== 'string') return [[name, onlyText && isScalar(value) ? String(value) : value]];
      const said = value === '' ? undefined : read(value);
      return said === undefined ? [] : [[name, said]];
    });
    return Object.fromEntries(fields);
  };
}

const isScalar = (value: JsonValue) => typeof value === 'number' || typeof value === 'boolean';

function cellReaders(root: JsonObject): (name: string) => CellReader {
  const wholes = schemasFor(root, root);
  const named = new Map<string, JsonValue[]>();
  for (const [name, schema] of wholes.flatMap(({ properties }) => entriesOf(properties))) {
    named.set(name, [...(named.get(name) ?? []), schema]);
  }
  const fixed = new Map([...named].map(([name, schemas]) => [name, cellReader(schemas, root)]));
  const patterns = wholes
    .flatMap(({ patternProperties }) => entriesOf(patternProperties))
    .map(([text, schema]) => ({ pattern: linearPattern(text), reader: cellReader([schema], root) }));
  const others = cellReader(
    wholes.flatMap(({ additionalProperties: more }) => (more === undefined ? [] : [more])),
    root,
  );
  return (name) => fixed.get(name) ?? patterns.find(({ pattern }) => pattern.test(name))?.reader ?? others;
}

const entriesOf = (value: JsonValue | undefined) => (isJsonObject(value) ? Object.entries(value) : []);

/** The schema and all others that say something of the same value. */
function schemasFor(
  schema: JsonValue | undefined,
  root: JsonObject,
  found = new Set<JsonObject>(),
): JsonObject[] {
  if (!isJsonObject(schema) || found.has(schema)) return [...found];
  found.add(schema);
  const { $ref, allOf, anyOf, oneOf, if: condition, then, else: otherwise } = schema;
  const lists = [allOf, anyOf, oneOf].flatMap((list): JsonValue[] => (Array.isArray(list) ? list : []));
  const target = typeof $ref === 'string' ? schemaAt($ref, root) : undefined;
  for (const inner of [target, condition, then, otherwise, ...lists]) schemasFor(inner, root, found);
  return [...found];
}

function cellReader(schemas: readonly JsonValue[], root: JsonObject): CellReader {
  const types = schemas
    .flatMap((schema) => schemasFor(schema, root))
    .flatMap(({ type }): JsonValue[] => (Array.isArray(type) ? type : type === undefined ? [] : [type]));
  const takesNumbers = types.includes('number') || types.includes('integer');
  if (types.includes('string')) {
    return { read: (text) => text, onlyText: !takesNumbers && !types.includes('boolean') };
  }
  const readers = [
    ...(takesNumbers ? [(text: string) => readNumber(text)] : []),
    ...(types.includes('boolean') ? [readTruth] : []),
  ];
  return { read: (text) => firstRead(readers, text), onlyText: false };
}

function firstRead(readers: readonly CellReader['read'][], text: string): JsonValue | undefined {
  for (const read of readers) {
    try {
      return read(text);
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
    }
  }
  return text;
}
