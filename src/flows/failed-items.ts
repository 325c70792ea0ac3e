import { foreignText } from '../connectors/foreign-text.ts';
import { type Failure, RecordFailure } from '../domain/failure.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import type { Share } from '../domain/record.ts';
import { ChunkResult, isOnePerRecord, ownResult } from './chunk-result.ts';
import type { Condition } from './condition.ts';
import type { FlowResult } from './flow.ts';
import type { Scope } from './names.ts';
import { asWritten, type Template } from './template.ts';
import { omitted } from './transforms/transform.ts';

/** Which items of an answer stand for records of the chunk that have failed, compiled. */
export interface FailedItems {
  /** The list of the answer. */
  readonly items: Template;
  /** undefined: every item stands for a failure. */
  readonly when: Condition | undefined;
  /** undefined: there is an item for each record, in their order. */
  readonly place: Template | undefined;
  /** The place is the id that a record has in this field; undefined: it is a position. */
  readonly idField: string | undefined;
  readonly message: Template | undefined;
  readonly retry: Condition | undefined;
  /** The flow says what its result is. */
  readonly hasOutput: boolean;
  /** The answer is one to something that was changed. */
  readonly hasEffects: boolean;
}

/** What is known of an item that stands for a failure. */
interface Refusal {
  readonly transient: boolean;
  readonly said: string;
  /** What of it could not be found out. */
  readonly doubt: string;
  /** The item may stand for another record. */
  readonly isAmbiguous: boolean;
}

/**
 * What each record of a chunk came to, by the items of an answer.
 *
 * @throws RecordFailure when nobody can tell from the answer which records have failed.
 */
export function sharesOf(rules: FailedItems, scope: Scope, result: JsonValue): FlowResult {
  const records = Array.isArray(scope.items) ? scope.items : [];
  try {
    return new AnswerInspection(rules, scope, records).sharesOf(result);
  } catch (error) {
    if (!(error instanceof RecordFailure)) throw error;
    const { failure } = error;
    throw new RecordFailure({ ...failure, step, ...(rules.hasEffects ? { maybeApplied: true } : {}) });
  }
}

const step = 'failed_items';

class AnswerInspection {
  readonly #rules: FailedItems;
  readonly #scope: Scope;
  readonly #records: readonly JsonValue[];
  readonly #items: readonly JsonValue[];
  readonly #positionsById: ReadonlyMap<string, readonly number[]>;
  readonly #refusals = new Map<number, Refusal[]>();
  readonly #own = new Map<number, JsonValue>();

  constructor(rules: FailedItems, scope: Scope, records: readonly JsonValue[]) {
    this.#rules = rules;
    this.#scope = scope;
    this.#records = records;
    this.#items = itemsOf(rules, scope, records.length);
    this.#positionsById = positionsById(records, rules.idField);
  }

  sharesOf(result: JsonValue): FlowResult {
    for (const [index, item] of this.#items.entries()) this.#take(item, index);
    if (this.#refusals.size === 0 && this.#own.size === 0) return result;
    const { hasOutput } = this.#rules;
    const isGiven = hasOutput || (isOnePerRecord(result, this.#records.length) && result !== this.#items);
    const shares = this.#records.map((_, at): Share => {
      const refusals = this.#refusals.get(at);
      if (refusals !== undefined) return { failure: failureOf(refusals, this.#rules.hasEffects) };
      const own = isGiven ? undefined : this.#own.get(at);
      return { result: own === undefined ? ownResult(result, this.#records.length, at) : own };
    });
    return new ChunkResult(shares);
  }

  #take(item: JsonValue, index: number): void {
    const scope = { ...this.#scope, item, index };
    if (this.#rules.when?.holds(scope) === false) {
      for (const at of this.#positionsIfAny(scope, index)) this.#own.set(at, item);
      return;
    }
    const positions = this.#positions(scope, index);
    const refusal = { ...refusalOf(this.#rules, scope), isAmbiguous: positions.length > 1 };
    for (const at of positions) {
      const before = this.#refusals.get(at);
      if (before === undefined) this.#refusals.set(at, [refusal]);
      else if (before.length < toldAtMost || differs(before, refusal)) before.push(refusal);
    }
  }

  /** What has not failed need not say which record it is. */
  #positionsIfAny(scope: Scope, index: number): readonly number[] {
    try {
      return this.#positions(scope, index);
    } catch (error) {
      if (error instanceof RecordFailure) return [];
      throw error;
    }
  }

  /** The records an item is about: several have its id when the chunk holds one twice. */
  #positions(scope: Scope, index: number): readonly number[] {
    const { place, idField } = this.#rules;
    if (place === undefined) return [index];
    const found = place.value(scope);
    const value = found === omitted || found === undefined ? null : found;
    const positions = idField === undefined ? this.#positionIn(value) : this.#positionsById.get(idIn(value));
    if (positions !== undefined) return positions;
    const what =
      idField === undefined
        ? `failed_items.index is not the position of a record in this chunk, from 0 to ${this.#records.length - 1}`
        : `failed_items.id is the ${idField} of no record in this chunk`;
    throw unclear(what, value);
  }

  #positionIn(value: JsonValue): readonly number[] | undefined {
    const position = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
    return typeof position === 'number' && Number.isInteger(position) && position in this.#records
      ? [position]
      : undefined;
  }
}

/** Items about one record whose words are told; of more, only what changes the failure is kept. */
const toldAtMost = 50;

/** Whether the item makes a failure of these another one; it does so once for each of its marks. */
const differs = (before: readonly Refusal[], { transient, isAmbiguous, doubt }: Refusal): boolean =>
  (!transient && before.every((each) => each.transient)) ||
  (!isAmbiguous && before.every((each) => each.isAmbiguous)) ||
  (doubt !== '' && before.every((each) => each.doubt === ''));

const advice = 'write | omit_if_null behind the path when no list means that none has failed';

function itemsOf({ items, place }: FailedItems, scope: Scope, records: number): readonly JsonValue[] {
  const found = listIn(items, scope);
  // Without a place the items have to stand for all records.
  if (found === omitted && place !== undefined) return [];
  if (!Array.isArray(found)) {
    throw unclear(`failed_items.items is no list; ${advice}`, found === omitted ? null : (found ?? null));
  }
  const list = found as readonly JsonValue[];
  if (place !== undefined || list.length === records) return list;
  throw unclear(
    `failed_items.items is of length ${list.length} for ${records} records; without index or id it has an item for each`,
  );
}

function listIn(items: Template, scope: Scope): ReturnType<Template['value']> {
  try {
    return items.value(scope);
  } catch (error) {
    if (!(error instanceof RecordFailure) || error.failure.code !== 'undefined_name') throw error;
    const { failure } = error;
    throw new RecordFailure({ ...failure, message: `${failure.message}; ${advice}` });
  }
}

const idIn = (value: JsonValue | undefined) =>
  typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';

function positionsById(
  records: readonly JsonValue[],
  idField: string | undefined,
): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  if (idField === undefined) return found;
  for (const [at, record] of records.entries()) {
    const id = isJsonObject(record) && Object.hasOwn(record, idField) ? idIn(record[idField]) : '';
    if (id === '') continue;
    const positions = found.get(id);
    if (positions === undefined) found.set(id, [at]);
    else positions.push(at);
  }
  return found;
}

/** The record has failed in any case, so that what cannot be found out besides is only told. */
function refusalOf({ message, retry }: FailedItems, scope: Scope): Omit<Refusal, 'isAmbiguous'> {
  const doubts: string[] = [];
  const orElse = <T>(find: () => T, otherwise: T): T => {
    try {
      return find();
    } catch (error) {
      if (!(error instanceof RecordFailure)) throw error;
      doubts.push(`; ${error.failure.message}`);
      return otherwise;
    }
  };
  const transient = orElse(() => retry?.holds(scope) === true, false);
  const words = message === undefined ? '' : orElse(() => asWritten(message.value(scope)), '');
  return { transient, said: words.trim() === '' ? asWritten(scope.item) : words, doubt: doubts.join('') };
}

/** Several items may name one record, one for each of its fields. */
function failureOf(refusals: readonly Refusal[], hasEffects: boolean): Failure {
  const isAmbiguous = refusals.every((refusal) => refusal.isAmbiguous);
  const said = foreignText(refusals.map((refusal) => refusal.said).join('; '));
  const doubt = refusals.find((refusal) => refusal.doubt !== '')?.doubt ?? '';
  const whose = isAmbiguous ? ', or another one with the same id' : '';
  return {
    class: refusals.every(({ transient }) => transient) ? 'transient' : 'data',
    code: 'item_failed',
    message: `the answer to the chunk names this record as failed${whose}${doubt}`,
    step,
    ...(said === undefined ? {} : { untrustedMessage: said }),
    ...(isAmbiguous && hasEffects ? { maybeApplied: true } : {}),
  };
}

function unclear(message: string, value?: JsonValue): RecordFailure {
  const said = value === undefined ? undefined : foreignText(JSON.stringify(value), 120);
  const untrusted = said === undefined ? {} : { untrustedMessage: said };
  return new RecordFailure({ class: 'data', code: 'failed_items_unclear', message, ...untrusted });
}
