import { setTimeout as sleep } from 'node:timers/promises';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { SluiceError } from '../domain/sluice-error.ts';
import { DatabaseFault, isClientUseless, isUnreachable, toFault } from './database-fault.ts';

export type Sql = postgres.Sql;
/** A piece of a statement. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;
/** Drizzle over the same client: for reads whose shape depends on the caller. */
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

export interface DatabaseOptions {
  /** Asked anew for each client, so that a server that went away can be found or started again. */
  readonly address: () => Promise<DatabaseAddress>;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  /** Connections at most. */
  readonly connections: number;
  /** How long a call goes on trying while the server cannot be reached, in milliseconds. */
  readonly patienceMs: number;
  /** How long one statement may take before its client is given up, in milliseconds; default 15,000. */
  readonly deadlineMs?: number;
}

interface Client {
  readonly sql: Sql;
  readonly reader: Reader;
}

/**
 * The guard between Sluice and postgres.js.
 *
 * A connection that is cut can leave a promise that never settles, so every statement has a deadline
 * here, and a client whose statement outlives it is thrown away. A statement whose fate is unknown is
 * sent again: every statement of the store is written so that its repeat changes nothing.
 */
export class Database {
  readonly #options: DatabaseOptions;
  /** Of a view: where its statements go. */
  readonly #whole: Database | undefined;
  /** Whose jobs are found through this: null: those started on this machine; undefined: all there are. */
  readonly owner: string | null | undefined;
  /** Who acts through this, in words for the history; null: Sluice by itself. */
  readonly actor: string | null;
  #client: Promise<Client> | undefined;
  #closed = false;

  constructor(
    options: DatabaseOptions,
    whole?: Database,
    owner?: string | null,
    actor: string | null = null,
  ) {
    this.#options = options;
    this.#whole = whole;
    this.owner = owner;
    this.actor = actor;
  }

  /** The same connections, for what belongs to one owner: others' jobs cannot be told from missing ones. */
  ownedBy(owner: string | null, actor: string | null = null): Database {
    return new Database(this.#options, this.#whole ?? this, owner, actor);
  }

  /**
   * Runs one statement.
   *
   * @throws SluiceError `database_unavailable` when the server stays out of reach.
   * @throws DatabaseFault for anything the server refused.
   */
  run<T>(statement: (sql: Sql) => PromiseLike<T>, deadlineMs = this.#deadlineMs): Promise<T> {
    if (this.#whole !== undefined) return this.#whole.run(statement, deadlineMs);
    return this.#persist((client) => statement(client.sql), deadlineMs);
  }

  /** As `run`, through Drizzle's query builder. */
  read<T>(query: (reader: Reader) => PromiseLike<T>): Promise<T> {
    if (this.#whole !== undefined) return this.#whole.read(query);
    return this.#persist((client) => query(client.reader), this.#deadlineMs);
  }

  /** Ends all connections; waits at most two seconds for them. */
  async close(): Promise<void> {
    this.#closed = true;
    const client = await this.#client?.catch(() => undefined);
    this.#client = undefined;
    if (client) await Promise.race([client.sql.end({ timeout: 1 }), sleep(2000, undefined, { ref: false })]);
  }

  get #deadlineMs(): number {
    return this.#options.deadlineMs ?? 15_000;
  }

  async #persist<T>(statement: (client: Client) => PromiseLike<T>, deadlineMs: number): Promise<T> {
    const giveUpAt = performance.now() + this.#options.patienceMs;
    for (let round = 0; ; round++) {
      try {
        return await this.#once(statement, deadlineMs);
      } catch (error) {
        if (!isUnreachable(error)) throw toFault(error);
        if (this.#closed || performance.now() >= giveUpAt) throw unavailable(error);
        await sleep(Math.min(20 * 2 ** round, 500));
      }
    }
  }

  async #once<T>(statement: (client: Client) => PromiseLike<T>, deadlineMs: number): Promise<T> {
    const opening = this.#open();
    const client = await opening;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new DatabaseFault('deadline', 'a statement took too long')),
        deadlineMs,
      );
    });
    try {
      return whole(await Promise.race([Promise.resolve(statement(client)), late]));
    } catch (error) {
      if (isClientUseless(error)) this.#discard(opening, client);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #open(): Promise<Client> {
    if (this.#closed) throw new SluiceError('database_unavailable', 'The database has been closed.');
    if (this.#client === undefined) {
      const opening = this.#connect();
      this.#client = opening;
      opening.catch(() => {
        if (this.#client === opening) this.#client = undefined;
      });
    }
    return this.#client;
  }

  async #connect(): Promise<Client> {
    const address = await this.#options.address();
    const settings: postgres.Options<Record<string, never>> = {
      max: this.#options.connections,
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

  #discard(opening: Promise<Client>, client: Client): void {
    if (this.#client === opening) this.#client = undefined;
    // Not awaited: ending a client that hangs can hang as well.
    client.sql.end({ timeout: 0 }).catch(() => {});
  }
}

/**
 * postgres.js keeps counting the rows of an answer that broke off, so that the next answer over the
 * same connection begins with as many holes.
 */
function whole<T>(answer: T): T {
  if (!Array.isArray(answer) || answer.length === 0 || 0 in answer) return answer;
  throw new DatabaseFault('mixed_answer', 'an answer came with rows of another one missing');
}

/** What a caller is told when the server stays out of reach. */
export function unavailable(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  return new SluiceError(
    'database_unavailable',
    'The database cannot be reached at the moment. Batch jobs are kept and go on when it is back; try again in a few seconds, or run `sluice doctor`.',
    { cause: error },
  );
}
