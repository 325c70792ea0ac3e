import { RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { compileCondition } from './condition.ts';
import { fieldValue, payloadNames, payloadScope } from './payload-names.ts';

/** Values that fields of the payload have to have, one of several each; or an expression over `record`. */
export type RecordCondition = string | Readonly<Record<string, JsonValue>>;

/** Whether a payload fits; `undecided`: the expression cannot be computed for it. */
export type RecordFilter = (payload: JsonValue) => boolean | 'undecided';

/** @throws SluiceError `invalid_input` for an expression that is none. */
export function compileFilter(where: RecordCondition): RecordFilter {
  if (typeof where !== 'string') return hasValues(where);
  const compiled = compileCondition(where, 'where', payloadNames, 'decision');
  if ('problems' in compiled) {
    const [problem] = compiled.problems;
    const advice = problem?.suggestion === undefined ? '' : ` (${problem.suggestion})`;
    throw new SluiceError(
      'invalid_input',
      `select.where: ${problem?.message ?? 'cannot be read'}${advice}. It is an expression such as record.country == "DE", or a map such as {"country": ["DE", "AT"]}. Nothing was changed.`,
    );
  }
  const { condition } = compiled;
  return (payload) => {
    try {
      return condition.holds(payloadScope(payload));
    } catch (error) {
      if (error instanceof RecordFailure) return 'undecided';
      throw error;
    }
  };
}

function hasValues(where: Readonly<Record<string, JsonValue>>): RecordFilter {
  const wanted = Object.entries(where).map(([field, value]) => ({
    field,
    values: Array.isArray(value) ? (value as readonly JsonValue[]) : [value],
  }));
  return (payload) =>
    wanted.every(({ field, values }) => {
      const found = fieldValue(payload, field);
      return values.some((value) => isSame(found, value));
    });
}

/** Sources of text know no numbers, so 7 and "7" are the same. A field that is not there equals null. */
function isSame(found: JsonValue | undefined, wanted: JsonValue): boolean {
  if (found === undefined || found === null || wanted === null) return (found ?? null) === wanted;
  if (typeof found === 'object' || typeof wanted === 'object') {
    return JSON.stringify(found) === JSON.stringify(wanted);
  }
  return String(found) === String(wanted);
}
