import { z } from 'zod';
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json.ts';

const made = new WeakMap<z.ZodType, Partial<Record<'input' | 'output', JsonObject>>>();

/** The JSON Schema (2020-12) of what is taken or given. */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const known = made.get(schema) ?? {};
  const found = known[io] ?? make(schema, io);
  made.set(schema, { ...known, [io]: found });
  return found;
}

function make(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const json = z.toJSONSchema(schema, { target: 'draft-2020-12', io, reused: 'inline' });
  const { $schema: _, $defs: __, ...rest } = json as unknown as JsonObject;
  return tidy(rest) as JsonObject;
}

/** Only any JSON value is recursive, and only that is referred to: it stands there as whatever it is. */
function tidy(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((inner: JsonValue) => tidy(inner));
  if (!isJsonObject(value)) return value;
  if ('$ref' in value) return value.description === undefined ? {} : { description: value.description };
  const kept = Object.entries(value).filter(([name, inner]) => !isNoise(name, inner));
  return Object.fromEntries(kept.map(([name, inner]) => [name, tidy(inner)]));
}

const isNoise = (name: string, value: JsonValue) =>
  (name === 'minimum' && value === Number.MIN_SAFE_INTEGER) ||
  (name === 'maximum' && value === Number.MAX_SAFE_INTEGER);

/** The schema of one property; undefined: there is none. */
export function propertyOf({ properties }: JsonObject, name: string): JsonObject | undefined {
  const found = properties !== undefined && isJsonObject(properties) ? properties[name] : undefined;
  return found !== undefined && isJsonObject(found) ? found : undefined;
}
