import { foreignText } from '../connectors/foreign-text.ts';
import { type ErrorClass, RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { StateStore } from '../flows/state.ts';
import type { Database } from '../store/database.ts';
import { refusesContent } from '../store/database-fault.ts';
import type { Lease } from '../store/leases.ts';
import { addToState, readState, type StateKey, writeState } from '../store/state.ts';
import { storableJson } from '../store/storable-json.ts';
import { LeaseLost } from './lease-lost.ts';

const largestValueBytes = 64 * 1024;
const longestKey = 200;

/** A write of one key that waits for those before it. */
type Wish = { readonly reject: (error: unknown) => void } & (
  | { readonly value: JsonValue; readonly resolve: () => void }
  | { readonly by: number; readonly resolve: (sum: number) => void }
);

/**
 * The durable values of one job, as its flow sees them.
 *
 * Writes of one key go to the database one after the other, so that each can be told from its repeat;
 * additions that have piled up meanwhile go in one.
 */
export class JobState {
  readonly #db: Database;
  readonly #lease: Lease;
  readonly #wishes = new Map<string, Wish[]>();
  #writes = 0;

  constructor(db: Database, lease: Lease) {
    this.#db = db;
    this.#lease = lease;
  }

  /** The values of a record, or with null those of the whole job. */
  of(index: number | null): StateStore {
    return {
      get: async (key) => this.#get({ index, key: checkedKey(key) }),
      set: async (key, value) => {
        checkSize(key, value);
        await new Promise<void>((resolve, reject) => this.#add({ index, key }, { value, resolve, reject }));
      },
      incr: async (key, by) => {
        checkedKey(key);
        if (!Number.isFinite(by)) throw refusal('state_no_number', 'incr of the state takes a number', key);
        return new Promise<number>((resolve, reject) => this.#add({ index, key }, { by, resolve, reject }));
      },
    };
  }

  async #get(key: StateKey): Promise<JsonValue | undefined> {
    try {
      return await readState(this.#db, this.#lease.batchJobId, key);
    } catch (error) {
      throw failureOf(error, key);
    }
  }

  #add(key: StateKey, wish: Wish): void {
    const name = `${key.index ?? ''}:${key.key}`;
    const waiting = this.#wishes.get(name);
    if (waiting !== undefined) {
      waiting.push(wish);
      return;
    }
    this.#wishes.set(name, [wish]);
    void this.#grantAll(key, name);
  }

  /** Never rejects. */
  async #grantAll(key: StateKey, name: string): Promise<void> {
    const waiting = this.#wishes.get(name) ?? [];
    while (waiting.length > 0) {
      const later = waiting.findIndex((wish, at) => at > 0 && !('by' in wish && 'by' in (waiting[0] ?? {})));
      const wishes = waiting.slice(0, later === -1 ? waiting.length : later);
      try {
        await this.#grant(key, wishes);
      } catch (error) {
        for (const { reject } of wishes) reject(failureOf(error, key));
      }
      waiting.splice(0, wishes.length);
    }
    this.#wishes.delete(name);
  }

  /** One value to set, or any number of additions. */
  async #grant(key: StateKey, wishes: readonly Wish[]): Promise<void> {
    const write = { ...key, lease: this.#lease, number: ++this.#writes };
    const [first] = wishes;
    if (first !== undefined && 'value' in first) {
      if (!(await writeState(this.#db, write, first.value))) throw new LeaseLost();
      first.resolve();
      return;
    }
    const additions = wishes.filter((wish) => 'by' in wish);
    const whole = additions.reduce((sum, { by }) => sum + by, 0);
    const added = await addToState(this.#db, write, whole);
    if (added === 'refused') throw new LeaseLost();
    if (added === 'no_number') {
      throw refusal('state_no_number', 'incr of the state found a value that is no number', key.key);
    }
    let sum = added - whole;
    for (const { by, resolve } of additions) {
      sum += by;
      resolve(sum);
    }
  }
}

function checkedKey(key: string): string {
  const isFit =
    typeof key === 'string' && key.length <= longestKey && !key.includes('\0') && key.isWellFormed();
  if (isFit) return key;
  throw refusal(
    'state_key_invalid',
    `a key of the state has to be a text of at most ${longestKey} characters`,
    key,
  );
}

function checkSize(key: string, value: JsonValue): void {
  checkedKey(key);
  if (value === undefined || Buffer.byteLength(storableJson(value)) > largestValueBytes) {
    throw refusal('state_too_large', 'a value of the state has to be JSON of at most 64 KiB', key);
  }
}

/** The key may come from a record. */
function refusal(
  code: string,
  message: string,
  key: unknown,
  errorClass: ErrorClass = 'data',
): RecordFailure {
  const said = foreignText(String(key));
  return new RecordFailure({
    class: errorClass,
    code,
    message,
    ...(said === undefined ? {} : { untrustedMessage: said }),
  });
}

function failureOf(error: unknown, { key }: StateKey): unknown {
  if (error instanceof RecordFailure || error instanceof LeaseLost) return error;
  if (refusesContent(error)) {
    return refusal('state_not_storable', 'the database refused a value of the state', key);
  }
  return refusal('state_unavailable', 'the state could not be reached in the database', key, 'transient');
}
