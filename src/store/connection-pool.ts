import PQueue from 'p-queue';
import { SluiceError } from '../domain/sluice-error.ts';
import { type Client, Connection, type ConnectionOptions } from './connection.ts';
import { concernsAllClients, DatabaseFault } from './database-fault.ts';

export interface ConnectionPoolOptions extends ConnectionOptions {
  /** Connections at most. */
  readonly connections: number;
}

/**
 * A few connections, each of which has one statement under way at most. One that was sent behind another over the same
 * connection would wait for a lock that is not its own, break off when the other one takes too long, and be answered in
 * its place when postgres.js refuses the other.
 */
export class ConnectionPool {
  readonly #connections: readonly Connection[];
  readonly #turns: PQueue;
  #closed = false;

  constructor(options: ConnectionPoolOptions) {
    const { connections } = options;
    this.#connections = Array.from({ length: connections }, () => new Connection(options));
    this.#turns = new PQueue({ concurrency: connections });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends a statement as soon as a connection is free, unless that is after this `performance.now()`.
   *
   * @throws SluiceError `database_unavailable` when the pool has been closed.
   * @throws DatabaseFault `deadline` when it was too late, or took longer than `deadlineMs`.
   */
  send<T>(statement: (client: Client) => PromiseLike<T>, deadlineMs: number, giveUpAt: number): Promise<T> {
    return this.#turns.add(async () => {
      if (this.#closed) throw new SluiceError('database_unavailable', 'The database has been closed.');
      const sentAt = performance.now();
      if (sentAt > giveUpAt) throw new DatabaseFault('deadline', 'no connection came free in time');
      try {
        return await this.#firstFree.send(statement, deadlineMs);
      } catch (error) {
        if (concernsAllClients(error)) this.#renew(sentAt);
        throw error;
      }
    });
  }

  /** Ends all connections, and what waits for one. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }

  /** The fewer take turns, the more of what a statement needs lies ready in their caches. */
  get #firstFree(): Connection {
    const free = this.#connections.find((connection) => !connection.busy);
    if (free === undefined) throw new Error('more turns than connections');
    return free;
  }

  #renew(madeBefore: number): void {
    for (const connection of this.#connections) connection.renew(madeBefore);
  }
}
