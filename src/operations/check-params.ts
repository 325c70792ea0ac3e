import type { JsonObject, JsonValue } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Flow } from '../flows/flow.ts';
import { fitsType, type Parameter, typeInWords } from '../flows/parameters.ts';
import { checkPayload } from '../sources/check-payload.ts';
import { shortened } from './flow-state.ts';

const bytesAtMost = 64 * 1024;
/** Names shown at once; a flow with more has its file. */
const namesShown = 20;
/** Problems told at once. */
const problemsTold = 8;

/**
 * The values a job starts with: what was given, completed by what the flow says, null where it says nothing. A flow
 * that lists no parameters takes any.
 *
 * @throws SluiceError `invalid_input` naming every value that is wrong
 */
export function completeParams({ name, parameters }: Flow, given: JsonObject = {}): JsonObject {
  const checked = checkPayload(given, bytesAtMost);
  if (!checked.ok) throw refused(checked.message.replace(/^The record /, 'params '));
  const problems = [
    ...unknownNames(parameters, given),
    ...missing(parameters, given),
    ...wrongTypes(parameters, given),
  ];
  if (problems.length > 0)
    throw refused(`params of the flow ${name}: ${problems.slice(0, problemsTold).join('; ')}.`);
  const others = parameters
    .filter(({ name: key }) => valueIn(given, key) === null)
    .map(({ name: key, byDefault = null }) => [key, byDefault] as const);
  return Object.fromEntries([...Object.entries(given), ...others]);
}

/** null is no value. */
const valueIn = (given: JsonObject, name: string): JsonValue =>
  Object.hasOwn(given, name) ? (given[name] ?? null) : null;

function unknownNames(parameters: readonly Parameter[], given: JsonObject): string[] {
  if (parameters.length === 0) return [];
  const known = parameters.map(({ name }) => name);
  return Object.keys(given)
    .filter((name) => !known.includes(name))
    .slice(0, problemsTold)
    .map((name) => {
      const guess = nearest(name, known);
      const advice =
        guess === undefined ? `there are ${known.slice(0, namesShown).join(', ')}` : `did you mean ${guess}?`;
      return `there is no ${JSON.stringify(name.slice(0, 60))} (${advice})`;
    });
}

function missing(parameters: readonly Parameter[], given: JsonObject): string[] {
  return parameters
    .filter(({ name, required, byDefault }) => required && byDefault == null && valueIn(given, name) === null)
    .map(
      ({ name, description }) =>
        `${name} is missing${description === undefined ? '' : ` (${description.slice(0, 100)})`}`,
    );
}

function wrongTypes(parameters: readonly Parameter[], given: JsonObject): string[] {
  return parameters.flatMap(({ name, type }) => {
    const value = valueIn(given, name);
    if (type === undefined || value === null || fitsType(value, type)) return [];
    return [`${name} must be ${typeInWords(type)}, not ${shortened(JSON.stringify(value), 60)}`];
  });
}

const refused = (message: string) => new SluiceError('invalid_input', `${message} Nothing was started.`);
