import type { PoolClient } from 'pg';
import { RecordFailure } from '../domain/failure.ts';
import { watchAbort } from './abort-watch.ts';
import { CallLimits } from './call-limits.ts';
import { connectorFailure } from './connector-failure.ts';
import type { SqlSettings } from './connectors-file.ts';
import { TimeOver } from './http-exchange.ts';
import { type Secret, scrubber } from './secret.ts';
import type { SqlConnector, SqlStatement } from './sql.ts';
import { sqlAddressOf } from './sql-address.ts';
import { SqlConnections } from './sql-connections.ts';
import { askServer } from './sql-exchange.ts';
import { endsSession, isServerError, type StatementNames, sqlFailure } from './sql-failure.ts';
import { runTransaction } from './sql-transaction.ts';

export interface SqlConnectorOptions {
  readonly settings: SqlSettings;
  /** The `postgres://` URL. */
  readonly url: Secret;
  /** Opens private addresses to every connector, whatever its own setting. */
  readonly allowPrivateHosts: boolean;
  /** Shared by all that call the same target; default: its own. */
  readonly limits?: CallLimits;
}

/** Opens a connector. Nothing is connected before the first statement; `close` cuts what is under way. */
export function openSqlConnector(options: SqlConnectorOptions): SqlConnector & { close(): Promise<void> } {
  const { settings, url, limits = new CallLimits(settings) } = options;
  const { name, concurrency, allowPrivate } = settings;
  const address = sqlAddressOf(url.reveal());
  if ('problem' in address) throw new TypeError(`the URL of ${name} ${address.problem}`);

  const connections = new SqlConnections(address, concurrency, allowPrivate || options.allowPrivateHosts);
  const scrub = scrubber([url, address.password]);
  const underWay = new Set<AbortController>();
  const leavesLost = settings.retryLostAnswers === false;

  const call = <T>(asked: Asked, work: Work<T>): Promise<T> => {
    const { step, writes, signal, timeoutMs = settings.timeoutMs } = asked;
    const way: Way = { sent: false };
    const names = { connector: name, step, timeoutMs, writes, scrub };
    const inTime = async () => {
      const over = new AbortController();
      underWay.add(over);
      const timer = setTimeout(() => over.abort(new TimeOver()), timeoutMs);
      const unwatch = watchAbort(signal, () => over.abort(signal.reason));
      try {
        return await send(connections, (client) => work(client, over.signal, names), over.signal, way);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        const cutOff = signal.aborted && error === signal.reason;
        if (cutOff && !(leavesLost && way.sent && writes)) throw error;
        throw connectorFailure(settings, new RecordFailure(sqlFailure(names, error, way.sent)));
      } finally {
        clearTimeout(timer);
        unwatch();
        underWay.delete(over);
      }
    };
    // The limit stands before the pool, whose own queue a statement could not leave.
    return limits.run(inTime, signal);
  };

  return {
    name,
    run: (statement) => call(statement, (client, signal) => askServer(client, statement, signal)),
    transact: (transaction) =>
      call({ ...transaction, writes: true }, (client, signal, names) =>
        runTransaction(client, transaction.statements, signal, names),
      ),
    async close() {
      for (const over of underWay) over.abort(new Error('the connector was closed'));
      await connections.close();
    },
  };
}

/** How far a statement has come. */
interface Way {
  sent: boolean;
}

type Asked = Pick<SqlStatement, 'step' | 'writes' | 'signal' | 'timeoutMs'>;
type Work<T> = (client: PoolClient, signal: AbortSignal, names: StatementNames) => Promise<T>;

async function send<T>(
  connections: SqlConnections,
  work: (client: PoolClient) => Promise<T>,
  signal: AbortSignal,
  way: Way,
): Promise<T> {
  const client = await connections.take(signal);
  try {
    way.sent = true;
    const answer = await work(client);
    connections.giveBack(client);
    return answer;
  } catch (error) {
    if (isServerError(error) && !endsSession(error)) connections.giveBack(client);
    else void connections.drop(client, signal.aborted);
    throw error;
  }
}
