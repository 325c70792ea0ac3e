import { isJsonObject, type JsonValue } from '../domain/json.ts';
import type { Names } from './names.ts';
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

/** The keys a field's name leads along: `address.city`, or one key that has the dot in it. */
export function fieldPath(payload: JsonValue, field: string): RecordPath {
  return isJsonObject(payload) && Object.hasOwn(payload, field) ? [field] : field.split('.');
}

export function fieldValue(payload: JsonValue, field: string): JsonValue | undefined {
  return pathReader('record', fieldPath(payload, field))(payloadScope(payload));
}
