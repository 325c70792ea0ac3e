import {
  type Attributes,
  type Context,
  context,
  ProxyTracerProvider,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { RecordFailure } from '../domain/failure.ts';

export type { Context, Span } from '@opentelemetry/api';

/** Finds the provider that the operator has registered, whenever that was; without one its spans are nothing. */
const tracer = trace.getTracer('sluice');

/** A span, and the context in which others become its children. Whoever starts one ends it. */
export interface Traced {
  readonly span: Span;
  readonly within: Context;
}

/** `parent`: undefined begins a trace of its own. */
export function startSpan(name: string, attributes: Attributes, parent?: Context): Traced {
  const options = { attributes, root: parent === undefined };
  const outside = parent ?? context.active();
  const span = tracer.startSpan(name, options, outside);
  return { span, within: trace.setSpan(outside, span) };
}

/** Runs `work` so that the calls it makes become children of the span, if the operator's SDK follows contexts. */
export const runWithin = <T>(within: Context, work: () => T): T => context.with(within, work);

/** Somebody has registered a provider, so that spans may be recorded. */
export function isTracing(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer('sluice') !== undefined;
}

/** A call to a target, with a span of its own while somebody records. What it is about must not hold data of records. */
export async function tracedCall<T>(
  name: string,
  attributes: Attributes,
  call: (headers: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes });
  if (!span.isRecording()) return call({});
  try {
    return await call({ traceparent: traceparentOf(span) });
  } catch (error) {
    markFailed(span, error instanceof RecordFailure ? error.failure.code : 'cut_off');
    throw error;
  } finally {
    span.end();
  }
}

/** `code` is one of Sluice's words; what the target or a record said stays out of traces. */
export function markFailed(span: Span, code: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  span.setAttribute('error.type', code);
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01'}`;
}
