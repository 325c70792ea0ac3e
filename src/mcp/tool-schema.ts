import type { Tool } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

type Schema = Tool['inputSchema'];
type Json = Readonly<Record<string, unknown>>;

/** Objects of an answer are described down to here; the root is at 0. */
const levelsShown = 2;

/**
 * The JSON Schema of what a tool takes, without what costs a conversation and tells a model nothing: Sluice
 * checks every call by the whole schema anyway.
 */
export function inputSchemaOf(schema: z.ZodType): Schema {
  return withoutNoise(jsonSchemaOf(schema, 'input')) as Schema;
}

/** The same for what it answers. More fields may come, and the inside of lists in lists speaks for itself. */
export function outputSchemaOf(schema: z.ZodType): Schema {
  return outline(withoutNoise(jsonSchemaOf(schema, 'output')), 0) as Schema;
}

/** Draft 7 is what the validators of MCP clients take without further ado. */
function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const {
    $schema: _,
    definitions: __,
    ...json
  } = z.toJSONSchema(schema, { target: 'draft-7', io, reused: 'inline' });
  return json;
}

const nothingSaid: Readonly<Record<string, (value: unknown) => boolean>> = {
  minLength: (value) => value === 1,
  minItems: (value) => value === 1,
  maxLength: () => true,
  maxItems: () => true,
  minimum: (value) => value === Number.MIN_SAFE_INTEGER,
  maximum: (value) => value === Number.MAX_SAFE_INTEGER || value === 2_147_483_647,
  propertyNames: () => true,
};

function withoutNoise(schema: Json): Json {
  // Only any JSON value is recursive, and only that is referred to.
  if ('$ref' in schema || 'allOf' in schema)
    return 'description' in schema ? { description: schema.description } : {};
  const kept = Object.entries(schema).filter(([name, value]) => nothingSaid[name]?.(value) !== true);
  return Object.fromEntries(
    kept.map(([name, value]) => [name, name === 'properties' ? each(value) : below(value)]),
  );
}

/** Properties may be named like the words of a schema. */
const each = (properties: unknown) =>
  Object.fromEntries(Object.entries(properties as Json).map(([name, value]) => [name, below(value)]));

function below(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(below);
  return typeof value === 'object' && value !== null ? withoutNoise(value as Json) : value;
}

function outline(schema: Json, level: number): Json {
  const { properties, additionalProperties: _, required, enum: words, description, ...rest } = schema;
  // Answers explain themselves below their first level.
  const said = level > 1 ? {} : present({ enum: words, description });
  if (isSchema(schema.items)) return { ...said, ...rest, items: outline(schema.items, level) };
  if (!isSchema(properties) || level >= levelsShown) return { ...said, ...rest };
  const shown = Object.entries(properties).map(([name, value]) => [name, outline(value as Json, level + 1)]);
  return { ...said, ...rest, properties: Object.fromEntries(shown), ...(level === 0 ? { required } : {}) };
}

const present = (words: Json): Json =>
  Object.fromEntries(Object.entries(words).filter(([, value]) => value !== undefined));

const isSchema = (value: unknown): value is Json => typeof value === 'object' && value !== null;
