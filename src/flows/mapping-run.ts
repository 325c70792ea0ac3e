import type { HttpRequest } from '../connectors/http.ts';
import { RecordFailure } from '../domain/failure.ts';
import { idempotencyKey } from '../domain/idempotency.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import type { TargetTemplates } from './call-target.ts';
import type { Attempt } from './flow.ts';
import type { Mapping } from './mapping.ts';
import type { Scope } from './names.ts';
import type { Template } from './template.ts';

/** The one call a mapping flow makes for a record. */
export interface MappedCall {
  readonly connector: string;
  readonly method: string;
  /** As the flow writes it. */
  readonly endpoint: string;
  readonly templates: TargetTemplates;
  readonly timeoutMs: number | undefined;
  readonly mapping: Mapping | undefined;
}

/** Part of the idempotency key, so it must stay the same for as long as jobs do. */
const step = 'target';

/** What a run sends, without sending it. */
export function requestOf(call: MappedCall, attempt: Attempt): HttpRequest {
  const { payload, signal } = attempt;
  const scope = { record: payload };
  const mapped = call.mapping === undefined ? payload : call.mapping.apply(scope);
  const inQuery = call.method === 'GET' || call.method === 'DELETE';
  const query = {
    ...(inQuery && call.mapping !== undefined ? queryOf(mapped) : undefined),
    ...filledAll(call.templates.query, scope),
  };
  return {
    method: call.method,
    path: call.templates.endpoint?.fill(scope, encodeSegment) ?? '/',
    query,
    headers: filledAll(call.templates.headers, scope),
    ...(inQuery ? {} : { body: mapped }),
    ...(call.timeoutMs === undefined ? {} : { timeoutMs: call.timeoutMs }),
    idempotencyKey: idempotencyKey({ ...attempt, step }),
    step,
    endpoint: call.endpoint,
    signal,
  };
}

/** Makes the call; the result is the status and body of the answer. */
export async function runCall(call: MappedCall, attempt: Attempt): Promise<JsonValue> {
  return sendRequest(call, requestOf(call, attempt), attempt);
}

export async function sendRequest(
  { connector }: MappedCall,
  request: HttpRequest,
  { connectors }: Attempt,
): Promise<JsonValue> {
  const { status, body } = await connectors.http(connector).call(request);
  return { status, body };
}

/** Slashes and every other character with a meaning in a path become plain text. */
function encodeSegment(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

function filledAll(templates: ReadonlyMap<string, Template>, scope: Scope): Record<string, string> {
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
      if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) {
        return [[name, value.join(',')]];
      }
      const message = `${name}: a query takes texts, numbers and lists of them, not objects`;
      throw new RecordFailure({ class: 'data', code: 'query_not_flat', message, step: name });
    }),
  );
}
