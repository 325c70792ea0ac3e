import { z } from 'zod';
import type { JsonValue } from '../domain/json.ts';
import { issueWords, kindsOfArguments } from '../domain/schema-issue.ts';
import type { WrongItem } from '../domain/sluice-error.ts';
import {
  type BatchOffer,
  batchMethods,
  headerProblem,
  offerFor,
  pathProblem,
  statementProblem,
} from '../flows/operation-rules.ts';
import { checkPayload } from '../sources/check-payload.ts';
import { textInput } from './input-limits.ts';

/** Of one call; one with more has told enough. */
const problemsTold = 8;

const path = z.string().superRefine((text, context) => {
  const message = pathProblem(text);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

const headers = z.record(z.string(), z.string()).superRefine((given, context) => {
  for (const [name, value] of Object.entries(given)) {
    const message = headerProblem(name, value);
    if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message });
  }
});

/** One call of a connector, as `POST /batch` takes it. */
const operationInput = z
  .strictObject({
    id: z
      .union([textInput(200), z.int()], 'must be a text of 1 to 200 characters, or a whole number')
      .optional(),
    method: z
      .string('must be a text')
      .transform((method) => method.toUpperCase())
      .pipe(z.enum(batchMethods, `must be one of ${batchMethods.join(', ')}`)),
    path,
    headers: headers.optional(),
    body: z.unknown().optional(),
  })
  .refine(({ method, body }) => body === undefined || !['GET', 'HEAD'].includes(method), {
    path: ['body'],
    message: 'cannot go with GET and HEAD',
  });

export type OperationCall = z.output<typeof operationInput>;

interface CallRules {
  readonly offers: readonly BatchOffer[];
  readonly isDatabase: boolean;
  /** Headers that the connector sets, in small letters. */
  readonly ownHeaders: readonly string[];
  readonly maxRecordBytes: number;
}

/** The calls, or everything that is wrong with any of them. */
export function readCalls(
  given: readonly unknown[],
  rules: CallRules,
): { calls: OperationCall[] } | { errors: WrongItem[] } {
  const calls: OperationCall[] = [];
  const errors: WrongItem[] = [];
  const seen = new Map<string, number>();
  for (const [index, written] of given.entries()) {
    const { call, problems } = readCall(written, rules);
    const id = idIn(written);
    const place = { index, ...(id === undefined ? {} : { id }) };
    const first = id === undefined ? undefined : seen.get(String(id));
    if (id !== undefined && first === undefined) seen.set(String(id), index);
    if (first !== undefined) problems.push({ field: 'id', message: `is that of operation ${first} as well` });
    errors.push(...problems.map((problem) => ({ ...place, ...problem })));
    if (call !== undefined) calls.push(call);
  }
  return errors.length > 0 ? { errors } : { calls };
}

function readCall(written: unknown, { offers, isDatabase, ownHeaders, maxRecordBytes }: CallRules) {
  // First, so that nothing else has to look into what is nested without end.
  const checked = checkPayload(written as JsonValue, maxRecordBytes);
  if (!checked.ok) return { call: undefined, problems: [{ message: clauseOf(checked.message) }] };
  const parsed = operationInput.safeParse(written, {
    error: (issue) => issueWords(issue, kindsOfArguments),
  });
  const problems: WrongItem[] = parsed.success ? [] : problemsIn(parsed.error);
  if (!parsed.success) return { call: undefined, problems };
  const { method, path: wanted, headers: given = {} } = parsed.data;
  for (const name of Object.keys(given)) {
    if (!ownHeaders.includes(name.toLowerCase())) continue;
    problems.push({ field: `headers.${name}`, message: 'is set by the connector itself' });
  }
  if (offerFor(offers, method, wanted) === undefined) {
    const message = `${method} ${wanted.split('?', 1)[0]} is not offered by the connector`;
    problems.push({ field: 'path', message });
  }
  const unfit = isDatabase ? statementProblem(parsed.data) : undefined;
  if (unfit !== undefined) problems.push({ message: unfit });
  return { call: parsed.data, problems };
}

/** What is said of a record, for the middle of a sentence. */
const clauseOf = (sentence: string) => sentence.replace(/^The record /, '').replace(/\.$/, '');

const problemsIn = ({ issues }: z.ZodError) =>
  issues.slice(0, problemsTold).flatMap(problemsOf).slice(0, problemsTold);

function problemsOf(issue: z.core.$ZodIssue): WrongItem[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .slice(0, problemsTold)
      .map((key) => ({ field: key.slice(0, 100), message: 'is not known' }));
  const field = issue.path.join('.').slice(0, 200);
  return [{ ...(field === '' ? {} : { field }), message: issue.message }];
}

function idIn(written: unknown): string | number | undefined {
  const id = typeof written === 'object' && written !== null && 'id' in written ? written.id : undefined;
  return (typeof id === 'string' && id.length <= 200) || typeof id === 'number' ? id : undefined;
}
