import { inspect } from 'node:util';
import { expect, onTestFinished } from 'vitest';
import { failureOf, killOthers, openShop, sessions, statement, table, test, until } from './open-database.ts';

const canary = 'S3CR3T+canary/value';

test('a session that is ended in the middle fails its statement, and the next one works', async ({ url }) => {
  const shop = openShop(url, { concurrency: 1 });
  const admin = openShop(url);
  await table(url, 'cut');

  const running = failureOf(shop.run(statement('insert into cut select 1, pg_sleep(30)::text')));
  await until(admin, `exists (select ${sessions} and query like 'insert into cut%')`);
  await admin.run(statement(killOthers));

  expect(await running).toMatchObject({
    class: 'transient',
    code: 'connection_ended',
    message: 'shop ended the connection',
    maybeApplied: true,
  });
  expect((await shop.run(statement('select 1 as one'))).rows).toEqual([{ one: 1 }]);
});

test('a session that is ended while idle costs nothing', async ({ url }) => {
  const shop = openShop(url, { concurrency: 1 });
  const admin = openShop(url);
  await shop.run(statement('select 1'));

  await admin.run(statement(killOthers));
  await until(admin, `not exists (select ${sessions} and pid <> pg_backend_pid())`);

  await expect
    .poll(() =>
      shop.run(statement('select 1 as one')).then(
        ({ rows }) => rows,
        () => 'broke',
      ),
    )
    .toEqual([{ one: 1 }]);
});

test('sessions ended again and again: each statement settles, and nothing is thrown aside', async ({
  url,
}) => {
  const shop = openShop(url);
  const admin = openShop(url, { concurrency: 1 });
  await table(url, 'storm', 'id int');
  const thrown: unknown[] = [];
  const note = (error: unknown) => thrown.push(error);
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
  onTestFinished(() => {
    process.off('uncaughtException', note);
    process.off('unhandledRejection', note);
  });

  // Each round of statements is struck while it runs, as soon as one of it is through, so that both ends are met.
  const settled: string[] = [];
  for (let round = 0; round < 20; round++) {
    const statements = Array.from({ length: 20 }, (_, place) =>
      shop.run(statement('insert into storm select $1::int from pg_sleep(0.002)', [round * 20 + place])).then(
        () => 'done',
        (error: { failure: { class: string } }) => error.failure.class,
      ),
    );
    await Promise.race(statements);
    await admin.run(statement(killOthers));
    settled.push(...(await Promise.all(statements)));
  }

  expect(settled).toHaveLength(400);
  expect(new Set(settled)).toEqual(new Set(['done', 'transient']));
  expect(thrown).toEqual([]);
  const done = settled.flatMap((how, id) => (how === 'done' ? [id] : []));
  const { rows } = await shop.run(
    statement(
      'select count(distinct id) as n from storm where id = any(select json_array_elements_text($1::json)::int)',
      [done],
    ),
  );
  expect(rows).toEqual([{ n: done.length }]);
});

test('an answer that is lost on the way leaves a write in doubt, and a read not', async ({ url, proxy }) => {
  const shop = openShop(proxy.url);
  await table(url, 'lost');
  await shop.run(statement('select 1'));

  proxy.loseAnswer();
  const write = await failureOf(shop.run(statement("insert into lost values (1, 'a')")));
  await shop.run(statement('select 1'));
  proxy.loseAnswer();
  const read = await failureOf(shop.run(statement('select 1')));

  expect(write).toMatchObject({ class: 'transient', code: 'network_error', maybeApplied: true });
  expect(read).toMatchObject({ class: 'transient', code: 'network_error' });
  expect(read.maybeApplied).toBeUndefined();
  expect((await openShop(url).run(statement('select count(*) as n from lost'))).rows).toEqual([{ n: 1 }]);
});

test('a server that is not there is a transient failure, and nothing was sent', async ({ proxy }) => {
  proxy.refuse();
  const shop = openShop(proxy.url);

  const failure = await failureOf(shop.run(statement('insert into t values (1)')));

  expect(failure).toMatchObject({
    class: 'transient',
    code: 'connection_reset',
    message: 'shop cut the connection',
  });
  expect(failure.maybeApplied).toBeUndefined();
});

test('a wrong password is a refused login that shows nothing of the URL', async ({ url }) => {
  await demandPassword(url, 'guarded', 'right');
  const as = (password: string) => {
    const login = new URL(url);
    login.username = 'guarded';
    login.password = password;
    return openShop(login.href);
  };
  const shop = as(encodeURIComponent(canary));

  await expect
    .poll(() => shop.run(statement('select 1')).catch((error) => error.failure?.code))
    .toBe('login_refused');
  const failure = await failureOf(shop.run(statement('select 1')));

  expect(failure).toMatchObject({
    class: 'auth',
    code: 'login_refused',
    message: 'shop refused the login',
  });
  const shown = JSON.stringify(failure) + inspect(shop, { depth: 20, showHidden: true });
  expect(shown).not.toContain(canary);
  expect(shown).not.toContain(encodeURIComponent(canary));
  expect((await as('right').run(statement('select current_user as who'))).rows).toEqual([{ who: 'guarded' }]);
});

test('a database that is not there is a failure of the data', async ({ url }) => {
  const shop = openShop(url.replace(/\/test_[a-z0-9]+/, '/no_such_database'));

  expect(await failureOf(shop.run(statement('select 1')))).toMatchObject({
    class: 'data',
    code: 'database_missing',
    message: 'shop has no database of that name',
  });
});

test('a server without TLS is not spoken to when TLS was asked for', async ({ proxy }) => {
  const tls = new URL(proxy.url);
  tls.searchParams.set('sslmode', 'require');

  expect(await failureOf(openShop(tls.href).run(statement('select 1')))).toMatchObject({
    code: 'tls_error',
  });
});

test.for(['127.0.0.1', 'localhost', '[::1]'])(
  '%s is refused unless private addresses are allowed',
  async (host) => {
    const shop = openShop(`postgres://u:p@${host}:1/db`, { allowPrivate: false });

    expect(await failureOf(shop.run(statement('select 1')))).toMatchObject({
      class: 'data',
      code: 'host_not_allowed',
      message:
        'shop leads to an address that is not public; set allow_private: true in connectors.yaml if that is meant',
    });
  },
);

test('the socket of a server here counts as private', async ({ url }) => {
  const shop = openShop(url, { allowPrivate: false });

  expect(await failureOf(shop.run(statement('select 1')))).toMatchObject({ code: 'host_not_allowed' });
});

/** Makes a role that the server asks for a password even on its socket, until the test ends. */
async function demandPassword(url: string, role: string, password: string): Promise<void> {
  const admin = openShop(url);
  const ask = async (text: string) => (await admin.run(statement(text))).rows[0];
  const hba = await ask(
    "select current_setting('hba_file') as path, pg_read_file(current_setting('hba_file')) as text",
  );
  const rule = (text: unknown) =>
    ask(`copy (select unnest(string_to_array($file$${text}$file$, E'\\n'))) to '${hba?.path}'`);
  await ask(`create role ${role} login password '${password}'`);
  await rule(`local all ${role} scram-sha-256\n${hba?.text}`);
  await ask('select pg_reload_conf()');
  onTestFinished(async () => {
    await rule(hba?.text);
    await ask(`drop role ${role}`);
  });
}
