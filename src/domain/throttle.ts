/** What a connector holds the calls of this process back to, because of its target or of other processes. */
export interface Throttle {
  readonly connector: string;
  /** Calls at once at present; 0: the limits are used up by other processes. */
  readonly concurrency: number;
  /** Calls a second over the last seconds. */
  readonly perSecond: number;
  /** The target asked to be left alone for so long from now, in milliseconds; 0: it did not. */
  readonly restMs: number;
}
