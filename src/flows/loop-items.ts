import { RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';
import type { PathRead, PipeSite } from './compile-pipe.ts';
import type { MappingProblem } from './mapping.ts';
import type { Names, Scope } from './names.ts';
import type { LoopItems } from './steps/step-kind.ts';
import { compileTemplate, type Template } from './template.ts';
import { compileValue } from './template-value.ts';

export interface FoundItems {
  readonly items: LoopItems;
  readonly reads: readonly PathRead[];
  readonly problems: readonly MappingProblem[];
}

/** Compiles what a loop goes over: a list, `"{{ steps.find.result }}"`, or `glob:data/*.csv`. */
export function loopItems(written: unknown, field: string, site: PipeSite): FoundItems {
  if (written === undefined) return none(undefined);
  if (Array.isArray(written)) return literalItems(written, site);
  if (typeof written === 'string') return textItems(written, field, site);
  if (
    typeof written === 'object' &&
    written !== null &&
    'glob' in written &&
    typeof written.glob === 'string'
  ) {
    return globItems(written.glob, ['glob']);
  }
  return none('must be a list, a template such as "{{ record.lines }}", or glob:PATTERN');
}

function literalItems(list: readonly unknown[], site: PipeSite): FoundItems {
  const { value, reads, problems } = compileValue(list, [], site);
  const isFixed = !/\{\{/.test(JSON.stringify(list));
  return {
    items: {
      list: (scope) => value(scope) as readonly JsonValue[],
      literal: isFixed ? (list as readonly JsonValue[]) : undefined,
    },
    reads,
    problems,
  };
}

function textItems(text: string, field: string, site: PipeSite): FoundItems {
  const trimmed = text.trim();
  const glob = globIn(trimmed);
  if (glob !== undefined) return globItems(glob, []);
  if (/^(\$\(|`)/.test(trimmed)) {
    return none(
      'runs no command to get a list',
      'write glob:data/*.csv for files, or let an earlier step make the list',
    );
  }
  const bare = /^\{\{\s*([\p{L}_][\p{L}\p{N}_]*)\s*\}\}$/u.exec(trimmed)?.[1];
  if (bare !== undefined && isFree(bare, site.names)) return givenItems(bare, field);
  const compiled = compileTemplate(text, field, site);
  if ('problems' in compiled) {
    return { ...none(undefined), problems: compiled.problems.map((problem) => ({ ...problem, path: [] })) };
  }
  const { template } = compiled;
  const wrong = noList(trimmed, template, site.names);
  if (wrong !== undefined) return wrong;
  return {
    items: { list: (scope) => asList(template.value(scope), field), literal: undefined },
    reads: template.reads,
    problems: [],
  };
}

/** The pattern of `glob:data/*.csv`, and of `$(ls data/*.csv)`. */
function globIn(text: string): string | undefined {
  if (text.startsWith('glob:')) return text.slice('glob:'.length).trim();
  return /^\$\(\s*ls\s+([^\s|;&`$()<>]+)\s*\)$/.exec(text)?.[1];
}

/** A text that cannot become a list, whatever the record holds. */
function noList(text: string, { places, reads }: Template, { roots }: Names): FoundItems | undefined {
  const [place] = places;
  if (place === undefined) {
    const isPath = roots.has(text.split('.', 1)[0] ?? '') && /^[\p{L}\p{N}_.-]{1,100}$/u.test(text);
    const advice = isPath
      ? `write "{{ ${text} }}"`
      : 'write a list, or "{{ record.field }}" for one of the record';
    return none('is a text, not a list', advice);
  }
  if (place.end - place.begin !== text.length) {
    return none('is a text with places, not a list', 'write one place alone, such as "{{ record.lines }}"');
  }
  const [read] = reads;
  if (reads.length !== 1 || read?.root !== 'steps' || read.path.length !== 1) return undefined;
  return none('a step is no list', `write "{{ steps.${read.path[0]}.result }}"`);
}

/** A name that means nothing here, and is no slip of one that does. */
function isFree(name: string, { roots, members }: Names): boolean {
  if (roots.has(name) || members.get('steps')?.includes(name) === true) return false;
  return nearest(name, roots.keys()) === undefined;
}

/** `{{ input_records }}`: a parameter of the start, or a field of the record. */
function givenItems(name: string, field: string): FoundItems {
  const list = (scope: Scope): readonly JsonValue[] => {
    for (const owner of [scope.params, scope.item, scope.record]) {
      if (typeof owner !== 'object' || owner === null || Array.isArray(owner) || !Object.hasOwn(owner, name))
        continue;
      return asList((owner as Readonly<Record<string, JsonValue>>)[name], field);
    }
    const message = `${field}: there is no name "${name}" here, no parameter and no field of the record that is called so`;
    throw new RecordFailure({ class: 'data', code: 'undefined_name', message });
  };
  return { items: { list, literal: undefined }, reads: [], problems: [] };
}

function globItems(pattern: string, path: readonly string[]): FoundItems {
  if (pattern === '') return none('names no files', 'write glob:data/*.csv');
  if (/\{\{/.test(pattern)) {
    return {
      ...none(undefined),
      problems: [{ path, at: 0, message: 'a pattern takes no places', suggestion: 'write it out' }],
    };
  }
  return {
    items: { list: (_, { context }) => context.glob(pattern), literal: undefined },
    reads: [],
    problems: [],
  };
}

function none(message: string | undefined, suggestion?: string): FoundItems {
  const problem =
    message === undefined
      ? []
      : [{ path: [], at: 0, message, ...(suggestion === undefined ? {} : { suggestion }) }];
  return { items: { list: () => [], literal: undefined }, reads: [], problems: problem };
}

function asList(value: unknown, field: string): readonly JsonValue[] {
  if (Array.isArray(value)) return value as readonly JsonValue[];
  const message = `${field}: this is no list`;
  throw new RecordFailure({ class: 'data', code: 'list_expected', message });
}
