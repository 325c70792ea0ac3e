import { z } from 'zod';
import { parseDuration } from '../domain/duration.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Database } from '../store/database.ts';
import { listJobs } from '../store/jobs.ts';
import type { OperationContext } from './context.ts';

/** How every list takes the time it begins at. */
export const sinceInput = z.string().max(40).optional();

/** The last millisecond of the last year that has four digits. */
const latest = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * The moment that `since` means.
 *
 * @throws SluiceError `invalid_input` in the name of `operation`.
 */
export function momentOf(text: string, operation: string): Date {
  const ago = /^\d.*[a-z]$/.test(text) ? parseDuration(text) : undefined;
  const date = ago === undefined ? timeOf(text) : new Date(Date.now() - ago);
  if (date !== undefined && date.getTime() >= 0 && date.getTime() <= latest) return date;
  throw new SluiceError(
    'invalid_input',
    `${operation}: since: "${text}" is neither a span such as 12h nor a time such as 2026-01-31T08:00:00Z.`,
  );
}

/** A day, with or without a time, in UTC unless a zone is named. `Date` by itself would take 30 February for 2 March. */
function timeOf(text: string): Date | undefined {
  const day = /^\d{4}-\d\d-\d\d(?=$|[T ])/.exec(text)?.[0];
  if (day === undefined) return undefined;
  const midnight = new Date(day);
  const isDay = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
  const hasZone = text.length === day.length || /(?:z|[+-]\d\d:?\d\d)$/i.test(text.slice(day.length));
  return isDay ? new Date(hasZone ? text : `${text}Z`) : undefined;
}

/**
 * The name of the flow that a list is asked for. One that is gone still has jobs.
 *
 * @throws SluiceError `flow_not_found` with the nearest name.
 */
export async function flowNameOf(
  { flows }: Pick<OperationContext, 'flows'>,
  db: Database,
  reference: string,
): Promise<string> {
  try {
    return (await flows.find(reference)).name;
  } catch (error) {
    const isUnknown = error instanceof SluiceError && error.code === 'flow_not_found';
    if (isUnknown && (await listJobs(db, { flowName: reference, limit: 1 })).length === 0) throw error;
    return reference;
  }
}
