import { RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { Attempt, FlowTrace, StepTrace } from './flow.ts';
import type { Mapping } from './mapping.ts';
import { type MappedCall, requestOf, runCall } from './mapping-run.ts';

/** Takes one record through a mapping flow in sight of a person. Only a GET is sent unless `write` is set. */
export async function traceMapping(
  call: MappedCall | undefined,
  mapping: Mapping | undefined,
  attempt: Attempt,
  write: boolean,
): Promise<FlowTrace> {
  const { payload } = attempt;
  const step = call === undefined ? 'mapping' : 'target';
  let seen: Seen = {
    step,
    kind: call === undefined ? 'echo' : 'http_request',
    input: payload,
  };
  try {
    if (call === undefined) {
      const output = mapping === undefined ? payload : mapping.apply({ record: payload });
      return traced({ ...seen, status: 'done', output, error: undefined }, output);
    }
    const request = requestOf(call, attempt);
    const { method, path, query = {}, headers = {}, body } = request;
    const to = `${call.connector} ${call.endpoint}`;
    seen = { ...seen, input: { method, to, path, query, headers, ...(body === undefined ? {} : { body }) } };
    if (method !== 'GET' && !write) return withheld(seen);
    const output = await runCall(call, attempt, request);
    return traced({ ...seen, status: 'done', output, error: undefined }, output);
  } catch (error) {
    return brokenTrace(seen, error);
  }
}

/** Puts the call together that a run would make, and sends nothing. */
export function rehearseMapping(
  call: MappedCall | undefined,
  mapping: Mapping | undefined,
  attempt: Attempt,
): FlowTrace {
  const { payload } = attempt;
  const seen: Seen = {
    step: call?.step ?? 'mapping',
    kind: call === undefined ? 'echo' : 'http_request',
    input: payload,
  };
  try {
    if (call !== undefined) {
      return withheld({ ...seen, call: { connector: call.connector, request: requestOf(call, attempt) } });
    }
    const output = mapping === undefined ? payload : mapping.apply({ record: payload });
    return traced({ ...seen, status: 'done', output, error: undefined }, output);
  } catch (error) {
    return brokenTrace(seen, error);
  }
}

type Seen = Pick<StepTrace, 'step' | 'kind' | 'input' | 'call'>;

const withheld = (seen: Seen) =>
  traced({ ...seen, status: 'withheld', output: null, error: undefined }, null);

function brokenTrace(seen: Seen, error: unknown): FlowTrace {
  if (!(error instanceof RecordFailure)) throw error;
  const { failure } = error;
  const broken: StepTrace = { ...seen, status: 'failed', output: null, error: failure.message };
  return { steps: [broken], result: undefined, failure };
}

const traced = (step: StepTrace, result: JsonValue): FlowTrace => ({
  steps: [step],
  result,
  failure: undefined,
});
