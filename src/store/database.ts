import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Client, Reader, Sql } from './connection.ts';
import { ConnectionPool, type ConnectionPoolOptions } from './connection-pool.ts';
import { isUnreachable, systemCodeOf, toFault } from './database-fault.ts';
import { refusalOf } from './refusal.ts';

export type { DatabaseAddress, Fragment, Reader, Sql } from './connection.ts';

export interface DatabaseOptions extends ConnectionPoolOptions {
  /** How long a call goes on trying while the server cannot be reached, in milliseconds. */
  readonly patienceMs: number;
  /** How long one statement may take before its client is given up, in milliseconds; default 15,000. */
  readonly deadlineMs?: number;
  /**
   * What those who set the database up have to mend is thrown in words for them. The engine does without: it goes by
   * the fault, and tries again.
   */
  readonly answersCallers?: boolean;
}

/**
 * The guard between Sluice and postgres.js: a few connections, each of which answers in time or is made anew. A
 * statement whose fate is unknown is sent again: every statement of the store is written so that its repeat changes
 * nothing.
 */
export class Database {
  readonly #options: DatabaseOptions;
  readonly #pool: ConnectionPool;
  /** Whose jobs are found through this: null: those started on this machine; undefined: all there are. */
  readonly owner: string | null | undefined;
  /** Who acts through this, in words for the history; null: Sluice by itself. */
  readonly actor: string | null;

  constructor(
    options: DatabaseOptions,
    pool: ConnectionPool = new ConnectionPool(options),
    owner?: string | null,
    actor: string | null = null,
  ) {
    this.#options = options;
    this.#pool = pool;
    this.owner = owner;
    this.actor = actor;
  }

  /** The same connections, for what belongs to one owner: others' jobs cannot be told from missing ones. */
  ownedBy(owner: string | null, actor: string | null = null): Database {
    return new Database(this.#options, this.#pool, owner, actor);
  }

  /**
   * Runs one statement.
   *
   * @throws SluiceError `database_unavailable` when the server stays out of reach.
   * @throws DatabaseFault for anything the server refused; with `answersCallers`, SluiceError `database_unsupported` or
   * `storage_full` where it refuses Sluice as such.
   */
  run<T>(statement: (sql: Sql) => PromiseLike<T>, deadlineMs = this.#deadlineMs): Promise<T> {
    return this.#persist((client) => statement(client.sql), deadlineMs);
  }

  /** As `run`, through Drizzle's query builder. */
  read<T>(query: (reader: Reader) => PromiseLike<T>): Promise<T> {
    return this.#persist((client) => query(client.reader), this.#deadlineMs);
  }

  /** Ends all connections; waits at most two seconds for them. */
  async close(): Promise<void> {
    await Promise.race([this.#pool.close(), sleep(2000, undefined, { ref: false })]);
  }

  get #deadlineMs(): number {
    return this.#options.deadlineMs ?? 15_000;
  }

  #faultOf(error: unknown): Error {
    const fault = toFault(error);
    return (this.#options.answersCallers === true ? refusalOf(fault) : undefined) ?? fault;
  }

  async #persist<T>(statement: (client: Client) => PromiseLike<T>, deadlineMs: number): Promise<T> {
    const giveUpAt = performance.now() + this.#options.patienceMs;
    let told: unknown;
    for (let round = 0; ; round++) {
      try {
        return await this.#pool.send(statement, deadlineMs, giveUpAt);
      } catch (error) {
        if (!isUnreachable(error)) throw this.#faultOf(error);
        // In the end there is often no connection to wait for; an earlier round knows why.
        if (systemCodeOf(error) !== undefined) told = error;
        if (this.#pool.closed || performance.now() >= giveUpAt) throw unavailable(told ?? error);
        await sleep(Math.min(20 * 2 ** round, 500));
      }
    }
  }
}

/** What a caller is told when the server stays out of reach. */
export function unavailable(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const reason = systemCodeOf(error);
  return new SluiceError(
    'database_unavailable',
    `The database cannot be reached at the moment${reason === undefined ? '' : ` (${reason})`}. Batch jobs are kept and go on when it is back; try again in a few seconds, or run \`sluice doctor\`.`,
    { cause: error },
  );
}
