/** The part of a Zod schema's definition that leads on to others. */
interface Definition {
  readonly type?: string;
  readonly innerType?: unknown;
  readonly in?: unknown;
  readonly options?: readonly unknown[];
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly valueType?: unknown;
  readonly element?: unknown;
}

/** The keys a schema knows at a path, over all branches of a union; none where any key is taken. */
export function keysAt(schema: unknown, path: readonly PropertyKey[]): string[] {
  const { type, innerType, in: input, options = [], shape = {}, valueType, element } = definitionOf(schema);
  if (type === 'optional' || type === 'default' || type === 'nullable') return keysAt(innerType, path);
  if (type === 'pipe') return keysAt(input, path);
  if (type === 'union') return options.flatMap((option) => keysAt(option, path));
  const [segment, ...rest] = path;
  if (type === 'object')
    return segment === undefined ? Object.keys(shape) : keysAt(shape[String(segment)], rest);
  if (segment === undefined) return [];
  if (type === 'record') return keysAt(valueType, rest);
  return type === 'array' ? keysAt(element, rest) : [];
}

const definitionOf = (schema: unknown) => (schema as { def?: Definition } | undefined)?.def ?? {};
