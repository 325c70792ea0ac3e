import { isJsonObject } from '../domain/json.ts';
import type { PathRead } from './compile-pipe.ts';
import type { MappingProblem } from './mapping.ts';
import { type Names, recordNames } from './names.ts';
import type { Lookups } from './pipe-arguments.ts';
import { compileTemplate, fixedText, type Template } from './template.ts';

/** The texts of a target that a record fills. */
export interface TargetTemplates {
  readonly endpoint: Template | undefined;
  readonly headers: ReadonlyMap<string, Template>;
  readonly query: ReadonlyMap<string, Template>;
  readonly reads: readonly PathRead[];
}

/** Where a block that describes a call stands in the file, and what it sees. */
export interface CallPlace {
  readonly key: string;
  readonly names: Names;
}

/**
 * Compiles what can be compiled of a `target` block, or of another one that describes a call, whatever else may
 * be wrong with it. A path without one of its values would be another path, so the endpoint requires them all.
 */
export function compileTargetTemplates(
  target: unknown,
  lookups: Lookups,
  { key: place, names }: CallPlace = { key: 'target', names: recordNames },
): { templates: TargetTemplates; problems: readonly MappingProblem[] } {
  const problems: MappingProblem[] = [];
  const reads: PathRead[] = [];

  const compile = (value: unknown, path: readonly string[], required: boolean): Template | undefined => {
    if (!['string', 'number', 'boolean'].includes(typeof value)) return undefined;
    const compiled = compileTemplate(String(value), path.slice(1).join('.'), {
      lookups,
      names,
      required,
    });
    if ('problems' in compiled) {
      problems.push(...compiled.problems.map((problem) => ({ ...problem, path })));
      return undefined;
    }
    reads.push(...compiled.template.reads);
    return compiled.template;
  };
  const compileAll = (block: unknown, name: string): ReadonlyMap<string, Template> => {
    const entries = isJsonObject(block) ? Object.entries(block) : [];
    return new Map(
      entries.flatMap(([key, value]) => {
        const template = compile(value, [place, name, key], false);
        return template === undefined ? [] : [[key, template] as const];
      }),
    );
  };

  const block: Readonly<Record<string, unknown>> = isJsonObject(target) ? target : {};
  const wrong = typeof block.endpoint === 'string' ? endpointProblem(block.endpoint) : undefined;
  if (wrong !== undefined) problems.push({ path: [place, 'endpoint'], at: 0, message: wrong });
  const endpoint = compile(block.endpoint, [place, 'endpoint'], true);
  const headers = compileAll(block.headers, 'headers');
  const query = compileAll(block.query, 'query');
  return { templates: { endpoint, headers, query, reads }, problems };
}

/** Whether mapped fields go into the query: there is no body. */
export const mapsIntoQuery = (method: string): boolean => method === 'GET' || method === 'DELETE';

/** Mapped fields that a key of the `query` would take the place of, without a word. */
export function queryClashes(
  { key: place, method: usual }: { readonly key: string; readonly method: string },
  block: unknown,
  mapping: unknown,
): MappingProblem[] {
  if (!isJsonObject(block) || !isJsonObject(block.query) || !isJsonObject(mapping)) return [];
  const method = String(block.method ?? usual).toUpperCase();
  if (!mapsIntoQuery(method)) return [];
  const mapped = Object.keys(mapping).map((name) => name.split('.', 1)[0]);
  const message = `the mapping has a field of this name, and with ${method} both go into the query`;
  return Object.keys(block.query)
    .filter((name) => mapped.includes(name))
    .map((name) => ({
      path: [place, 'query', name],
      key: true,
      at: 0,
      message,
      suggestion: 'leave one of the two out',
    }));
}

/** Looks at what stands outside of `{{ }}`. */
function endpointProblem(text: string): string | undefined {
  if (/^[a-z]+:\/\//i.test(text)) return 'must begin with /; the host is the base_url of the connector';
  if (!text.startsWith('/')) return 'must begin with /';
  const fixed = fixedText(text) ?? '';
  if (/[{}]/.test(fixed)) return 'has a single brace; write {{ source.field }}';
  if (/[^\x21-\x7e]|[\\#]/.test(fixed)) {
    return 'may hold no spaces, # or \\, and other characters only encoded';
  }
  if (/(^|\/)(\.|%2e){1,2}(?=\/|$|\?)/i.test(fixed)) return 'may hold no . or .. segments';
  return undefined;
}
