import { maxFileProblems } from '../connectors/file-problem.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import type { PathRead, PipeSite } from './compile-pipe.ts';
import type { MappingProblem } from './mapping.ts';
import type { Scope } from './names.ts';
import { compileTemplate } from './template.ts';
import { omitted } from './transforms/transform.ts';

type Path = MappingProblem['path'];
type Reader = (scope: Scope) => JsonValue | typeof omitted;

/** A value of a flow's file with `{{ places }}` in its texts. */
export interface TemplateValue {
  readonly value: (scope: Scope) => JsonValue;
  readonly reads: readonly PathRead[];
  readonly problems: readonly MappingProblem[];
}

/**
 * Compiles a text, map or list whose texts may hold places. A text that is one place alone becomes the value
 * of any type; what `omit_if_null` leaves out is left out of its map or list.
 */
export function compileValue(written: unknown, path: Path, site: PipeSite): TemplateValue {
  const reads: PathRead[] = [];
  const problems: MappingProblem[] = [];
  const read = compile(written, path);
  const value = (scope: Scope): JsonValue => {
    const found = read(scope);
    return found === omitted ? null : found;
  };
  return { value, reads, problems };

  function compile(part: unknown, at: Path): Reader {
    if (typeof part === 'string') return textReader(part, at);
    if (Array.isArray(part))
      return listReader(part.map((item: unknown, index) => compile(item, [...at, index])));
    if (isJsonObject(part)) return mapReader(part, at);
    const fixed = (part ?? null) as JsonValue;
    return () => fixed;
  }

  function textReader(text: string, at: Path): Reader {
    if (problems.length >= maxFileProblems) return () => null;
    const compiled = compileTemplate(text, at.join('.'), site);
    if ('problems' in compiled) {
      problems.push(...compiled.problems.map((problem) => ({ ...problem, path: at })));
      return () => null;
    }
    const { template } = compiled;
    reads.push(...template.reads);
    if (template.fixed) return () => text;
    return (scope) => template.value(scope) ?? null;
  }

  function mapReader(map: Readonly<Record<string, unknown>>, at: Path): Reader {
    const entries = Object.entries(map).map(([key, item]) => {
      if (['__proto__', 'constructor', 'prototype'].includes(key)) {
        problems.push({ path: [...at, key], key: true, at: 0, message: `"${key}" cannot be a key` });
      }
      return [key, compile(item, [...at, key])] as const;
    });
    return (scope) => {
      const made: Record<string, JsonValue> = {};
      for (const [key, item] of entries) {
        const found = item(scope);
        if (found !== omitted) made[key] = found;
      }
      return made;
    };
  }
}

function listReader(items: readonly Reader[]): Reader {
  return (scope) =>
    items.flatMap((item) => {
      const found = item(scope);
      return found === omitted ? [] : [found];
    });
}
