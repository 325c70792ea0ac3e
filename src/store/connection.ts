import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { DatabaseFault, isAnswer } from './database-fault.ts';

export type Sql = postgres.Sql;
/** A piece of a statement. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;
/** Drizzle over the same connection: for reads whose shape depends on the caller. */
export type Reader = PostgresJsDatabase;

/** Where a Postgres listens: a URL, or what the embedded server says of itself. */
export type DatabaseAddress =
  | { readonly url: string }
  | {
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password?: string;
      readonly database: string;
    };

export interface ConnectionOptions {
  /** Asked anew for each client, so that a server that went away can be found or started again. */
  readonly address: () => Promise<DatabaseAddress>;
  /** Shown in pg_stat_activity. */
  readonly name: string;
}

export interface Client {
  readonly sql: Sql;
  readonly reader: Reader;
}

/** One connection to the server: made when it is first needed, and anew when it has become useless. */
export class Connection {
  readonly #options: ConnectionOptions;
  #client: Promise<Client> | undefined;
  /** A `performance.now()`; undefined while the server is still being looked for. */
  #madeAt: number | undefined;
  #busy = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** A statement waits for its answer. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Sends a statement; one at a time. The wait has a deadline: a connection that is cut can leave a promise that never
   * settles. Where it is the server that has not been found by then, the search goes on for the next statement.
   */
  async send<T>(statement: (client: Client) => PromiseLike<T>, deadlineMs: number): Promise<T> {
    this.#busy = true;
    const opening = this.#open();
    const deadline = startDeadline(deadlineMs);
    try {
      const client = await Promise.race([opening, deadline.passed]);
      return whole(await Promise.race([Promise.resolve(statement(client)), deadline.passed]));
    } catch (error) {
      if (!isAnswer(error) && this.#client === opening && this.#madeAt !== undefined) void this.#end(0);
      throw error;
    } finally {
      deadline.stop();
      this.#busy = false;
    }
  }

  /** Throws the client away if it was made before this `performance.now()`. */
  renew(madeBefore: number): void {
    if (this.#madeAt !== undefined && this.#madeAt < madeBefore) void this.#end(0);
  }

  /** Waits a second for what is under way. */
  close(): Promise<void> {
    return this.#end(1);
  }

  /** To be awaited with patience: ending a client that hangs can hang as well. */
  async #end(timeout: number): Promise<void> {
    const opening = this.#client;
    this.#client = undefined;
    const client = await opening?.catch(() => undefined);
    await client?.sql.end({ timeout }).catch(() => {});
  }

  #open(): Promise<Client> {
    if (this.#client === undefined) {
      const opening = this.#connect();
      this.#client = opening;
      this.#madeAt = undefined;
      opening.then(
        () => {
          if (this.#client === opening) this.#madeAt = performance.now();
        },
        () => {
          if (this.#client === opening) this.#client = undefined;
        },
      );
    }
    return this.#client;
  }

  async #connect(): Promise<Client> {
    const address = await this.#options.address();
    const settings: postgres.Options<Record<string, never>> = {
      max: 1,
      idle_timeout: 20,
      connect_timeout: 5,
      fetch_types: false,
      onnotice: () => {},
      connection: {
        application_name: this.#options.name,
        statement_timeout: 60_000,
        // A plan that was kept while a table had few rows would go on reading the whole of it.
        enable_seqscan: 'off',
      },
    };
    const sql = 'url' in address ? postgres(address.url, settings) : postgres({ ...address, ...settings });
    return { sql, reader: drizzle(sql) };
  }
}

/** A promise that is rejected after `ms`, unless it is stopped. */
function startDeadline(ms: number) {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DatabaseFault('deadline', 'a statement took too long')), ms);
  });
  return { passed, stop: () => clearTimeout(timer) };
}

/**
 * postgres.js keeps counting the rows of an answer that broke off, so that the next answer over the
 * same connection begins with as many holes.
 */
function whole<T>(answer: T): T {
  if (!Array.isArray(answer) || answer.length === 0 || 0 in answer) return answer;
  throw new DatabaseFault('mixed_answer', 'an answer came with rows of another one missing');
}
