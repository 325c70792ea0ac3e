/** When a connector counts as out of order, and how it is looked after from then on. */
export interface CircuitSettings {
  /** So many transient failures in a row that read the same. */
  readonly failures: number;
  /** So many refusals of its credentials in a row. */
  readonly authFailures: number;
  /** After so long one call is let through; in milliseconds. */
  readonly firstProbeMs: number;
  /** The time between two such calls grows up to this, in milliseconds. */
  readonly longestProbeMs: number;
}

/** Of a connector that says nothing else. */
export const defaultCircuit: CircuitSettings = {
  failures: 10,
  authFailures: 3,
  firstProbeMs: 5_000,
  longestProbeMs: 60_000,
};
