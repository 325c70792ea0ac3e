import type { JsonValue } from '../domain/json.ts';
import type { Share } from '../domain/record.ts';
import type { FlowResult, FlowTrace } from './flow.ts';
import type { Redaction } from './redaction.ts';

/** What a run over a chunk came to when its records fared differently. */
export class ChunkResult {
  /** By position. */
  readonly shares: readonly Share[];

  constructor(shares: readonly Share[]) {
    this.shares = shares;
  }
}

/** What the result of a chunk of `count` records is for the one at a position. */
export function ownResult(result: JsonValue, count: number, at: number): JsonValue {
  return isOnePerRecord(result, count) ? (result[at] ?? null) : result;
}

/** Whether the result of a chunk holds one for each of its records. */
export function isOnePerRecord(result: JsonValue, count: number): result is JsonValue[] {
  return Array.isArray(result) && result.length === count;
}

/** What a run shows of its end. */
export function tracedResult(result: FlowResult): Omit<FlowTrace, 'steps'> {
  if (!(result instanceof ChunkResult)) return { result, failure: undefined };
  const { shares } = result;
  const [only = { result: null }] = shares;
  if (shares.length > 1) return { result: undefined, failure: undefined, shares };
  return 'failure' in only
    ? { result: undefined, failure: only.failure }
    : { result: only.result, failure: undefined };
}

/** A result that is that of all records of a chunk, without what nobody may see of any of them. */
export function redactedOfAll(
  result: JsonValue,
  redaction: Redaction,
  payloads: readonly JsonValue[],
): JsonValue {
  if (isOnePerRecord(result, payloads.length)) return result;
  return redaction.within(result, [...payloads]);
}

/** Each failure without what nobody may see of its own record, each result without that of any of them. */
export function redactedShares(
  shares: readonly Share[],
  redaction: Redaction,
  payload: JsonValue,
): readonly Share[] {
  const payloads = Array.isArray(payload) ? payload : [payload];
  return shares.map((share, at) =>
    'failure' in share
      ? { failure: redaction.failure(share.failure, payloads[at] ?? null) }
      : { result: redaction.within(share.result, payload) },
  );
}
