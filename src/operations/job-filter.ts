import { z } from 'zod';
import { parseDuration } from '../domain/duration.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { OperationContext } from './context.ts';

/** How every list takes the time it begins at. */
export const sinceInput = z.string().max(40).optional();

/**
 * The moment that `since` means.
 *
 * @throws SluiceError `invalid_input` in the name of `operation`.
 */
export function momentOf(text: string, operation: string): Date {
  const ago = /^\d/.test(text) && !text.includes('-') ? parseDuration(text) : undefined;
  const date = ago === undefined ? new Date(text) : new Date(Date.now() - ago);
  if (date.getTime() >= 0) return date;
  throw new SluiceError(
    'invalid_input',
    `${operation}: since: "${text}" is neither a span such as 12h nor a time such as 2026-01-31T08:00:00Z.`,
  );
}

/** The name of the flow meant. One that is gone still has jobs, so an unknown name is taken as it is. */
export async function flowNameOf({ flows }: Pick<OperationContext, 'flows'>, reference: string) {
  try {
    return (await flows.find(reference)).name;
  } catch {
    return reference;
  }
}
