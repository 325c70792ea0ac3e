import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import { until } from '../faults/until.ts';
import { failureOf, openMcp, server } from './open-mcp.ts';

/** Most facts need no server of their own. */
const shared = openMcp(server('crm.mjs'), {}, afterAll);
const countsOf = (value: JsonValue) => value as unknown as { calls: number; cancelled: string[] };
const open = () => openMcp(server('crm.mjs'));

test('a call brings the structured content of the answer', async () => {
  const customer = { name: 'Ada', tags: ['a'], address: { city: 'Köln' } };

  expect(await shared.use('create_customer', customer)).toEqual({
    id: expect.stringMatching(/^c-/),
    name: 'Ada',
    tags: ['a'],
    address: { city: 'Köln' },
  });
});

test.each<[string, JsonValue]>([
  ['plain words', 'plain words'],
  ['{"id": 7}', { id: 7 }],
  [' [1, {"a": null}]\n', [1, { a: null }]],
  ['{broken', '{broken'],
  // A number could lose digits, as an id may not.
  ['12345678901234567890', '12345678901234567890'],
  ['', ''],
])('the text %j is the result %j', async (text, result) => {
  expect(await shared.use('say', { text })).toEqual(result);
});

test('several texts are one, and no content is null', async () => {
  expect(await shared.use('say_twice', { text: 'a' })).toBe('a\na');
  expect(await shared.use('say_nothing')).toBeNull();
});

test('of images and files the result holds the size', async () => {
  expect(await shared.use('picture')).toEqual([
    { type: 'text', text: 'a dot' },
    { type: 'image', mime_type: 'image/png', size: 1000 },
    { type: 'resource', uri: 'file:///a', mime_type: 'a/b', size: 10 },
    { type: 'resource_link', uri: 'crm://c-1', name: 'c-1', mime_type: 'text/plain' },
  ]);
});

test('of a long answer 1 MiB is kept, as a text', async () => {
  const result = await shared.use('many_bytes', { bytes: 1_500_000 });

  expect(result).toHaveLength(1024 * 1024);
  expect(result).toMatch(/^\{"filler":"xxx/);
});

test('an answer that does not fit the output schema of the tool is an answer', async () => {
  expect(await shared.use('misfit')).toEqual({ not: 'what the output schema says' });
});

test('an error of a tool is a data failure with its words', async () => {
  const failure = await failureOf(shared.use('fail', { text: 'The e-mail is\u001b[31m taken' }));

  expect(failure).toEqual({
    class: 'data',
    code: 'tool_error',
    connector: 'crm',
    message: 'crm: the tool fail answered with an error',
    untrustedMessage: 'The e-mail is taken',
    step: 'send',
  });
});

test.each<[JsonObject, object]>([
  [{ error: { code: 'busy', retryable: true } }, { class: 'transient' }],
  [
    { retryable: true, retry_after: 7 },
    { class: 'transient', retryAfterMs: 7_000 },
  ],
  [{ status: 503 }, { class: 'transient' }],
  [{ error: { status: 429, retry_after: '2' } }, { class: 'transient', retryAfterMs: 2_000 }],
  [{ error: { status: 429, retryable: false } }, { class: 'data' }],
  [{ error: { code: 401 } }, { class: 'auth' }],
  [{ status_code: 409 }, { class: 'conflict' }],
  [{ status: 422 }, { class: 'data' }],
  [{ status: 'active' }, { class: 'data' }],
  [{ error: 'no' }, { class: 'data' }],
])('the error %j is taken as %j', async (error, kind) => {
  const [structured, text] = await Promise.all([
    failureOf(shared.use('fail_with', { value: error })),
    failureOf(shared.use('fail', { text: JSON.stringify(error) })),
  ]);

  expect(structured).toMatchObject({ ...kind, code: 'tool_error' });
  expect(text).toMatchObject({ ...kind, code: 'tool_error' });
  expect(structured).not.toHaveProperty('maybeApplied');
});

test('an error of a tool may say with a date when another call can help', async () => {
  const retry_after = new Date(Date.now() + 120_000).toUTCString();

  const { retryAfterMs } = await failureOf(shared.use('fail_with', { value: { status: 429, retry_after } }));

  expect(retryAfterMs).toBeGreaterThan(60_000);
  expect(retryAfterMs).toBeLessThanOrEqual(120_000);
});

test.each([
  [-32602, 'data', 'tool_arguments_invalid', 'crm refused the arguments of the tool refuse'],
  [-32601, 'data', 'tool_not_found', 'crm does not know the tool refuse'],
  [-32603, 'transient', 'mcp_error', 'crm refused the tool refuse with the protocol error -32603'],
  [-32050, 'transient', 'mcp_error', 'crm refused the tool refuse with the protocol error -32050'],
  [-32000, 'transient', 'mcp_error', 'crm refused the tool refuse with the protocol error -32000'],
  [-32002, 'data', 'mcp_error', 'crm refused the tool refuse with the protocol error -32002'],
  [42, 'data', 'mcp_error', 'crm refused the tool refuse with the protocol error 42'],
])(
  'the protocol error %i is a %s failure with the code %s',
  async (code, errorClass, failureCode, message) => {
    const failure = await failureOf(shared.use('refuse', { code }));

    expect(failure).toMatchObject({ class: errorClass, code: failureCode, message });
    expect(failure.untrustedMessage).toContain('no such thing');
    expect(failure).not.toHaveProperty('maybeApplied');
  },
);

test('arguments that a server of the SDK refuses are told apart', async () => {
  const failure = await failureOf(
    shared.use('fail', { text: 'MCP error -32602: Input validation error: name' }),
  );

  expect(failure).toMatchObject({ class: 'data', code: 'tool_arguments_invalid' });
});

test('a tool that is not there is told with the nearest name, and never called', async () => {
  const crm = open();

  const failure = await failureOf(crm.use('create_custmer'));

  expect(failure).toEqual({
    class: 'data',
    code: 'tool_not_found',
    connector: 'crm',
    message: 'crm has no tool create_custmer',
    untrustedMessage: 'did you mean "create_customer"?',
    step: 'send',
  });
  // The list has three pages, read once.
  expect(await crm.use('counts')).toMatchObject({ calls: 1, lists: 3 });
});

test('a tool that was added is found once the server has told of it', async () => {
  const crm = open();
  expect(await failureOf(crm.use('learned'))).toMatchObject({ code: 'tool_not_found' });

  await crm.use('learn');

  expect(await crm.use('learned')).toEqual({ learned: true });
  expect(await crm.use('counts')).toMatchObject({ lists: 6 });
});

test('one process serves fifty callers at once', async () => {
  const crm = open();
  const start = performance.now();

  const [first, ...others] = await Promise.all([
    crm.use('process'),
    ...Array.from({ length: 49 }, () => crm.use('pause', { ms: 500 })),
  ]);

  expect(others).toHaveLength(49);
  expect(performance.now() - start).toBeLessThan(5_000);
  expect((await crm.use('process')) as JsonObject).toMatchObject({ pid: (first as JsonObject).pid });
});

test('calls are held to the concurrency of the connector', async () => {
  const crm = openMcp(server('crm.mjs'), { settings: { concurrency: 2 } });
  await crm.use('say', { text: '' });
  const start = performance.now();

  await Promise.all(Array.from({ length: 6 }, () => crm.use('pause', { ms: 100 })));

  expect(performance.now() - start).toBeGreaterThan(290);
});

test('a call that takes too long is given up, the server is told, and others go on', async () => {
  const crm = open();
  await crm.use('say', { text: '' });
  const other = crm.use('pause', { ms: 400 });

  const failure = await failureOf(crm.use('wait', {}, { timeoutMs: 200 }));

  expect(failure).toEqual({
    class: 'transient',
    code: 'timeout',
    connector: 'crm',
    message: 'crm did not answer the tool wait within 0.2 s',
    step: 'send',
    maybeApplied: true,
  });
  await other;
  expect(await crm.use('counts')).toMatchObject({ cancelled: ['the call is not waited for any more'] });
});

test('progress does not make the time longer', async () => {
  const failure = await failureOf(shared.use('progress', { times: 500 }, { timeoutMs: 1_000 }));

  expect(failure).toMatchObject({ code: 'timeout' });
});

test('calls under way end at once when their signal aborts, without a warning', async () => {
  const crm = open();
  await crm.use('say', { text: '' });
  const stop = new AbortController();
  const warnings: string[] = [];
  const warn = (warning: Error) => void warnings.push(warning.name);
  process.on('warning', warn);
  onTestFinished(() => void process.off('warning', warn));
  const calls = Array.from({ length: 40 }, () =>
    crm.use('wait', {}, { signal: stop.signal }).catch((error: unknown) => error),
  );
  await until('calls under way', async () => countsOf(await crm.use('counts')).calls >= 42);

  stop.abort(new Error('shutting down'));

  expect(new Set(await Promise.all(calls))).toEqual(new Set([stop.signal.reason]));
  await until('cancelled', async () => countsOf(await crm.use('counts')).cancelled.length === 40);
  expect(warnings).toEqual([]);
});

test('an end of the job tells the server nothing about calls that were answered', async () => {
  const crm = open();
  const stop = new AbortController();
  await Promise.all(Array.from({ length: 20 }, () => crm.use('pause', { ms: 1 }, { signal: stop.signal })));

  stop.abort(new Error('over'));
  await pause(50);

  expect(await crm.use('counts')).toMatchObject({ cancelled: [] });
});

test('a call whose signal is aborted already starts no server', async () => {
  const crm = openMcp({ command: '/nowhere', args: [] });

  await expect(crm.use('x', {}, { signal: AbortSignal.abort(new Error('over')) })).rejects.toThrow('over');
});

test('the server sees the declared variables and nothing of ours', async () => {
  process.env.SLUICE_TEST_CANARY = 'canary';
  onTestFinished(() => void delete process.env.SLUICE_TEST_CANARY);
  const target = { ...server('crm.mjs'), env: { API_KEY: 'CRM_KEY' }, cwd: '/' };
  const crm = openMcp(target, { variables: { CRM_KEY: 'abc' } });

  const seen = (await crm.use('process')) as { env: Record<string, string>; cwd: string };

  expect(seen.env.API_KEY).toBe('abc');
  expect(
    Object.keys(seen.env)
      .sort()
      .filter((name) => name !== 'LANG'),
  ).toEqual(['API_KEY', 'HOME', 'PATH']);
  expect(seen.cwd).toBe('/');
});

test('secrets the server was given are masked in what it says', async () => {
  const key = 'S3CR3T "key"/';
  const crm = openMcp({ ...server('crm.mjs'), env: { API_KEY: 'CRM_KEY' } }, { variables: { CRM_KEY: key } });

  const said = [
    await crm.use('process'),
    await crm.use('say', { text: `it is ${key}` }),
    await failureOf(crm.use('fail', { text: `bad key ${key}` })),
    await failureOf(crm.use('fail_with', { value: { error: { message: `bad key ${key}` } } })),
  ];

  expect(JSON.stringify(said)).not.toContain('S3CR3T');
  expect(said.slice(1)).toMatchObject([
    'it is [secret]',
    { untrustedMessage: 'bad key [secret]' },
    { untrustedMessage: 'bad key [secret]' },
  ]);
});

test.each(['DATABASE_URL', 'SLUICE_TOKEN'])('%s is never handed to a server', async (name) => {
  const target = { ...server('crm.mjs'), env: { URL: name } };

  const failure = await failureOf(openMcp(target, { variables: { [name]: 'x' } }).use('process'));

  expect(failure).toMatchObject({ class: 'data', code: 'variable_not_allowed' });
});

test('a variable that is not set is named', async () => {
  const failure = await failureOf(openMcp({ ...server('crm.mjs'), env: { KEY: 'CRM_KEY' } }).use('process'));

  expect(failure).toMatchObject({ class: 'auth', message: 'crm needs CRM_KEY, which is not set' });
});

test('requests of the server for a person, a model or folders are refused', async () => {
  const { answers } = (await shared.use('ask')) as { answers: object[] };

  expect(answers).toHaveLength(3);
  for (const answer of answers) {
    expect(answer).toMatchObject({ code: -32601, message: expect.stringContaining('offers no elicitation') });
  }
});
