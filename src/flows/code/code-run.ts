import type { Attempt, Ending } from '../flow.ts';
import type { FlowEnvironment } from '../flow-environment.ts';

/** What all functions of a run share, over a record or at the end of a job. */
export interface Site {
  readonly context: Attempt | Ending;
  readonly environment: FlowEnvironment;
  /** Names of the connectors and variables that the flow may use. */
  readonly connectors: ReadonlySet<string>;
  readonly variables: ReadonlySet<string>;
  /** The idempotency key of a call: by the path of its step, and its number within the step, from 0. */
  readonly keyOf: (path: string, call: number) => string;
  /** The text of the module: what of a path or name stands in it was not made from a record. */
  readonly text: string;
}

/** One run of a code flow over a record, or over a chunk of them. */
export interface CodeRun extends Site {
  readonly context: Attempt;
  readonly payload: unknown;
  /** Results of all steps are kept, not only those before a loop. */
  readonly keeps: boolean;
  readonly hasEffects: boolean;
}
