import { expect, onTestFinished } from 'vitest';
import type { SqlSettings } from '../../src/connectors/connectors-file.ts';
import { Secret } from '../../src/connectors/secret.ts';
import type { SqlAnswer, SqlConnector, SqlStatement } from '../../src/connectors/sql.ts';
import { sqlAddressOf } from '../../src/connectors/sql-address.ts';
import { openSqlConnector } from '../../src/connectors/sql-connector.ts';
import { type Failure, RecordFailure } from '../../src/domain/failure.ts';
import { test as base, urlOf } from '../support/database.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/** `url` leads straight to a database of the test, `proxy.url` through a proxy. */
export const test = base.extend<{ url: string; proxy: TcpProxy & { readonly url: string } }>({
  url: async ({ address }, use) => use(urlOf(address)),
  /** What stands between the server and `proxy.url`. */
  proxy: async ({ url }, use) => {
    const { host, port } = addressOf(url);
    const proxy = await startTcpProxy(
      host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port },
    );
    const { username, password, pathname } = new URL(url);
    const secret = password === '' ? '' : `:${password}`;
    await use(
      Object.assign(proxy, { url: `postgres://${username}${secret}@127.0.0.1:${proxy.port}${pathname}` }),
    );
    await proxy.close();
  },
});

function addressOf(url: string) {
  const address = sqlAddressOf(url);
  if ('problem' in address) throw new Error(address.problem);
  return address;
}

/** What follows `select …` to see the sessions of connectors. */
export const sessions =
  "from pg_stat_activity where application_name = 'sluice' and datname = current_database()";
/** Ends all of them but the one that asks. */
export const killOthers = `select pg_terminate_backend(pid) ${sessions} and pid <> pg_backend_pid()`;

/** A connector named `shop` to a database of the test, closed when the test ends. */
export function openShop(url: string, settings: Partial<SqlSettings> = {}): SqlConnector {
  const connector = openSqlConnector({
    settings: {
      type: 'sql',
      name: 'shop',
      urlEnv: 'SHOP_DB_URL',
      concurrency: 5,
      timeoutMs: 5_000,
      allowPrivate: true,
      ...settings,
    },
    url: new Secret(url),
    allowPrivateHosts: false,
  });
  onTestFinished(() => connector.close());
  return connector;
}

/** A statement as a step sends it; one that does not begin with select writes. */
export function statement(
  text: string,
  values: SqlStatement['values'] = [],
  given: Partial<SqlStatement> = {},
): SqlStatement {
  return {
    text,
    values,
    writes: !/^\s*select/i.test(text),
    step: 'save',
    signal: new AbortController().signal,
    ...given,
  };
}

/** The failure a statement ends with. */
export async function failureOf(answer: Promise<SqlAnswer>): Promise<Failure> {
  const error = await answer.then(
    ({ rows }) => new Error(`answered with ${rows.length} rows`),
    (reason: unknown) => reason,
  );
  if (error instanceof RecordFailure) return error.failure;
  throw error;
}

/** Waits until a query of `probe` says true. */
export async function until(probe: SqlConnector, condition: string): Promise<void> {
  await expect
    .poll(async () => (await probe.run(statement(`select (${condition}) as held`))).rows[0]?.held, {
      timeout: 5_000,
      interval: 10,
    })
    .toBe(true);
}

/** Makes a table, and returns its name. */
export async function table(url: string, name: string, columns = 'id int primary key, name text not null') {
  await openShop(url).run(statement(`create table ${name} (${columns})`));
  return name;
}
