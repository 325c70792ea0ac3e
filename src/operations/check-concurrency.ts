import { SluiceError } from '../domain/sluice-error.ts';

/** @throws SluiceError `invalid_input` when more is asked for than the operator allows. */
export function checkConcurrency(
  maxConcurrency: number,
  given: number | undefined,
  nothing: 'started' | 'changed',
): void {
  if (given === undefined || given <= maxConcurrency) return;
  throw new SluiceError(
    'invalid_input',
    `concurrency: must be from 1 to ${maxConcurrency} (SLUICE_MAX_CONCURRENCY). Nothing was ${nothing}.`,
  );
}
