import { nearest } from '../domain/nearest.ts';
import type { ExpectedField } from '../flows/flow.ts';
import type { SourceProfile } from '../sources/profile.ts';
import { quoteName } from '../sources/quote-name.ts';

const namesShown = 5;

/** Says which fields a flow reads that none of the rows has; undefined: there are none, or it is not known. */
export function absenceOf(expects: readonly ExpectedField[], profile: SourceProfile): string | undefined {
  const columns = new Set(profile.columns.map(({ name }) => name));
  if (columns.size === 0 || profile.moreColumns > 0) return undefined;
  const absent = expects.filter((field) => !isOptional(field) && !isThere(field.path, columns));
  if (absent.length === 0) return undefined;
  const names = absent.slice(0, namesShown).map(({ path }) => withGuess(path, columns));
  const more = absent.length > namesShown ? ` and ${absent.length - namesShown} more` : '';
  return `The flow reads what no row looked at has: ${names.join(', ')}${more}. Correct the flow or the file, unless that is meant.`;
}

/** The flow's `input` says that it may be left out. */
const isOptional = ({ required, form }: ExpectedField) => !required && form !== undefined;

/** A column may have dots in its name; else the path leads into an object. */
const isThere = (path: string, columns: ReadonlySet<string>) =>
  columns.has(path) || columns.has(firstKey(path));

function firstKey(path: string): string {
  const quoted = /^\[("(?:[^"\\]|\\.)*")\]/.exec(path)?.[1];
  return quoted === undefined ? (/^[^.[]*/.exec(path)?.[0] ?? path) : (JSON.parse(quoted) as string);
}

function withGuess(path: string, columns: ReadonlySet<string>): string {
  const guess = nearest(path, columns);
  return quoteName(path) + (guess === undefined ? '' : ` (there is ${quoteName(guess)})`);
}
