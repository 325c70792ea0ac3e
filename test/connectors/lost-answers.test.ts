import { expect, onTestFinished, test } from 'vitest';
import { type Mode, startTarget } from '../support/target.ts';
import { failureOf, get, openConnector, request } from './open-connector.ts';
import { failureOf as failureOfTool, openMcp, server } from './open-mcp.ts';

async function open(mode: Mode, retryLostAnswers?: false) {
  const target = await startTarget({ answer: () => mode });
  onTestFinished(() => target.close());
  const settings = { timeoutMs: 300, ...(retryLostAnswers === undefined ? {} : { retryLostAnswers }) };
  return { target, connector: openConnector(target.url, settings) };
}

test.each<Mode>([{ kind: 'reset_after_work' }, { kind: 'hang' }, { kind: 'half' }])(
  'a write whose answer is lost (%j) is final when the connector leaves it to a person',
  async (mode) => {
    const { connector } = await open(mode, false);

    const failure = await failureOf(connector.call(request()));

    expect(failure).toMatchObject({
      class: 'interrupted',
      code: 'answer_lost',
      maybeApplied: true,
      connector: 'crm',
    });
    expect(failure.message).toMatch(
      /crm.*\. Whether the call was carried out is not known: look at the target/,
    );
  },
);

test('unless it says so, a write whose answer is lost may be repeated, since it carries a key', async () => {
  const { connector } = await open({ kind: 'reset_after_work' });

  expect(await failureOf(connector.call(request()))).toMatchObject({
    class: 'transient',
    maybeApplied: true,
  });
});

test('what was not sent, only reads, or was answered is no lost answer', async () => {
  const { connector } = await open({ kind: 'reset' }, false);
  const busy = await open({ kind: 'status', status: 503 }, false);
  const gone = await open({ kind: 'ok' }, false);
  await gone.target.refuse();

  const failures = [
    await failureOf(connector.call(get())),
    await failureOf(busy.connector.call(request())),
    await failureOf(gone.connector.call(request())),
  ];

  expect(failures).toMatchObject([
    { class: 'transient', code: 'connection_reset' },
    { class: 'transient', code: 'http_503' },
    { class: 'transient', code: 'connection_refused' },
  ]);
});

test('a write that was cut off on its way is a lost answer as well, and no other is', async () => {
  const { target, connector } = await open({ kind: 'hang' }, false);
  const other = await open({ kind: 'hang' });
  const stop = new AbortController();
  const { signal } = stop;
  const write = failureOf(connector.call(request({ signal })));
  const read = connector.call(get({ signal })).catch((error: unknown) => error);
  const keyed = other.connector.call(request({ signal })).catch((error: unknown) => error);
  await Promise.all([target.reached(2), other.target.reached(1)]);

  stop.abort(new Error('over'));

  expect(await write).toMatchObject({ class: 'interrupted', code: 'answer_lost', maybeApplied: true });
  expect(await Promise.all([read, keyed])).toEqual([signal.reason, signal.reason]);
});

test('a tool whose answer is lost is left to a person, unless it may be repeated', async () => {
  const crm = openMcp(server('crm.mjs'), { settings: { retryLostAnswers: false } });

  expect(await failureOfTool(crm.use('exit'))).toMatchObject({ class: 'interrupted', code: 'answer_lost' });
  expect(await failureOfTool(crm.use('exit_harmless'))).toMatchObject({ class: 'transient' });
});
