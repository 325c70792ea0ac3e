import type { JsonObject, JsonValue } from '../../domain/json.ts';

/** What is only known while a flow runs, such as a payload without an `input` schema. */
// biome-ignore lint/suspicious/noExplicitAny: a flow's author knows what stands here; `unknown` would make every use a cast.
export type Anything = any;

export type MaybePromise<T> = T | Promise<T>;

/** What a function of a flow leaves behind: the value it resolves to, with null in place of undefined. */
export type Output<Returned> = Awaited<Returned> extends infer Value ? WithoutUndefined<Value> : never;

// biome-ignore lint/suspicious/noConfusingVoidType: what a function without a result returns is void.
type WithoutUndefined<Value> = Value extends undefined | void ? null : Value;

/** What is seen of a step that ran. */
export interface StepOutput<Value> {
  readonly output: Value;
}

/** Durable values, kept in the database. */
export interface FlowState {
  /** undefined, or `otherwise`, when the key was never set. */
  get(key: string): Promise<Anything>;
  get<Value>(key: string, otherwise: Value): Promise<Value>;
  /** Resolves when it is committed. The value is JSON; undefined is kept as null. */
  set(key: string, value: unknown): Promise<void>;
  /** Adds to a number, 0 at first, so that nothing is lost when many do it at once; returns the sum. */
  incr(key: string, by?: number): Promise<number>;
}

/** A call to a connector. */
export interface CallRequest {
  /** POST when there is a body, else GET. */
  readonly method?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** What is null or undefined is left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | null | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Total time, such as `10s`; a bare number is seconds. Default: the connector's. */
  readonly timeout?: string | number;
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed when the target says JSON, else text; null when empty. */
  readonly body: Anything;
}

/** What every function of a flow can use. */
export interface Surroundings {
  /** Values given at the start of the job. */
  readonly params: Anything;
  /** Aborted when the work has to end: the time of the step is over, or the process stops. */
  readonly signal: AbortSignal;
  /** An environment variable, which `env` of defineFlow has to name. */
  readonly env: (name: string) => string;
  /** A line for the log of the process. Put no payloads into it. */
  readonly log: (message: string) => void;
  /**
   * Calls a connector, which `connectors` of defineFlow has to name, with an `Idempotency-Key` that stays
   * the same when the step is tried again. Rejects for every answer outside 2xx and for no answer at all.
   */
  readonly fetch: (connector: string, path: string, request?: CallRequest) => Promise<CallAnswer>;
}

/** What a function of a flow sees of the record in hand. */
export interface Context<Payload, Steps, Last> extends Surroundings {
  /** The record; with `size` the list of them. */
  readonly payload: Payload;
  /** With `size`: the records, as `payload`; else a list of the one. */
  readonly items: readonly Anything[];
  /** By position in `items`: the index of the record in the input, from 0. */
  readonly indexes: readonly number[];
  readonly index: number;
  /** The record's own id, when the job has an id field. */
  readonly id: string | null;
  /** Steps by name. A step that was passed over has no output: asking for it is an error that says so. */
  readonly steps: Steps;
  /** What the step before has come to; null at first. */
  readonly last: Last;
  /** Durable values of this record's run. */
  readonly state: FlowState;
  readonly batch: BatchContext;
}

/** The job. */
export interface BatchContext {
  readonly id: string;
  readonly index: number;
  /** Records in the job, as far as they have been read. */
  readonly total: number;
  /** Durable values that all records of the job share. */
  readonly state: FlowState;
}

/** What `finally` sees when the job has ended. */
export interface FlowEnding extends Surroundings {
  /** As `get_batch_status` gives it: completed, completed_with_errors, failed or cancelled. */
  readonly status: string;
  readonly counts: JsonObject;
  /** 0 at first; each retry of failed records ends the job once more. */
  readonly wave: number;
  /** Durable values of the job. */
  readonly state: FlowState;
  readonly batch: { readonly id: string; readonly state: FlowState };
  /** Finished records in the order of the input, read page by page. */
  results(): AsyncIterable<FlowResult>;
}

export interface FlowResult {
  readonly index: number;
  readonly id: string | null;
  readonly status: string;
  readonly payload: JsonValue;
  readonly result: JsonValue;
  readonly error: string | null;
}
