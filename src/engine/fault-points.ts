/** The places at which a fault test can end the process. */
export type FaultPoint =
  | 'after_claim'
  | 'before_call'
  | 'after_call'
  | 'before_commit'
  | 'after_commit'
  | 'in_intake'
  | 'in_rescue'
  | 'in_ending'
  | 'in_skip'
  | 'after_delivery';

interface Fault {
  readonly point: string;
  /** Only for the record with this index. */
  readonly index: number | undefined;
  /** At the how-manieth pass, from 1. */
  remaining: number;
}

/**
 * Ends the process with SIGKILL at a named point when `SLUICE_FAULTS` says so; otherwise an empty
 * function. Form: `point`, `point@INDEX` (that record only) or `point#N` (the Nth pass), separated by
 * commas.
 */
export const faultPoint: (point: FaultPoint, index?: number) => void =
  process.env.SLUICE_FAULTS === undefined ? () => {} : armed(parse(process.env.SLUICE_FAULTS));

function parse(text: string): Fault[] {
  return text.split(',').map((part) => {
    const [, point = '', index, pass] = /^(\w+)(?:@(\d+))?(?:#(\d+))?$/.exec(part.trim()) ?? [];
    return { point, index: index === undefined ? undefined : Number(index), remaining: Number(pass ?? 1) };
  });
}

function armed(faults: readonly Fault[]) {
  return (point: FaultPoint, index?: number) => {
    for (const fault of faults) {
      if (fault.point !== point || (fault.index !== undefined && fault.index !== index)) continue;
      fault.remaining--;
      if (fault.remaining === 0) process.kill(process.pid, 'SIGKILL');
    }
  };
}
