import { RecordFailure } from '../domain/failure.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { jsonDigest } from './json-digest.ts';
import type { Mapping } from './mapping.ts';
import { contentOf, type MappedCall } from './mapping-run.ts';

/**
 * Stands for what a mapping flow sends for a payload, or for what it maps it to when it calls nothing. A record
 * that cannot be mapped has none.
 */
export function mappingDigest(
  call: MappedCall | undefined,
  mapping: Mapping | undefined,
  payload: JsonValue,
): string | undefined {
  try {
    if (call === undefined)
      return jsonDigest(mapping === undefined ? payload : mapping.apply({ record: payload }));
    const { method, path, query = {}, headers = {}, body = null } = contentOf(call, payload);
    return jsonDigest({ connector: call.connector, method, path, query, headers, body });
  } catch (error) {
    if (error instanceof RecordFailure) return undefined;
    throw error;
  }
}

/** What steps make of a payload is not known without running them; the same steps make the same of the same. */
export function stepsDigest(revision: string, payload: JsonValue, params: JsonObject): string {
  return jsonDigest({ revision, payload, params });
}
