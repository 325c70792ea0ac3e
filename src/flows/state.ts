import type { JsonValue } from '../domain/json.ts';

/** Values that outlive the process, kept in Postgres: those of one record's run, or of the whole job. */
export interface StateStore {
  get(key: string): Promise<JsonValue | undefined>;
  set(key: string, value: JsonValue): Promise<void>;
  /** Adds to a number, which is 0 at first, in one statement; returns the sum. */
  incr(key: string, by: number): Promise<number>;
}
