import { expect } from 'vitest';
import { failureOf, openShop, sessions, statement, table, test, until } from './open-database.ts';

test('a statement that takes too long fails, and the server stops working on it', async ({ url }) => {
  const shop = openShop(url, { concurrency: 1 });
  const admin = openShop(url);

  const failure = await failureOf(shop.run(statement('select pg_sleep(60)', [], { timeoutMs: 100 })));

  expect(failure).toEqual({
    class: 'transient',
    code: 'timeout',
    connector: 'shop',
    message: 'shop did not answer within 0.1 s',
    step: 'save',
  });
  await until(
    admin,
    `not exists (select ${sessions} and state = 'active' and query like '%pg_sleep%' and pid <> pg_backend_pid())`,
  );
  expect((await shop.run(statement('select 1 as one'))).rows).toEqual([{ one: 1 }]);
});

test('a write that takes too long may have been applied', async ({ url }) => {
  const shop = openShop(url);
  await table(url, 'slow');

  const failure = await failureOf(
    shop.run(statement('insert into slow select 1, pg_sleep(60)::text', [], { timeoutMs: 100 })),
  );

  expect(failure).toMatchObject({ code: 'timeout', maybeApplied: true });
});

test('a write that is left to a person is final when its answer is lost', async ({ url }) => {
  const shop = openShop(url, { retryLostAnswers: false, timeoutMs: 100 });
  await table(url, 'left_alone');
  const write = 'insert into left_alone select 1, pg_sleep(60)::text';

  expect(await failureOf(shop.run(statement(write)))).toMatchObject({
    code: 'answer_lost',
    maybeApplied: true,
  });
  expect(await failureOf(shop.run(statement('select pg_sleep(60)')))).toMatchObject({ class: 'transient' });
});

test('the time of the connector counts when the statement has none', async ({ url }) => {
  const shop = openShop(url, { timeoutMs: 100 });

  expect(await failureOf(shop.run(statement('select pg_sleep(60)')))).toMatchObject({ code: 'timeout' });
});

test('a server that accepts and says nothing is given up in time', async ({ proxy }) => {
  proxy.holdBack();
  const shop = openShop(proxy.url, { timeoutMs: 150 });

  const failure = await failureOf(shop.run(statement('insert into t values (1)')));

  expect(failure).toMatchObject({ class: 'transient', code: 'timeout' });
  expect(failure.maybeApplied).toBeUndefined();
});

test('an aborted statement ends with the reason of its signal, and the server stops working on it', async ({
  url,
}) => {
  const shop = openShop(url);
  const admin = openShop(url);
  const stop = new AbortController();
  const reason = new Error('the process stops');

  const running = shop
    .run(statement('select pg_sleep(61)', [], { signal: stop.signal }))
    .catch((error) => error);
  await until(
    admin,
    `exists (select ${sessions} and state = 'active' and query like 'select pg_sleep(61)%')`,
  );
  stop.abort(reason);

  expect(await running).toBe(reason);
  await until(
    admin,
    `not exists (select ${sessions} and state = 'active' and query like 'select pg_sleep(61)%')`,
  );
});

test('with every connection in use a statement waits, can be aborted, and is run when one is free', async ({
  url,
}) => {
  const shop = openShop(url, { concurrency: 2 });
  const admin = openShop(url);
  const [busy, waiting] = [new AbortController(), new AbortController()];
  const holders = [1, 2].map(() =>
    shop.run(statement('select pg_sleep(62)', [], { signal: busy.signal })).catch((error) => error),
  );
  await until(
    admin,
    `2 = (select count(*) ${sessions} and state = 'active' and query like 'select pg_sleep(62)%')`,
  );

  const aborted = shop.run(statement('select 1', [], { signal: waiting.signal })).catch((error) => error);
  const patient = shop.run(statement('select 1 as one', [], { timeoutMs: 3_000 }));
  waiting.abort(new Error('not any more'));
  expect(await aborted).toBe(waiting.signal.reason);
  busy.abort(new Error('enough'));

  expect((await patient).rows).toEqual([{ one: 1 }]);
  expect(await Promise.all(holders)).toEqual([busy.signal.reason, busy.signal.reason]);
});

test('closing cuts what is under way', async ({ url }) => {
  const shop = openShop(url);
  const admin = openShop(url);
  const running = failureOf(shop.run(statement('select pg_sleep(63)')));
  await until(
    admin,
    `exists (select ${sessions} and state = 'active' and query like 'select pg_sleep(63)%')`,
  );

  await (shop as ReturnType<typeof openShop> & { close(): Promise<void> }).close();

  expect(await running).toMatchObject({ class: 'transient' });
});
