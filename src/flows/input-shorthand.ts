import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { type Field, readField } from './field-words.ts';
import type { InputProblem } from './input-problem.ts';
import { schemaKeywords } from './schema-keywords.ts';

type Path = InputProblem['path'];

/**
 * JSON Schema of the short form: a map of fields, each with words such as `string required` or
 * `integer, 0..150`, a map of further fields, or a list with the words of its items.
 */
export function readShorthand(fields: JsonObject): { schema: JsonObject; problems: InputProblem[] } {
  const problems: InputProblem[] = [];
  return { schema: schemaOfFields(fields, [], problems).schema, problems };
}

function schemaOfFields(fields: JsonObject, path: Path, problems: InputProblem[]): Field {
  const read = Object.entries(fields).map(
    ([name, written]) => [name, fieldOf(written, [...path, name], problems)] as const,
  );
  const required = read.flatMap(([name, field]) => (field.required ? [name] : []));
  const properties = Object.fromEntries(read.map(([name, { schema }]) => [name, schema]));
  return {
    schema: { type: 'object', properties, ...(required.length === 0 ? {} : { required }) },
    required: false,
  };
}

function fieldOf(written: JsonValue, path: Path, problems: InputProblem[]): Field {
  if (typeof written === 'string') return readField(written, path, problems);
  if (isJsonObject(written)) {
    if (isSchema(written)) return { schema: written, required: false };
    const { schema } = schemaOfFields(written, path, problems);
    return { schema: { ...schema, type: ['object', 'null'] }, required: false };
  }
  if (Array.isArray(written) && written.length === 1) {
    const { schema } = fieldOf(written[0] ?? null, [...path, 0], problems);
    return { schema: { type: ['array', 'null'], items: schema }, required: false };
  }
  const suggestion = 'write words such as string required, integer 0..150, one of a, b, or list of strings';
  problems.push({ path, message: 'is no description of a field', suggestion });
  return { schema: {}, required: false };
}

const telling = ['$ref', 'type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf'];

/** A field may be described by JSON Schema as well: a map with its keywords alone. */
function isSchema(written: JsonObject): boolean {
  const keys = Object.keys(written);
  return keys.some((key) => telling.includes(key)) && keys.every((key) => schemaKeywords.includes(key));
}
