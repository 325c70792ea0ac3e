import { type buildConnector, Client } from 'undici';

/**
 * The connections to one origin: as many as there have been calls at once, each for one call at a time.
 *
 * The one that was given back last is taken first. See docs/decisions/http-connections.md.
 */
export class HttpConnections {
  readonly #origin: string;
  readonly #connect: buildConnector.connector;
  readonly #all = new Set<Client>();
  readonly #free: Client[] = [];
  #isClosed = false;

  constructor(origin: string, connect: buildConnector.connector) {
    this.#origin = origin;
    this.#connect = connect;
  }

  /** A connection for one call, to be given back when undici has done with the call. */
  take(): Client {
    return this.#free.pop() ?? this.#open();
  }

  giveBack(connection: Client): void {
    this.#free.push(connection);
  }

  /**
   * Parts with a connection whose call broke. undici would connect it anew, but one that met a certificate for
   * another name takes its next call for the second at once, and never makes it.
   */
  drop(connection: Client): void {
    this.#all.delete(connection);
    void connection.destroy();
  }

  /** Cuts what is under way; calls that come later fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#all].map((connection) => connection.destroy()));
  }

  #open(): Client {
    const connection = new Client(this.#origin, {
      connect: this.#connect,
      pipelining: 1,
      // A call has one deadline for the whole of it; these only know of silence.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#all.add(connection);
    if (this.#isClosed) void connection.destroy();
    return connection;
  }
}
