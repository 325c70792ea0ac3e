import { isJsonObject, type JsonValue } from '../domain/json.ts';
import type { Names } from './names.ts';
import { parsePipe } from './pipe-syntax.ts';
import { pathReader, type RecordPath } from './record-path.ts';

/** What texts about a stored record see: its payload, under the names that flows have for it. */
export const payloadNames: Names = {
  roots: new Map(['payload', 'record', 'source', 'item'].map((name) => [name, 'record'])),
  members: new Map(),
};

export const payloadScope = (payload: JsonValue) => ({
  payload,
  record: payload,
  source: payload,
  item: payload,
});

/**
 * The keys a field's name leads along: `address.city`, one key that has the dot in it, or a path as pipes write it,
 * such as `lines[0].sku` and `["No."]`.
 */
export function fieldPath(payload: JsonValue, field: string): RecordPath {
  if (isJsonObject(payload) && Object.hasOwn(payload, field)) return [field];
  return (field.includes('[') ? pipePath(field) : undefined) ?? field.split('.');
}

function pipePath(field: string): RecordPath | undefined {
  const isWhole = /^(?:payload|record|source|item)\[/.test(field);
  const parsed = parsePipe(
    isWhole ? field : `payload${field.startsWith('[') ? '' : '.'}${field}`,
    payloadNames.roots,
  );
  if ('problem' in parsed) return undefined;
  const { head, stages } = parsed.pipe;
  return head.kind === 'path' && stages.length === 0 ? head.path : undefined;
}

export function fieldValue(payload: JsonValue, field: string): JsonValue | undefined {
  return pathReader('record', fieldPath(payload, field))(payloadScope(payload));
}
