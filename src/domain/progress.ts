import type { JsonValue } from './json.ts';

/** What a step came to, as later steps see it. */
export interface StepOutcome {
  /** failed: its failure was dealt with, and the flow went on. */
  readonly status: 'done' | 'failed' | 'skipped';
  readonly result: JsonValue;
  /** Message of the failure. */
  readonly error?: string;
  /** The answer to a call that must not be made again was lost, so that no attempt may run the step again. */
  readonly isLost?: true;
}

/** What attempts at a record have come to so far, kept so that the next one need not do it again. */
export interface Progress {
  /** Results by the path of the step: `find`, or `notify[3].send` inside a loop. */
  readonly results: Readonly<Record<string, JsonValue>>;
  /** What came before a step that is tried again by itself, and what was lost; it counts until the retries are over. */
  readonly passed?: Readonly<Record<string, StepOutcome>>;
  /** How often each step has failed in this wave, by its path; under '' those that had no retry of their own. */
  readonly failing?: Readonly<Record<string, number>>;
  /** Of a chunk: the records it is about, which are to make a chunk again. The results are worth nothing to others. */
  readonly indexes?: readonly number[];
  /** How often the answer to a chunk has named the record as failed: what is sent after that is another call. */
  readonly refused?: number;
}

/** What stays known of refusals, whatever else becomes of the progress. */
export function refusalsIn(progress: Progress | undefined): Pick<Progress, 'refused'> {
  // Null where a retry has written it.
  const refused = progress?.refused ?? 0;
  return refused === 0 ? {} : { refused };
}
