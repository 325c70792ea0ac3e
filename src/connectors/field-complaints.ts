import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';

/** Where targets keep what is wrong with single fields: as a list, or as a map with the fields for keys. */
const listKeys = ['errors', 'detail', 'details', 'violations', 'invalid-params', 'invalid_params'];
const mapKeys = ['errors', 'fields', 'field_errors', 'fieldErrors'];
/** Of one complaint in a list. */
const fieldKeys = ['field', 'loc', 'path', 'param', 'property', 'pointer', 'name'];
const wordKeys = ['message', 'msg', 'detail', 'description', 'reason', 'title', 'code'];

const complaintsAtMost = 10;
/** Fields within fields, in a map. */
const maxDepth = 3;

/** What an answer says of single fields, such as `email: is taken`. */
export function fieldComplaints(answer: JsonValue): string[] {
  const places = isJsonObject(answer) ? [answer, answer.error].filter(isObject) : [];
  return [...new Set(places.flatMap(complaintsAt))].slice(0, complaintsAtMost);
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  value !== undefined && isJsonObject(value);

function complaintsAt(place: JsonObject): string[] {
  const lists = listKeys.flatMap((key) => listed(own(place, key)));
  const maps = mapKeys.map((key) => own(place, key)).filter(isObject);
  return [...lists, ...maps.flatMap((map) => mapped(map, ''))];
}

function listed(list: JsonValue | undefined): string[] {
  if (!Array.isArray(list)) return [];
  return list
    .slice(0, complaintsAtMost)
    .filter(isObject)
    .flatMap((item) => {
      const source = own(item, 'source');
      const field = fieldOf(item) ?? (isObject(source) ? fieldOf(source) : undefined);
      const words = wordKeys.map((key) => own(item, key)).find(isText);
      return field === undefined || words === undefined ? [] : [`${field}: ${words}`];
    });
}

function fieldOf(item: JsonObject): string | undefined {
  const [field] = fieldKeys.map((key) => own(item, key)).filter((value) => value !== undefined);
  return Array.isArray(field) ? field.join('.') : isText(field) ? field : undefined;
}

function mapped(map: JsonObject, path: string): string[] {
  // This is one complaint, not a map of fields.
  if (isText(own(map, 'message'))) return [];
  return Object.entries(map)
    .slice(0, complaintsAtMost)
    .flatMap(([key, value]) => {
      const texts = (Array.isArray(value) ? value : [value]).filter(isText);
      if (texts.length > 0) return [`${path}${key}: ${texts.join(' ')}`];
      const isDeeper = isObject(value) && path.split('.').length < maxDepth;
      return isDeeper ? mapped(value, `${path}${key}.`) : [];
    });
}

const own = (place: JsonObject, key: string): JsonValue | undefined =>
  Object.hasOwn(place, key) ? place[key] : undefined;

const isText = (value: JsonValue | undefined): value is string =>
  typeof value === 'string' && value.trim() !== '';
