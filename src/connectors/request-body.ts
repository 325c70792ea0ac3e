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

const isForm = (type: string) => /^\s*application\/x-www-form-urlencoded\b/i.test(type);

/** A field without a value is left out, and a list or an object is written as JSON, as in a query. */
function formText(fields: JsonObject): string {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== null) form.append(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return form.toString();
}
