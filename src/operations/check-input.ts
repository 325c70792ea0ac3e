import type { z } from 'zod';
import { isDeeperThan, type JsonValue } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Operation } from './operation.ts';

/** Mistakes told at once; a call with more has told enough. */
const mistakesTold = 8;
/** Characters of a name that the caller has made up. */
const nameAtMost = 60;

/** A record may be 64 levels deep, and those a little deeper fail by themselves; nothing has a use for more. */
const levelsAtMost = 500;

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
  const { reshape = (value) => value } = operation;
  const parsed = operation.input.safeParse(reshape((given ?? {}) as JsonValue));
  if (parsed.success) return parsed.data;
  const known = parametersOf(operation);
  const { issues } = parsed.error;
  const mistakes = issues.slice(0, mistakesTold).flatMap((issue) => describe(issue, known));
  const omitted = issues.reduce((sum, issue) => sum + mistakesIn(issue), 0) - mistakesTold;
  const lines = [...mistakes.slice(0, mistakesTold), ...(omitted > 0 ? [`and ${omitted} more`] : [])];
  throw new SluiceError('invalid_input', `${operation.name}: ${lines.join('; ')}. Nothing was changed.`);
}

/** Names of an operation's parameters, in the order they are declared. */
export function parametersOf(operation: Operation): string[] {
  const { shape } = operation.input as unknown as { shape?: Record<string, unknown> };
  return Object.keys(shape ?? {});
}

/** All unknown names of a map are one issue. */
const mistakesIn = (issue: z.core.$ZodIssue) => (issue.code === 'unrecognized_keys' ? issue.keys.length : 1);

function describe(issue: z.core.$ZodIssue, known: readonly string[]): string[] {
  const path = issue.path
    .map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${nameIn(part)}`))
    .join('');
  if (issue.code !== 'unrecognized_keys')
    return [`${path === '' ? 'the arguments' : path}: ${wordsOf(issue)}`];
  return issue.keys.slice(0, mistakesTold).map((key) => {
    const place = path === '' ? '' : `${path}.`;
    const guess = path === '' ? nearest(key, known) : undefined;
    const advice =
      guess === undefined
        ? path === ''
          ? ` (there ${known.length === 0 ? 'are none' : `are ${known.join(', ')}`})`
          : ''
        : ` (did you mean ${guess}?)`;
    return `there is no parameter ${place}${nameIn(key)}${advice}`;
  });
}

const nameIn = (name: PropertyKey) => String(name).slice(0, nameAtMost);

/** Zod's words where they are those of people. */
function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.message.endsWith('received undefined')) return 'is missing';
  if (issue.code === 'invalid_type') return typeWords(issue);
  if (issue.code === 'too_small' && issue.origin === 'array') return sizeWords('least', issue.minimum);
  if (issue.code === 'too_big' && issue.origin === 'array') return sizeWords('most', issue.maximum);
  const forms = issue.code === 'invalid_union' ? issue.errors.flatMap((form) => form.slice(0, 1)) : [];
  if (forms.length === 0) return lowerFirst(issue.message);
  return [...new Set(forms.map((form) => wordsOf(form).replace(/^invalid input: /, '')))].join(', or ');
}

function typeWords({ expected, message }: z.core.$ZodIssueInvalidType): string {
  const received = /received (\w+)$/.exec(message)?.[1];
  const what = kinds[expected] ?? expected;
  return received === undefined ? `expected ${what}` : `expected ${what}, not ${kinds[received] ?? received}`;
}

const kinds: Readonly<Partial<Record<string, string>>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
};

const sizeWords = (bound: 'least' | 'most', count: number | bigint) =>
  `must have at ${bound} ${count} ${Number(count) === 1 ? 'item' : 'items'}`;

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
