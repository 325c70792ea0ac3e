import type { ClaimedRecord, Settlement } from '../domain/record.ts';
import type { Trouble } from '../store/self-pause.ts';

/** What a record that tries has found out. `untried`: nothing, since it could not begin, or was cut off. */
export type Probe =
  | { readonly kind: 'untried' | 'answered' }
  | { readonly kind: 'trouble'; readonly trouble: Trouble };

export interface ProbeUnderWay {
  /** The record that tries, or those of one run. */
  readonly indexes: ReadonlySet<number>;
  /** Counts them, from 1. */
  readonly probes: number;
  readonly resolve: (found: Probe) => void;
}

/** An attempt that does not count. That its call may have arrived, and with which others, is known all the same. */
export function inVain({ progress: before }: ClaimedRecord, reached: Settlement): Settlement {
  const untried = { status: 'pending', uncounted: true } as const;
  if ('uncounted' in reached || 'result' in reached || reached.failure.maybeApplied !== true) return untried;
  const { failure, progress } = reached;
  if (progress?.indexes === undefined) return { ...untried, failure };
  const { failing: _, ...kept } = progress;
  const failing = before?.failing;
  return { ...untried, failure, progress: failing === undefined ? kept : { ...kept, failing } };
}
