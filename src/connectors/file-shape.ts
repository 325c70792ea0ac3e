import type { z } from 'zod';
import { nearest } from '../domain/nearest.ts';
import { issuesMeant, issueWords, kindsOfArguments } from '../domain/schema-issue.ts';
import { keysAt } from '../domain/schema-keys.ts';
import { didYouMean } from './did-you-mean.ts';
import { type FileProblem, maxFileProblems } from './file-problem.ts';
import type { NodePath, YamlFile } from './yaml-file.ts';

type Issue = z.core.$ZodIssue;

/** What to write instead of an unknown key, if it is no slip of one that is known there. */
export type KeyAdvice = (key: string, known: readonly string[]) => string | undefined;

/** Checks a file against a schema and finds everything that does not fit, not only the first thing. */
export function checkShape<T>(
  yaml: YamlFile,
  schema: z.ZodType<T>,
  advice: KeyAdvice = () => undefined,
): { data: T } | { problems: FileProblem[] } {
  const checked = schema.safeParse(yaml.value, { error: (issue) => issueWords(issue, kindsInFiles) });
  if (checked.success) return { data: checked.data };
  const issues = checked.error.issues.flatMap(issuesMeant).slice(0, maxFileProblems);
  return { problems: issues.flatMap((issue) => problemsOf(yaml, schema, issue, advice)) };
}

function problemsOf(yaml: YamlFile, schema: z.ZodType, issue: Issue, advice: KeyAdvice): FileProblem[] {
  const path = issue.path.map((segment) => (typeof segment === 'number' ? segment : String(segment)));
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path);
    return issue.keys
      .slice(0, maxFileProblems)
      .map((key) =>
        yaml.problem(
          { path: [...path, key], key: true },
          `unknown key "${key}"`,
          advice(key, known) ?? didYouMean(key, known),
        ),
      );
  }
  const isKey = issue.code === 'invalid_key';
  const words = isKey ? issue.issues[0]?.message : undefined;
  const name = path.length === 0 ? 'the file' : path.join('.');
  return [
    yaml.problem({ path, key: isKey }, `${name} ${words ?? issue.message}`, adviceFor(issue, yaml, path)),
  ];
}

const kindsInFiles = {
  ...kindsOfArguments,
  object: 'a map of keys and values',
  record: 'a map of keys and values',
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
