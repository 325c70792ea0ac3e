import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { SluiceError, type WrongItem } from '../domain/sluice-error.ts';
import type { PublishedApi } from '../flows/published-api.ts';

/** The values of a query are texts. */
export const isTextual = ({ method }: PublishedApi): boolean => method === 'GET';

/**
 * The records a request to a published flow brings.
 *
 * @throws SluiceError `invalid_input` with everything that is wrong with any of them, unless only those shall fail.
 */
export function recordsIn(api: PublishedApi, body: JsonValue): JsonObject[] {
  const given = api.list === undefined ? [body] : listIn(api.list, body);
  const errors = given.flatMap((record, index): WrongItem[] => {
    const place = api.list === undefined ? {} : { index };
    if (!isJsonObject(record)) return [{ ...place, message: 'is no object' }];
    if (!api.isStrict) return [];
    const failure = api.check(record, isTextual(api));
    return failure === undefined ? [] : [{ ...place, message: failure.message }];
  });
  if (errors.length > 0) throw refused(errors, given.length);
  return given as JsonObject[];
}

function listIn({ path, maxSize }: NonNullable<PublishedApi['list']>, body: JsonValue): readonly JsonValue[] {
  const found = path.reduce<JsonValue | undefined>(
    (value, key) => (isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined),
    body,
  );
  const where = path.length === 0 ? 'The body' : path.join('.');
  if (!Array.isArray(found)) throw wrong(`${where} has to be a list of records.`);
  if (found.length === 0) throw wrong(`${where} holds no records.`);
  if (found.length > maxSize)
    throw wrong(`${where} holds ${found.length} records; ${maxSize} are taken at once (batchMaxSize).`);
  return found;
}

const wrong = (message: string) => new SluiceError('invalid_input', `${message} Nothing was started.`);

function refused(errors: readonly WrongItem[], total: number): SluiceError {
  const shown = errors.slice(0, 3).map(({ index, message }) => {
    return index === undefined ? message : `record ${index}: ${message}`;
  });
  const more = errors.length > shown.length ? '; …' : '';
  const what = total === 1 ? 'The record does not fit' : `${errors.length} of ${total} records do not fit`;
  return new SluiceError('invalid_input', `${what}: ${shown.join('; ')}${more}. Nothing was started.`, {
    errors,
  });
}
