import type { HttpRequest } from '../connectors/http.ts';
import type { ConnectorRegistry, ConnectorType } from '../connectors/registry.ts';
import type { Failure } from '../domain/failure.ts';
import type { DuplicateAction, LimitAction, Ramp, RecordFailureAction } from '../domain/job.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import type { Progress } from '../domain/progress.ts';
import type { FinishedRecord, Share } from '../domain/record.ts';
import type { RetryPolicy } from '../domain/retry-policy.ts';
import type { ChunkResult } from './chunk-result.ts';
import type { Parameter } from './parameters.ts';
import type { PublishedApi } from './published-api.ts';
import type { Requests } from './requests.ts';
import type { StateStore } from './state.ts';

/** What a flow's `batch` block says when the caller does not. */
export interface BatchDefaults {
  readonly concurrency?: number;
  readonly continueOnError?: boolean;
  readonly onRecordFailure?: RecordFailureAction;
  readonly maxFailures?: number;
  /** Field of the payload that holds the record's own id. */
  readonly idField?: string;
  readonly maxFailureRate?: number;
  readonly failureWindow?: number;
  readonly onLimit?: LimitAction;
  readonly callback?: string;
  readonly rate?: string;
  readonly ramp?: Ramp;
  readonly orderBy?: string;
  readonly duplicates?: DuplicateAction;
  readonly skipUnchanged?: boolean;
}

/** A path of the payload the flow reads, for callers who want to know what to send. */
export interface ExpectedField {
  readonly path: string;
  readonly required: boolean;
  /** What it may be, when the flow's `input` says so: `email`, `integer 0..150`. */
  readonly form?: string;
}

/** A connector a run may use, and what it has to be. */
export interface ConnectorUse {
  readonly name: string;
  readonly type: ConnectorType;
}

/** How records are put together for one run. */
export interface ChunkRule {
  /** Records in one run, at most. */
  readonly size: number;
  /** What a failure of the whole run means: each record fails alike, or the bad ones are looked for. */
  readonly onError: 'fail' | 'bisect';
}

/** What a process must have or allow to run a flow, besides its connectors. */
export interface FlowNeeds {
  /** Kinds of steps that run programs, such as `python`; off unless the operator allows them. */
  readonly codeSteps: readonly string[];
  /** Environment variables that the flow names. */
  readonly variables: readonly string[];
  /** Those of the variables that need not be set, since the flow says what to take instead. */
  readonly mayMiss?: readonly string[];
  /** Why a person has to approve the flow when an assistant saves it; empty: nobody has to. */
  readonly approval: readonly string[];
}

/** What a run comes to: of a chunk a list with a result for each record, or what each of them came to. */
export type FlowResult = JsonValue | ChunkResult;

/** One compiled revision of a flow. Compiled once, then run for every record. */
export interface Flow {
  /** The same for every revision: derived from the name. */
  readonly flowId: string;
  readonly name: string;
  /** The author's label. */
  readonly version: number | null;
  /** Hash of the text; what jobs are pinned to. */
  readonly revision: string;
  readonly description: string | null;
  readonly text: string;
  readonly kind: 'mapping' | 'steps' | 'code';
  /** True when a run can change something outside Sluice, so that running it twice matters. */
  readonly hasEffects: boolean;
  readonly retry: RetryPolicy;
  /** From `on_error.then`. */
  readonly afterFailure: RecordFailureAction;
  readonly batch: BatchDefaults;
  /** undefined: one record in each run. */
  readonly chunk: ChunkRule | undefined;
  readonly parameters: readonly Parameter[];
  readonly connectors: readonly ConnectorUse[];
  /** undefined: nobody knows before it runs. */
  readonly requests?: Requests | undefined;
  readonly needs: FlowNeeds;
  readonly expects: readonly ExpectedField[];
  /** One line a person understands: `POST crm-system /api/customers`. */
  readonly summary: string;
  /**
   * Runs the flow over one record, or one chunk of them, and returns its result.
   *
   * @throws RecordFailure for anything wrong with the record, the target or the answer.
   */
  run(attempt: Attempt): Promise<FlowResult> | FlowResult;
  /**
   * Takes one record through the flow and shows what each step gets and gives. Steps that can change
   * something outside are not run unless `write` is set: their result is null, and `input` shows what they
   * would do. undefined: this kind of flow cannot be shown without running it.
   */
  readonly trace: ((attempt: Attempt, write: boolean) => Promise<FlowTrace>) | undefined;
  /**
   * As `trace`, with nothing sent at all, not even what only reads. undefined: this kind of flow cannot be
   * looked into.
   */
  readonly rehearse?: ((attempt: Attempt) => Promise<FlowTrace> | FlowTrace) | undefined;
  /**
   * What is wrong with a payload before anything is done with it; undefined: nothing, or the flow does not say
   * what it takes. `textual`: the source knows texts only, so a text that reads as a number is one.
   */
  readonly checkInput?: ((payload: JsonValue, textual: boolean) => Failure | undefined) | undefined;
  /**
   * Stands for what a run would send for this payload: equal ones are not worth sending again. undefined:
   * nothing can be made of it.
   */
  readonly digest?: ((payload: JsonValue, params: JsonObject) => string | undefined) | undefined;
  /** Dotted paths of the payload that no model and no log may see. */
  readonly redact?: readonly string[] | undefined;
  /** The text is no file of a flow: Sluice has made it. */
  readonly storedAs?: 'operations' | undefined;
  /** Trouble of a connector makes records fail and never pauses the job, because somebody waits for the answers. */
  readonly neverPauses?: boolean | undefined;
  /** What has to come before a start: a plan that was looked at, or a person's word. */
  readonly confirm?: 'plan' | 'human' | undefined;
  /** Takes back what a run of this flow has done; its payload is `{index, record, result}`. */
  readonly undo?: Flow | undefined;
  /** Offered to programs under a path of its own. */
  readonly published?: PublishedApi | undefined;
  /** The `finally` part: runs once when the job ends, however it ends. */
  readonly atEnd?: ((ending: Ending) => Promise<JsonValue> | JsonValue) | undefined;
}

/** What one run came to, step by step. */
export interface FlowTrace {
  readonly steps: readonly StepTrace[];
  /** Undefined when the run broke. */
  readonly result: JsonValue | undefined;
  readonly failure: Failure | undefined;
  /** Of a chunk whose records fared differently, by position. */
  readonly shares?: readonly Share[];
}

export interface StepTrace {
  /** `send`, or `notify[3].send` inside a loop. */
  readonly step: string;
  /** Kind of the step, such as `http_request`. */
  readonly kind: string;
  /** What the step works with, its places filled: the request it sends, say. Secrets are masked. */
  readonly input: JsonValue;
  /** withheld: it can change something outside, so it was not run. */
  readonly status: 'done' | 'failed' | 'skipped' | 'withheld';
  readonly output: JsonValue;
  readonly error: string | undefined;
  /** The call it makes, in a rehearsal of one that calls a connector. */
  readonly call?: PlannedCall | undefined;
}

/** A request that would go through a connector. */
export interface PlannedCall {
  readonly connector: string;
  readonly request: HttpRequest;
}

/** What a run gets to see and use, whatever it is over. */
export interface RunContext {
  readonly batchJobId: string;
  /** Values given at the start, completed by the flow's defaults. */
  readonly params: JsonObject;
  readonly connectors: ConnectorRegistry;
  /** Aborted when the run has to end now. */
  readonly signal: AbortSignal;
  /** Durable values of the job (`index` null) or of one of its records. */
  readonly state: (index: number | null) => StateStore;
  /** Files that match a pattern, sorted, of the folders that may be read. @throws RecordFailure */
  readonly glob: (pattern: string) => Promise<readonly string[]>;
  /** Writes a line to the log of the process; never holds payloads. */
  readonly log: (message: string) => void;
}

/** One run of a flow over a record. Of a chunk, `index`, `id` and `revision` are those of its first record. */
export interface Attempt extends RunContext {
  /** Records in the job, as far as they have been read. */
  readonly total: number;
  readonly index: number;
  readonly id: string | null;
  readonly revision: number;
  /** The record, or the list of the records of a chunk. */
  readonly payload: JsonValue;
  /** By position in a chunk: the index of each record. undefined: the run is over one record. */
  readonly indexes?: readonly number[] | undefined;
  /** By position in a chunk: a call about these records is the same call as long as these words are the same. */
  readonly members?: readonly string[] | undefined;
  /** What earlier attempts have left. */
  readonly progress?: Progress | undefined;
  /** Keeps progress where it outlives the process. Resolves when it is committed. */
  readonly checkpoint?: ((progress: Progress) => Promise<void>) | undefined;
}

/** The run of a flow's `finally` part. */
export interface Ending extends RunContext {
  /** Counts the ends of the job: a retry of failed records ends it once more. */
  readonly wave: number;
  /** What the job came to, and its counts, as `get_batch_status` gives them, with `total`. */
  readonly status: string;
  readonly counts: JsonObject;
  /** Finished records in the order of the input, read from the database page by page. */
  results(): AsyncIterable<FinishedRecord>;
}
