import { largestWindow } from './claimer.ts';

/**
 * How many records of a job may be started and not committed, which is what a crash can repeat: for flows
 * with outside effects those of two runs in each slot; for others two windows, so that one is run while the one
 * before is committed.
 */
export function mostUnderWay(hasEffects: boolean, concurrency: number, chunkSize: number): number {
  const twice = 2 * concurrency * chunkSize;
  return hasEffects ? twice : Math.max(2 * largestWindow, twice);
}

/**
 * Of what runs at once, the part that makes a group. While as many as run at once were being committed nothing could
 * start, since no more than twice as many may be under way.
 */
const groupPart = 0.6;

/** Records that are committed without waiting for more. */
export const groupSize = (hasEffects: boolean, concurrency: number, chunkSize: number): number =>
  hasEffects ? Math.ceil(groupPart * concurrency * chunkSize) : largestWindow;
