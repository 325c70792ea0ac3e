import type { CallPlan } from '../connectors/call-plan.ts';
import type { ConnectorRegistry } from '../connectors/registry.ts';
import { type Failure, RecordFailure } from '../domain/failure.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import type { Rate } from '../domain/rate.ts';
import type { Share } from '../domain/record.ts';
import { redactedShares } from '../flows/chunk-result.ts';
import type { Attempt, Flow, FlowTrace, PlannedCall, StepTrace } from '../flows/flow.ts';
import { noRedaction, type Redaction, redactionOf } from '../flows/redaction.ts';
import { disguises, maskDifferences } from './preview-masks.ts';
import { attemptAt, forTrial, type TrialOptions } from './try-flow.ts';

/** A record, or the list of the records of a chunk, on its way through a preview. */
export interface PreviewedRecord {
  readonly index: number;
  readonly id: string | null;
  readonly payload: JsonValue;
}

/** What a run over a record would do. */
export interface PlannedRun {
  /** Secrets and redacted fields are masked. */
  readonly calls: readonly ShownCall[];
  readonly failure: Failure | undefined;
  /** Of a chunk whose records would fare differently, by position. */
  readonly shares?: readonly Share[] | undefined;
  /** What comes after these calls depends on their answers. */
  readonly isOpen: boolean;
}

export interface ShownCall {
  readonly step: string;
  readonly kind: string;
  readonly connector?: string | undefined;
  /** The request as it would go out; for what is no request, its input. */
  readonly request: JsonValue;
}

export interface PreviewTarget {
  readonly connector: string;
  readonly type: string;
  /** Host, or the program of an MCP server; undefined: it is not declared. */
  readonly host: string | undefined;
  /** Those that the text of the flow names. */
  readonly methods: readonly string[];
  readonly concurrency: number | undefined;
  readonly rate: Rate | undefined;
}

/** A flow in front of its first run: looks into records and sends nothing. */
export interface FlowPreview {
  /** Every record can be rehearsed, not only the first ones. */
  readonly isCheap: boolean;
  /** What a run over the record would fail with before it sends anything; only of flows that are cheap. */
  failureOf(record: PreviewedRecord): Failure | undefined;
  /** The run over a record of `total`. */
  runOf(record: PreviewedRecord, total: number): Promise<PlannedRun>;
  targets(): PreviewTarget[];
}

export type OpenPreview = (
  flow: Flow,
  given: { readonly params: JsonObject; readonly signal: AbortSignal },
) => Promise<FlowPreview>;

export function openPreviews({ openConnectors, glob }: TrialOptions): OpenPreview {
  return async (flow, { params, signal }) => {
    const registry = await openConnectors();
    const connectors = forTrial(registry, null);
    return new Preview(flow, registry, attemptAt(flow, { params, signal }, { connectors, glob }));
  };
}

class Preview implements FlowPreview {
  readonly #flow: Flow;
  readonly #registry: ConnectorRegistry;
  readonly #attempt: Omit<Attempt, 'payload'>;
  readonly #plans = new Map<string, CallPlan | undefined>();

  constructor(flow: Flow, registry: ConnectorRegistry, attempt: Omit<Attempt, 'payload'>) {
    this.#flow = flow;
    this.#registry = registry;
    this.#attempt = attempt;
  }

  get isCheap(): boolean {
    return this.#flow.kind === 'mapping';
  }

  failureOf(record: PreviewedRecord): Failure | undefined {
    const trace = this.#flow.rehearse?.(this.#attemptAt(record));
    // Only flows that are cheap answer at once.
    if (trace === undefined || trace instanceof Promise) return undefined;
    const failure = trace.failure ?? this.#shown(trace).failure;
    return failure && redactionOf(this.#flow.redact).failure(failure, record.payload);
  }

  async runOf(record: PreviewedRecord, total: number): Promise<PlannedRun> {
    const attempt = { ...this.#attemptAt(record), total };
    const trace = await this.#flow.rehearse?.(attempt);
    if (trace === undefined) return { calls: [], failure: undefined, isOpen: true };
    const { calls, failure: unfit } = this.#shown(trace);
    const redaction = redactionOf(this.#flow.redact);
    const isOpen = this.#flow.kind !== 'mapping' && calls.length > 0;
    const found = trace.failure ?? unfit;
    // A step that misses the answer to an earlier one says nothing about the record.
    const failure = found === undefined || (isOpen && unfit === undefined) ? undefined : found;
    return {
      calls: await this.#masked(attempt, calls),
      failure: failure && redaction.failure(failure, record.payload),
      shares: trace.shares && redactedShares(trace.shares, redaction, record.payload),
      isOpen,
    };
  }

  targets(): PreviewTarget[] {
    const { listings } = this.#registry;
    return this.#flow.connectors.map(({ name, type }) => ({
      connector: name,
      type,
      host: listings.find((listed) => listed.name === name)?.target,
      methods: this.#flow.requests?.to(name) ?? [],
      concurrency: this.#plan(name)?.concurrency,
      rate: this.#plan(name)?.rate,
    }));
  }

  #attemptAt({ index, id, payload }: PreviewedRecord): Attempt {
    const indexes = Array.isArray(payload) ? payload.map((_: JsonValue, at) => index + at) : undefined;
    const ofChunk = this.#flow.chunk === undefined ? {} : { indexes };
    return { ...this.#attempt, index, id, payload, ...ofChunk };
  }

  /** The calls of a run as they would go out, up to one that a value of the record keeps from going out. */
  #shown({ steps }: FlowTrace): { calls: ShownCall[]; failure: Failure | undefined } {
    const calls: ShownCall[] = [];
    try {
      for (const step of steps) {
        if (step.status === 'withheld') calls.push(this.#shownCall(step));
        // A mapping without a target is all that its run does.
        else if (this.isCheap && step.status === 'done') calls.push({ ...step, request: step.output });
      }
      return { calls, failure: undefined };
    } catch (error) {
      if (!(error instanceof RecordFailure)) throw error;
      return { calls, failure: error.failure };
    }
  }

  #shownCall({ step, kind, input, call }: StepTrace): ShownCall {
    const request = call === undefined ? input : this.#requestOf(call);
    return { step, kind, connector: call?.connector, request: this.#withoutJob(request) };
  }

  #requestOf({ connector, request }: PlannedCall): JsonValue {
    const show = this.#plan(connector)?.show;
    // Nobody knows where a connector leads that is not declared.
    const { method, path, headers = {}, body } = request;
    if (show === undefined) return { method, url: path, headers, ...(body === undefined ? {} : { body }) };
    const { body: text, ...shown } = show(request);
    return { ...shown, ...(text === null ? {} : { body: shownBody(text) }) };
  }

  /** The id of the job, with which the keys of its calls begin, is not known yet. */
  #withoutJob(request: JsonValue): JsonValue {
    const text = JSON.stringify(request).replaceAll(this.#attempt.batchJobId, '<batch_job_id>');
    return JSON.parse(text) as JsonValue;
  }

  #plan(connector: string): CallPlan | undefined {
    if (!this.#plans.has(connector)) this.#plans.set(connector, this.#registry.callPlan(connector));
    return this.#plans.get(connector);
  }

  /**
   * Fields that may not be seen go through a flow in many shapes. So whatever changes in the calls when these
   * fields have other values is masked, too.
   */
  async #masked(attempt: Attempt, calls: readonly ShownCall[]): Promise<readonly ShownCall[]> {
    const redaction = redactionOf(this.#flow.redact);
    if (redaction === noRedaction) return calls;
    const masked = calls.map((call) => within(redaction, call, attempt.payload));
    const others = await this.#disguisedCalls(attempt);
    if (others === 'none') return masked;
    return masked.map((call, at) => ({
      ...call,
      request: maskDifferences(call.request, others?.[at]?.request),
    }));
  }

  /** The calls of the same record with other values in those fields; undefined: the flow takes none. */
  async #disguisedCalls(attempt: Attempt): Promise<readonly ShownCall[] | 'none' | undefined> {
    const redaction = redactionOf(this.#flow.redact);
    for (const disguise of disguises) {
      const payload = redaction.disguised(attempt.payload, disguise);
      if (payload === undefined) return 'none';
      const trace = await this.#flow.rehearse?.({ ...attempt, payload });
      if (trace === undefined || (trace.failure !== undefined && this.isCheap)) continue;
      const { calls, failure } = this.#shown(trace);
      if (failure === undefined) return calls.map((call) => within(redaction, call, payload));
    }
    return undefined;
  }
}

const within = (redaction: Redaction, call: ShownCall, payload: JsonValue): ShownCall => ({
  ...call,
  request: redaction.within(call.request, payload),
});

/** A body that is no JSON is the text it is. */
function shownBody(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}
