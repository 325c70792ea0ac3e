/** What a schema found wrong with a value: the part of Zod's issues that words are made of. */
export interface SchemaIssue {
  readonly code?: unknown;
  readonly input?: unknown;
  /** Of `invalid_type`: the kind that is wanted. */
  readonly expected?: unknown;
  /** Of `invalid_value`: the choices. */
  readonly values?: unknown;
  /** Of `too_small` and `too_big`: the kind of value that is bounded, and its bounds. */
  readonly origin?: unknown;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
  /** False where the bound itself is not allowed. */
  readonly inclusive?: unknown;
  /** Of `not_multiple_of`. */
  readonly divisor?: unknown;
}

/** How kinds of values are called; those that are not named here keep the schema's own name. */
export type KindNames = Readonly<Partial<Record<string, string>>>;

export const kindsOfArguments: KindNames = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
};

export const isMissing = 'is missing';

/** What is wrong, to be read after the name of the value: "must be a list", "must be at most 100". */
export function issueWords(issue: SchemaIssue, kinds: KindNames): string {
  if (issue.input === undefined) return isMissing;
  if (issue.code === 'invalid_type') return `must be ${kinds[String(issue.expected)] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `must be ${choiceWords(issue.values)}`;
  if (issue.code === 'too_small') return boundWords(issue, 'least', issue.minimum);
  if (issue.code === 'too_big') return boundWords(issue, 'most', issue.maximum);
  if (issue.code === 'not_multiple_of') return `must be a multiple of ${issue.divisor}`;
  return 'has a form that is not allowed';
}

function choiceWords(values: unknown): string {
  const choices = Array.isArray(values) ? values.map(String) : [];
  return choices.length > 1 ? `one of ${choices.join(', ')}` : choices.join('');
}

function boundWords({ origin, inclusive }: SchemaIssue, side: 'least' | 'most', bound: unknown): string {
  const unit = units[String(origin)];
  if (unit === undefined && inclusive === false) return `must be ${beyond[side]} ${bound}`;
  if (unit === undefined) return `must be at ${side} ${bound}`;
  if (origin === 'string' && side === 'least' && Number(bound) === 1) return 'must not be empty';
  return `must have at ${side} ${bound} ${unit}${Number(bound) === 1 ? '' : 's'}`;
}

const beyond = { least: 'more than', most: 'less than' };

/** What is counted in a value that has a size. */
const units: Readonly<Partial<Record<string, string>>> = {
  string: 'character',
  array: 'item',
  set: 'item',
  map: 'key',
  object: 'key',
};

interface FoundIssue {
  readonly code?: unknown;
  readonly message: string;
  readonly path: readonly PropertyKey[];
  /** Of `invalid_union`: what is wrong with the value as each of the forms it may have. */
  readonly errors?: readonly (readonly FoundIssue[])[];
}

/** What is wrong with the form of a value that was probably meant, in place of "it has none of these forms". */
export function issuesMeant<I extends FoundIssue>(issue: I): I[] {
  const meant = issue.code === 'invalid_union' ? formMeant((issue.errors ?? []) as I[][]) : undefined;
  if (meant === undefined) return [issue];
  return meant.flatMap((inner) => issuesMeant({ ...inner, path: [...issue.path, ...inner.path] }));
}

/**
 * Of the forms a value may have, the only one of the kind (text, list, map) that was given; of several, the only one
 * of which nothing is missing.
 */
function formMeant<I extends FoundIssue>(forms: readonly (readonly I[])[]): readonly I[] | undefined {
  const fitting = forms.filter(
    (form) =>
      !form.some(({ code, path }) => path.length === 0 && /^invalid_(type|value)$/.test(String(code))),
  );
  if (fitting.length === 1) return fitting[0];
  const whole = fitting.filter((form) => !form.some(({ message }) => message === isMissing));
  return whole.length === 1 ? whole[0] : undefined;
}
