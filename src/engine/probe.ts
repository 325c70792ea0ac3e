import type { ClaimedRecord, Settlement } from '../domain/record.ts';
import type { Flow } from '../flows/flow.ts';
import type { Trouble } from '../store/self-pause.ts';
import type { Circuit } from './circuit.ts';

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

/** Tells what the record that tries has found out. Returns what that means for the record. */
export function judge(
  probe: ProbeUnderWay,
  record: ClaimedRecord,
  reached: Settlement,
  flow: Flow,
  circuit: Circuit,
): Settlement {
  const failure = 'failure' in reached ? reached.failure : undefined;
  // Of a mapping that got nowhere near its target nothing can be learned.
  const isLocal = flow.kind === 'mapping' && failure !== undefined && failure.connector === undefined;
  if ('uncounted' in reached || isLocal) {
    probe.resolve({ kind: 'untried' });
    return reached;
  }
  const trouble = failure && circuit.troubleOf(failure, probe.probes);
  probe.resolve(trouble === undefined ? { kind: 'answered' } : { kind: 'trouble', trouble });
  // What must not be sent again because its answer was lost has failed, trouble or not.
  return trouble === undefined || failure?.class === 'interrupted' ? reached : inVain(record, reached);
}

/** An attempt that does not count. That its call may have arrived, and with which others, is known all the same. */
function inVain({ progress: before }: ClaimedRecord, reached: Settlement): Settlement {
  const untried = { status: 'pending', uncounted: true } as const;
  if ('uncounted' in reached || 'result' in reached || reached.failure.maybeApplied !== true) return untried;
  const { failure, progress } = reached;
  if (progress?.indexes === undefined) return { ...untried, failure };
  const { failing: _, ...kept } = progress;
  const failing = before?.failing;
  return { ...untried, failure, progress: failing === undefined ? kept : { ...kept, failing } };
}
