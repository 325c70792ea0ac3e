import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';

/**
 * A body as it goes out. It is JSON unless its type says otherwise: then a text goes as it is, and an object
 * that is to be a form becomes one.
 */
export function bodyText(body: JsonValue, type: string): string {
  if (/\bjson\b/i.test(type)) return JSON.stringify(body);
  if (typeof body === 'string') return body;
  return isForm(type) && isJsonObject(body) ? formText(body) : JSON.stringify(body);
}

/** Why a body cannot be sent as this type; undefined: it can. */
export function bodyTrouble(body: JsonValue, type: string): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  if (/^\s*multipart\//i.test(type)) {
    return 'the Content-Type is multipart, which is not made of fields: a step of type shell (curl -F) or python can send that';
  }
  return /[/+]xml\b/i.test(type)
    ? 'the Content-Type is XML, which is not made of fields: write the body of an http_request as a text, with {{ record.name | escape_xml }} for each value'
    : undefined;
}

const isForm = (type: string) => /^\s*application\/x-www-form-urlencoded\b/i.test(type);

/** A field without a value is left out, and a list or an object is written as JSON, as in a query. */
function formText(fields: JsonObject): string {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== null) form.append(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return form.toString();
}
