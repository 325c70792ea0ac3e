import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import { isSocketFolder, type SqlAddress } from './sql-address.ts';
import { askServer } from './sql-exchange.ts';
import { GuardedSocket } from './sql-socket.ts';

const connectTimeoutMs = 10_000;
const cancelTimeoutMs = 1_000;
const closeTimeoutMs = 2_000;

/** Connections to one server, made when they are needed and ended when they have been idle for a while. */
export class SqlConnections {
  readonly #address: SqlAddress;
  readonly #openSocket: () => Socket;
  readonly #pool: pg.Pool;
  readonly #greeted = new WeakSet<pg.PoolClient>();

  constructor(address: SqlAddress, most: number, allowPrivate: boolean) {
    this.#address = address;
    this.#openSocket = () => (allowPrivate ? new Socket() : new GuardedSocket());
    this.#pool = new pg.Pool({
      // Everything is said here, since node-postgres looks for what is not in PGHOST, PGPASSWORD and the like.
      host: address.host,
      port: address.port,
      user: address.user,
      password: () => address.password.reveal(),
      database: address.database,
      ssl: tlsOf(address),
      sslnegotiation: 'postgres',
      application_name: 'sluice',
      keepAlive: true,
      stream: this.#openSocket,
      max: most,
      connectionTimeoutMillis: connectTimeoutMs,
      allowExitOnIdle: true,
      ...(address.options === undefined ? {} : { options: address.options }),
    });
    // A connection that breaks while it is idle is removed by the pool; nobody has lost anything.
    this.#pool.on('error', ignore);
    // While it is in use its statement breaks, which is what counts.
    this.#pool.on('connect', (client) => client.on('error', ignore));
  }

  /** A connection for one statement. Rejects with the signal's reason once it is aborted. */
  async take(signal: AbortSignal): Promise<pg.PoolClient> {
    signal.throwIfAborted();
    const connecting = this.#pool.connect();
    const client = await unlessAborted(connecting, signal, (late) => late.release());
    if (this.#greeted.has(client)) return client;
    try {
      // Dates come as the session says, which a database may have set otherwise.
      await askServer(client, { text: 'set datestyle = iso', values: [], writes: false }, signal);
      this.#greeted.add(client);
      return client;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  /** For a connection whose statement has ended. One that a statement left in a transaction is closed. */
  giveBack(client: pg.PoolClient): void {
    const status = client.getTransactionStatus();
    client.release(status === 'T' || status === 'E');
  }

  /** For a connection that cannot be used again. `silent`: the server is at work and has nothing to say yet. */
  async drop(client: pg.PoolClient, silent: boolean): Promise<void> {
    if (silent) await this.#cancel(client).catch(ignore);
    client.release(true);
  }

  /** Ends all connections; waits at most two seconds for them. */
  async close(): Promise<void> {
    if (this.#pool.ending) return;
    await Promise.race([this.#pool.end(), sleep(closeTimeoutMs, undefined, { ref: false })]);
  }

  /** A server that says nothing does not notice that nobody waits for it any more, so it is told. */
  async #cancel(client: pg.PoolClient): Promise<void> {
    const { processID, secretKey } = client as { processID?: unknown; secretKey?: unknown };
    if (typeof processID !== 'number' || typeof secretKey !== 'number') return;
    const { host, port } = this.#address;
    const socket = this.#openSocket();
    socket.setTimeout(cancelTimeoutMs, () => socket.destroy());
    if (isSocketFolder(host)) socket.connect(`${host}/.s.PGSQL.${port}`);
    else socket.connect(port, host);
    socket.end(cancelRequest(processID, secretKey));
    socket.resume();
    await once(socket, 'close');
  }
}

function ignore(): void {}

/** The message of the protocol that cancels what a session is at. */
function cancelRequest(processId: number, secretKey: number): Buffer {
  const message = Buffer.alloc(16);
  for (const [at, word] of [message.length, 80_877_102, processId, secretKey].entries()) {
    message.writeInt32BE(word, 4 * at);
  }
  return message;
}

/** As libpq takes the words: `require` encrypts and trusts whoever answers, unless there are certificates. */
function tlsOf({ sslMode, rootCertificates }: SqlAddress): false | ConnectionOptions {
  if (sslMode === 'disable') return false;
  const trusted = rootCertificates === undefined ? {} : { ca: readFileSync(rootCertificates) };
  if (sslMode === 'verify-full') return trusted;
  if (sslMode === 'require' && rootCertificates === undefined) return { rejectUnauthorized: false };
  return { ...trusted, checkServerIdentity: () => undefined };
}

/** What a promise comes to, unless the signal is aborted first; what comes later is handed to `late`. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal, late: (value: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const interrupt = () => {
      reject(signal.reason);
      promise.then(late, ignore);
    };
    signal.addEventListener('abort', interrupt, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', interrupt));
  });
}
