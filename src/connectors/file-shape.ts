import { z } from 'zod';
import { nearest } from '../domain/nearest.ts';
import { didYouMean } from './did-you-mean.ts';
import { type FileProblem, maxFileProblems } from './file-problem.ts';
import type { NodePath, YamlFile } from './yaml-file.ts';

type Issue = z.core.$ZodIssue;

/** Checks a file against a schema and finds everything that does not fit, not only the first thing. */
export function checkShape<T>(
  yaml: YamlFile,
  schema: z.ZodType<T>,
): { data: T } | { problems: FileProblem[] } {
  const checked = schema.safeParse(yaml.value, { error: wordsFor });
  if (checked.success) return { data: checked.data };
  const issues = checked.error.issues.slice(0, maxFileProblems);
  return { problems: issues.flatMap((issue) => problemsOf(yaml, schema, issue, [])) };
}

function problemsOf(yaml: YamlFile, schema: z.ZodType, issue: Issue, parent: NodePath): FileProblem[] {
  const path = [
    ...parent,
    ...issue.path.map((segment) => (typeof segment === 'number' ? segment : String(segment))),
  ];
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path);
    return issue.keys
      .slice(0, maxFileProblems)
      .map((key) =>
        yaml.problem({ path: [...path, key], key: true }, `unknown key "${key}"`, didYouMean(key, known)),
      );
  }
  if (issue.code === 'invalid_union') {
    const branch = branchMeant(issue);
    if (branch !== undefined) return branch.flatMap((inner) => problemsOf(yaml, schema, inner, path));
  }
  const isKey = issue.code === 'invalid_key';
  const words = isKey ? issue.issues[0]?.message : undefined;
  const name = path.length === 0 ? 'the file' : path.join('.');
  return [
    yaml.problem({ path, key: isKey }, `${name} ${words ?? issue.message}`, adviceFor(issue, yaml, path)),
  ];
}

/**
 * Of a union's branches, the only one whose kind of value (text, map, …) is the one that was written; of several
 * maps the only one whose keys are there.
 */
function branchMeant(issue: z.core.$ZodIssueInvalidUnion): readonly Issue[] | undefined {
  const fitting = issue.errors.filter(
    (branch) =>
      !branch.some(
        ({ code, path }) => path.length === 0 && (code === 'invalid_type' || code === 'invalid_value'),
      ),
  );
  if (fitting.length === 1) return fitting[0];
  const whole = fitting.filter((branch) => !branch.some(isMissing));
  return whole.length === 1 ? whole[0] : undefined;
}

const isMissing = ({ message }: Issue) => message === missing;
const missing = 'is missing';

/** What follows the name of the key, unless the schema has words of its own. */
function wordsFor(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined) return missing;
  if (issue.code === 'invalid_type') return `must be ${kindNames[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `must be ${issue.values.map(String).join(', ')}`;
  return 'has a form that is not allowed';
}

const kindNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map of keys and values',
  record: 'a map of keys and values',
  array: 'a list',
};

/** The schema's own advice (`params.suggestion`), or the word of a choice that was probably meant. */
function adviceFor(issue: Issue, yaml: YamlFile, path: NodePath): string | undefined {
  if (issue.code === 'custom') return issue.params?.suggestion;
  const value = valueAt(yaml.value, path);
  const close = typeof value === 'string' ? nearest(value, choicesOf(issue)) : undefined;
  return close === undefined ? undefined : `did you mean "${close}"?`;
}

function choicesOf(issue: Issue): string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  if (issue.code !== 'invalid_union') return [];
  return issue.errors.flatMap((branch) =>
    branch.flatMap((inner) =>
      inner.path.length === 0 && inner.code === 'invalid_value' ? choicesOf(inner) : [],
    ),
  );
}

function valueAt(value: unknown, path: NodePath): unknown {
  let current = value;
  for (const segment of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = Object.getOwnPropertyDescriptor(current, segment)?.value;
  }
  return current;
}

/** The keys a schema knows at a path, over all branches of a union. */
function keysAt(schema: unknown, path: NodePath): string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return keysAt(schema.unwrap(), path);
  }
  if (schema instanceof z.ZodPipe) return keysAt(schema.in, path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => keysAt(option, path));
  const [segment, ...rest] = path;
  if (schema instanceof z.ZodObject) {
    const shape: Readonly<Record<string, unknown>> = schema.shape;
    return segment === undefined ? Object.keys(shape) : keysAt(shape[segment], rest);
  }
  if (schema instanceof z.ZodRecord && segment !== undefined) return keysAt(schema.valueType, rest);
  if (schema instanceof z.ZodArray && segment !== undefined) return keysAt(schema.element, rest);
  return [];
}
