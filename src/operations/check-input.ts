import type { z } from 'zod';
import { hasField, isDeeperThan, type JsonValue } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';
import { isMissing, issuesMeant, issueWords, kindsOfArguments } from '../domain/schema-issue.ts';
import { keysAt } from '../domain/schema-keys.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Operation } from './operation.ts';

/** Mistakes told at once; a call with more has told enough. */
const mistakesTold = 8;
/** Characters of a name that the caller has made up. */
const nameAtMost = 60;

/** A record may be 64 levels deep, and those a little deeper fail by themselves; nothing has a use for more. */
const levelsAtMost = 500;

type Issue = z.core.$ZodIssue;

/**
 * The input of an operation, checked.
 *
 * @throws SluiceError `invalid_input` naming every wrong parameter, what it may be, and the nearest name.
 */
export function checkInput<Input extends z.ZodType>(
  operation: Operation<Input>,
  given: unknown,
): z.output<Input> {
  if (isDeeperThan(levelsAtMost, given)) {
    const words = `the arguments are nested more than ${levelsAtMost} levels deep`;
    throw new SluiceError('invalid_input', `${operation.name}: ${words}. Nothing was changed.`);
  }
  // Else it would be dropped on the way, and nobody told.
  if (hasField('__proto__', given)) {
    const words =
      'a field has the name __proto__, which a call cannot give; records with one come from a file';
    throw new SluiceError('invalid_input', `${operation.name}: ${words}. Nothing was changed.`);
  }
  const { reshape = (value) => value } = operation;
  const parsed = operation.input.safeParse(reshape((given ?? {}) as JsonValue), {
    error: (issue) => issueWords(issue, kindsOfArguments),
    reportInput: true,
  });
  if (parsed.success) return parsed.data;
  const issues = withoutEchoes(parsed.error.issues.flatMap(issuesMeant));
  const mistakes = issues.slice(0, mistakesTold).flatMap((issue) => describe(issue, operation.input));
  const omitted = issues.reduce((sum, issue) => sum + mistakesIn(issue), 0) - mistakesTold;
  const lines = [...mistakes.slice(0, mistakesTold), ...(omitted > 0 ? [`and ${omitted} more`] : [])];
  throw new SluiceError('invalid_input', `${operation.name}: ${lines.join('; ')}. Nothing was changed.`);
}

/** What is of another kind fails every further check as well, and of several limits the last is the narrowest. */
function withoutEchoes(issues: readonly Issue[]): Issue[] {
  const kept = new Map<string, Issue>();
  for (const issue of issues) {
    const place = placeOf(issue.path);
    if (issue.code === 'invalid_type') kept.set(place, issue);
    else if (!issue.code.startsWith('too_')) kept.set(`${place} ${kept.size}`, issue);
    else if (!kept.has(place)) kept.set(`${place} ${issue.code}`, issue);
  }
  return [...kept.values()];
}

/** All unknown names of a map are one issue. */
const mistakesIn = (issue: Issue) => (issue.code === 'unrecognized_keys' ? issue.keys.length : 1);

function describe(issue: Issue, schema: z.ZodType): string[] {
  if (issue.code === 'unrecognized_keys') return unknownNames(issue, schema);
  const place = placeOf(issue.path);
  return [`${place === '' ? 'the arguments' : place}: ${wordsOf(issue)}`];
}

const placeOf = (path: Issue['path']) =>
  path
    .map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${nameIn(part)}`))
    .join('');

function unknownNames({ path, keys }: z.core.$ZodIssueUnrecognizedKeys, schema: z.ZodType): string[] {
  const known = [...new Set(keysAt(schema, path))];
  const place = path.length === 0 ? '' : `${placeOf(path)}.`;
  const meant = (key: string) => nearest(key, known) ?? nearest(key, keysAt(schema, []));
  const told = keys.slice(0, mistakesTold);
  const lost = told.find((key) => meant(key) === undefined);
  return told.map((key) => {
    const guess = meant(key);
    const advice =
      guess === undefined ? (key === lost ? ` (${listed(known)})` : '') : ` (did you mean ${guess}?)`;
    return `there is no parameter ${place}${nameIn(key)}${advice}`;
  });
}

const listed = (known: readonly string[]) =>
  known.length === 0 ? 'there are none' : `there are ${known.join(', ')}`;

const nameIn = (name: PropertyKey) => String(name).slice(0, nameAtMost);

function wordsOf(issue: Issue): string {
  if (issue.code === 'invalid_union' && issue.input !== undefined) return formsOf(issue);
  if (issue.code === 'invalid_value') return `${issue.message}${choiceMeant(issue)}`;
  const given =
    issue.code === 'invalid_type' && issue.message !== isMissing ? kindOf(issue.input) : undefined;
  return given === undefined || issue.message.endsWith(given)
    ? issue.message
    : `${issue.message}, not ${given}`;
}

/** "must be all, or a list" */
function formsOf({ errors }: z.core.$ZodIssueInvalidUnion): string {
  const forms = errors.flatMap(([first]) =>
    first === undefined ? [] : [first.message.replace(/^must be /, '')],
  );
  return `must be ${[...new Set(forms)].join(', or ')}`;
}

function choiceMeant({ input, values }: z.core.$ZodIssueInvalidValue): string {
  const guess = typeof input === 'string' ? nearest(input, values.map(String)) : undefined;
  return guess === undefined ? '' : ` (did you mean ${guess}?)`;
}

function kindOf(value: unknown): string | undefined {
  if (value === null) return 'null';
  if (Array.isArray(value)) return kindsOfArguments.array;
  return Number.isFinite(value) && !Number.isInteger(value) ? 'a fraction' : kindsOfArguments[typeof value];
}
