/** What makes one call of one record the same call, however often it is sent. */
export interface CallIdentity {
  readonly batchJobId: string;
  readonly index: number;
  readonly step: string;
  /** Position in a loop inside the step, if there is one. */
  readonly loop?: number;
  /** Counts the patches to the payload: a patched record is a new call. */
  readonly revision: number;
}

/** The `Idempotency-Key` of a call: the same on every attempt, take-over and unpatched retry. */
export function idempotencyKey({ batchJobId, index, step, loop, revision }: CallIdentity): string {
  const place = loop === undefined ? step : `${step}:${loop}`;
  return `${batchJobId}:${index}:${place}:r${revision}`;
}
