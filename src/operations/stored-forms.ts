import { countAtMost } from './input-limits.ts';

// What callers send back, such as cursors, may be mangled; the database would fail at what only looks right.

/** A uuid as the database writes it. */
export const isUuid = (text: string) =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);

/** A number that a column of counts can hold. */
export const isCount = (text: string) => /^\d{1,10}$/.test(text) && Number(text) <= countAtMost;

/** A moment in UTC on a day that there is: `Date` by itself would take 30 February for 2 March. */
export function isMoment(text: string): boolean {
  const day = /^(?!0000)(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d\.\d{3,6}Z$/.exec(text)?.[1];
  const time = Date.parse(text);
  return day !== undefined && !Number.isNaN(time) && new Date(time).toISOString().startsWith(day);
}
