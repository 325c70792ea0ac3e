import type { HttpAnswer, HttpRequest } from '../connectors/http.ts';
import { RecordFailure } from '../domain/failure.ts';
import { idempotencyKey } from '../domain/idempotency.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { type AnswerCheck, refusalOf } from './answer-check.ts';
import { mapsIntoQuery, type TargetTemplates } from './call-target.ts';
import { pathOf } from './filled-path.ts';
import type { Attempt } from './flow.ts';
import { keptOf, responseOf } from './kept-answer.ts';
import type { Mapping } from './mapping.ts';
import type { Scope } from './names.ts';
import { storedResult } from './stored-result.ts';
import type { Template } from './template.ts';

/** The one call a mapping flow makes for a record, or makes to take it back. */
export interface MappedCall {
  /** Part of the idempotency key, so it must stay the same for as long as jobs do. */
  readonly step: 'target' | 'undo';
  readonly connector: string;
  readonly method: string;
  /** As the flow writes it. */
  readonly endpoint: string;
  readonly templates: TargetTemplates;
  readonly timeoutMs: number | undefined;
  readonly mapping: Mapping | undefined;
  /** Statuses besides 2xx that say that all is done already. */
  readonly gone: readonly number[];
  /** What makes an answer with a good status a success; undefined: nothing more. */
  readonly check: AnswerCheck | undefined;
  /** Makes the result of the answer; undefined: its status and body are the result. */
  readonly keeps: Mapping | undefined;
  /** The result is read again when the record is taken back. */
  readonly hasUndo: boolean;
}

/** What the texts of a call see. The payload of an undo holds the record, and what was kept of its answer. */
function scopeOf({ step }: MappedCall, payload: JsonValue): Scope {
  return step === 'undo' && isJsonObject(payload) ? payload : { record: payload };
}

/** Without a mapping the whole record is sent, where there is a body; to take one back nothing is. */
function mappedOf({ step, mapping }: MappedCall, scope: Scope): JsonValue | undefined {
  if (mapping !== undefined) return mapping.apply(scope);
  return step === 'target' ? scope.record : undefined;
}

/** What a record makes of the call: the same for the same payload. */
export function contentOf(
  call: MappedCall,
  payload: JsonValue,
): Pick<HttpRequest, 'method' | 'path' | 'query' | 'headers' | 'body'> {
  const scope = scopeOf(call, payload);
  const mapped = mappedOf(call, scope);
  const inQuery = mapsIntoQuery(call.method);
  const { endpoint } = call.templates;
  const own = filledAll(call.templates.query, scope);
  const mapsQuery = inQuery && call.mapping !== undefined && mapped !== undefined;
  return {
    method: call.method,
    path: endpoint === undefined ? '/' : pathOf(endpoint, call.endpoint, scope, call.step),
    query: mapsQuery ? { ...queryOf(mapped), ...own } : own,
    headers: filledAll(call.templates.headers, scope),
    body: inQuery ? undefined : mapped,
  };
}

/** What a run sends, without sending it. */
export function requestOf(call: MappedCall, attempt: Attempt): HttpRequest {
  const { step, gone } = call;
  const { batchJobId, index, revision, payload, signal } = attempt;
  // Named one by one, here and below: this is the flow of jobs with a million records.
  const { method, path, query, headers, body } = contentOf(call, payload);
  return {
    method,
    path,
    query,
    headers,
    body,
    timeoutMs: call.timeoutMs,
    idempotencyKey: idempotencyKey({ batchJobId, index, step, revision }),
    step,
    endpoint: call.endpoint,
    accepts: gone.length === 0 ? undefined : (status: number) => is2xx(status) || gone.includes(status),
    judge: call.check === undefined ? undefined : judgeOf(call.check, call, payload),
    whole: readsWhole(call),
    signal,
  };
}

/** A path into an answer that is cut would find nothing. */
const readsWhole = ({ keeps, check, hasUndo }: MappedCall) =>
  keeps !== undefined || check !== undefined || hasUndo;

/** What is gone already is as good as taken back, whatever the answer says. */
function judgeOf(check: AnswerCheck, call: MappedCall, payload: JsonValue): HttpRequest['judge'] {
  return (answer) => {
    if (call.gone.includes(answer.status)) return undefined;
    const scope = scopeOf(call, payload);
    const { record = null } = scope;
    const names = { ...scope, record, source: record, item: record, response: responseOf(answer) };
    return refusalOf(check, answer, names);
  };
}

const is2xx = (status: number) => status >= 200 && status < 300;

/** Makes the call, which is `request`; the result is what the flow keeps of the answer. */
export async function runCall(
  call: MappedCall,
  attempt: Attempt,
  request = requestOf(call, attempt),
): Promise<JsonValue> {
  const answer = await attempt.connectors.http(call.connector).call(request);
  return resultOf(call, attempt.payload, answer);
}

function resultOf(call: MappedCall, payload: JsonValue, answer: HttpAnswer): JsonValue {
  const { keeps, gone } = call;
  if (keeps !== undefined) return keptOf(keeps, payload, answer);
  const { status } = answer;
  // Only the whole one has to be cut here.
  const body = readsWhole(call) ? storedResult(answer.body) : answer.body;
  return gone.includes(status) ? { status, body, gone: true } : { status, body };
}

function filledAll(
  templates: ReadonlyMap<string, Template>,
  scope: Scope,
): Record<string, string> | undefined {
  if (templates.size === 0) return undefined;
  const filled: Record<string, string> = {};
  for (const [name, template] of templates) {
    const value = template.fill(scope, (text) => text);
    // A header or parameter without its value is not sent at all.
    if (value !== undefined) filled[name] = value;
  }
  return filled;
}

function queryOf(mapped: JsonValue): Record<string, string> {
  const fields = isJsonObject(mapped) ? Object.entries(mapped) : [];
  return Object.fromEntries(
    fields.flatMap(([name, value]): [string, string][] => {
      if (value === null) return [];
      if (!Array.isArray(value) && typeof value !== 'object') return [[name, String(value)]];
      if (Array.isArray(value) && value.every((item) => item === null || typeof item !== 'object')) {
        return [[name, value.filter((item) => item !== null).join(',')]];
      }
      const message = `${name}: a query takes texts, numbers and lists of them, not objects`;
      throw new RecordFailure({ class: 'data', code: 'query_not_flat', message, step: name });
    }),
  );
}
