/** Keywords of JSON Schema (draft 2020-12, and what draft 7 has besides), and what stands under them. */
const keywords: Readonly<Record<string, 'schema' | 'list' | 'map' | 'either' | 'value'>> = {
  ...under('schema', 'additionalProperties', 'additionalItems', 'not', 'if', 'then', 'else', 'contains'),
  ...under('schema', 'propertyNames', 'unevaluatedItems', 'unevaluatedProperties'),
  ...under('list', 'allOf', 'anyOf', 'oneOf', 'prefixItems'),
  ...under('map', 'properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'),
  ...under('either', 'items'),
  ...under('value', 'type', 'enum', 'const', 'format', 'pattern', 'required', 'dependentRequired'),
  ...under('value', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'),
  ...under('value', 'minLength', 'maxLength', 'minItems', 'maxItems', 'uniqueItems', 'minContains'),
  ...under('value', 'maxContains', 'minProperties', 'maxProperties', '$schema', '$id', '$ref', '$comment'),
  ...under('value', 'title', 'description', 'default', 'examples', 'deprecated', 'readOnly', 'writeOnly'),
};

export const schemaKeywords: readonly string[] = Object.keys(keywords);

/** How a keyword holds further schemas; undefined: it is none. */
export const holdsUnder = (keyword: string) =>
  Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined;

function under<Kind>(kind: Kind, ...names: string[]): Record<string, Kind> {
  return Object.fromEntries(names.map((name) => [name, kind]));
}
