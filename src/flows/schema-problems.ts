import { didYouMean } from '../connectors/did-you-mean.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { InputProblem } from './input-problem.ts';
import { patternTrouble } from './linear-pattern.ts';
import { holdsUnder, schemaKeywords } from './schema-keywords.ts';

/** Items that are compared with each other, each with each. */
const mostCompared = 1000;

interface Part {
  readonly schema: JsonObject;
  readonly path: readonly (string | number)[];
}

/**
 * What a schema must not hold, though it may be JSON Schema: keywords that are none (they would check nothing),
 * references to other documents, unknown formats, limits that nothing can fit, and what a record could make slow.
 */
export function schemaProblems(root: JsonObject, formats: readonly string[]): InputProblem[] {
  return partsOf(root).flatMap((part) => [
    ...unknownKeywords(part),
    ...strangeReference(part, root),
    ...patternProblems(part),
    ...unknownFormat(part, formats),
    ...slowComparison(part),
    ...impossibleLimits(part),
  ]);
}

/** The schema and all that stand in it. */
export function partsOf(root: JsonObject): Part[] {
  const parts: Part[] = [];
  const open: { readonly schema: JsonValue; readonly path: Part['path'] }[] = [{ schema: root, path: [] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { schema, path } = next;
    if (!isJsonObject(schema)) continue;
    parts.push({ schema, path });
    for (const [keyword, value] of Object.entries(schema)) {
      for (const [at, inner] of heldBy(keyword, value)) open.push({ schema: inner, path: [...path, ...at] });
    }
  }
  return parts;
}

type Held = [path: (string | number)[], schema: JsonValue];

function heldBy(keyword: string, value: JsonValue): Held[] {
  const kind = holdsUnder(keyword);
  if (kind === 'schema' || (kind === 'either' && !Array.isArray(value))) return [[[keyword], value]];
  if (kind === 'list' || kind === 'either') {
    return Array.isArray(value) ? value.map((item: JsonValue, at) => [[keyword, at], item]) : [];
  }
  if (kind !== 'map' || !isJsonObject(value)) return [];
  return Object.entries(value).map(([name, item]) => [[keyword, name], item]);
}

function unknownKeywords({ schema, path }: Part): InputProblem[] {
  return Object.keys(schema)
    .filter((key) => holdsUnder(key) === undefined)
    .map((key) => ({
      path: [...path, key],
      key: true,
      message: `"${key}" is no keyword of JSON Schema that is known here`,
      ...advice(key, schemaKeywords),
    }));
}

function strangeReference({ schema, path }: Part, root: JsonObject): InputProblem[] {
  const { $ref: reference } = schema;
  if (typeof reference !== 'string') return [];
  const at = { path: [...path, '$ref'] };
  if (!/^#(\/|$)/.test(reference)) {
    return [{ ...at, message: 'refers to another document; only #/… within this schema can be used' }];
  }
  const target = schemaAt(reference, root);
  if (target === undefined) return [{ ...at, message: `nothing is at ${reference}` }];
  return isEndless(target, root) ? [{ ...at, message: 'refers to itself without end' }] : [];
}

/** A schema that is nothing but a reference to a reference, and so on. */
function isEndless(target: JsonValue, root: JsonObject): boolean {
  const seen = new Set<JsonValue>();
  let next: JsonValue | undefined = target;
  while (isJsonObject(next) && typeof next.$ref === 'string') {
    if (seen.has(next)) return true;
    seen.add(next);
    next = schemaAt(next.$ref, root);
  }
  return false;
}

/** What a reference within a schema leads to. */
export function schemaAt(reference: string, root: JsonObject): JsonValue | undefined {
  let value: JsonValue | undefined = root;
  for (const segment of reference.split('/').slice(1)) {
    const key = decoded(segment).replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as JsonObject)[key];
  }
  return value;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function patternProblems({ schema, path }: Part): InputProblem[] {
  const { pattern, patternProperties } = schema;
  return [
    ...(typeof pattern === 'string' ? [{ text: pattern, path: [...path, 'pattern'], key: false }] : []),
    ...(isJsonObject(patternProperties)
      ? Object.keys(patternProperties).map((text) => ({
          text,
          path: [...path, 'patternProperties', text],
          key: true,
        }))
      : []),
  ].flatMap(({ text, path: at, key }) => {
    const trouble = patternTrouble(text);
    return trouble === undefined ? [] : [{ path: at, key, ...trouble }];
  });
}

function unknownFormat({ schema: { format }, path }: Part, known: readonly string[]): InputProblem[] {
  if (typeof format !== 'string' || known.includes(format)) return [];
  return [{ path: [...path, 'format'], message: `there is no format "${format}"`, ...advice(format, known) }];
}

function slowComparison({ schema: { uniqueItems, maxItems }, path }: Part): InputProblem[] {
  if (uniqueItems !== true || (typeof maxItems === 'number' && maxItems <= mostCompared)) return [];
  return [{ path: [...path, 'uniqueItems'], message: `needs maxItems of at most ${mostCompared} beside it` }];
}

const limits = [
  ['minimum', 'maximum'],
  ['minLength', 'maxLength'],
  ['minItems', 'maxItems'],
  ['minProperties', 'maxProperties'],
] as const;

function impossibleLimits({ schema, path }: Part): InputProblem[] {
  return limits.flatMap(([least, most]) => {
    const [from, to] = [schema[least], schema[most]];
    if (typeof from !== 'number' || typeof to !== 'number' || from <= to) return [];
    const message = `has limits that nothing can fit: at least ${from} and at most ${to}`;
    const suggestion = `the smaller number comes first: ${to}..${from}, or ${least}: ${to} with ${most}: ${from}`;
    return [{ path: [...path, most], message, suggestion }];
  });
}

function advice(name: string, known: readonly string[]): { suggestion?: string } {
  const suggestion = didYouMean(name, known);
  return suggestion === undefined ? {} : { suggestion };
}
