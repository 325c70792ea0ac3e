import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import type { RecordStatus } from '../../src/domain/record.ts';
import { loadCodeFlow } from '../../src/flows/code/load-module.ts';
import { stateIn } from '../flows/code/run-code.ts';
import { attemptAt, compiled, endingOf, resultOf, run } from '../flows/steps/run-flow.ts';
import { type Hit, type Mode, ok, status } from '../support/target.ts';
import { folder, textOf } from './recipes.ts';
import { answer, callsOf, served } from './served.ts';

const customer = {
  customer_no: '17',
  name: ' Ada Lovelace ',
  email: 'ADA@example.com',
  phone: '',
  country: 'de',
  'Customer since': '31/01/2020',
};

test('1: a row becomes a customer, with the credentials of the CRM', async () => {
  const crm = await served();

  await resultOf(textOf('customer-import.yaml'), customer, crm.options);

  expect(crm.hits[0]?.headers.authorization).toBe('Bearer secret-of-crm');
  expect(callsOf(crm)).toEqual([
    [
      'POST',
      '/api/customers',
      { name: 'Ada Lovelace', email: 'ada@example.com', country: 'Germany', customer_since: '2020-01-31' },
    ],
  ]);
});

test.each([
  [{ email: ' ' }, 'required_field_missing', 'email: source.email is empty, and the field is required'],
  [
    { 'Customer since': '2020-01-31' },
    'date_expected',
    'customer_since: source["Customer since"] is not a date in the form dd/MM/yyyy',
  ],
])('1: a row with %j fails before anything is sent', async (wrong, code, message) => {
  const crm = await served();

  const { failure } = await run(textOf('customer-import.yaml'), { ...customer, ...wrong }, crm.options);

  expect(failure).toMatchObject({ class: 'data', code, message });
  expect(crm.hits).toEqual([]);
});

/** A register that knows DE1, and a CRM that knows old@example.com. */
function registerAndCrm({ method, path }: Hit): Mode {
  if (path === '/companies/DE1') return answer({ legal_name: 'Acme AG', industry: 'tools', employees: 3 });
  if (path.startsWith('/companies/')) return status(404, { message: 'no such company' });
  if (method !== 'GET') return answer({ id: method === 'POST' ? 'c-new' : 'c-7' });
  return answer({ customers: path.endsWith('old%40example.com') ? [{ id: 'c-7' }] : [] });
}

test('2: a known customer is updated with what the register says', async () => {
  const target = await served(registerAndCrm);
  const row = { vat_id: 'DE 1', email: 'Old@example.com', name: 'Acme' };

  expect(await resultOf(textOf('customer-enrich.yaml'), row, target.options)).toEqual({
    customer: 'c-7',
    created: 'skipped',
  });

  expect(target.hits[0]?.headers['x-api-key']).toBe('secret-of-register');
  expect(callsOf(target).at(-1)).toEqual([
    'PATCH',
    '/api/customers/c-7',
    { email: 'old@example.com', name: 'Acme AG', industry: 'tools', employees: 3 },
  ]);
});

test('2: a company that neither knows is created from the row', async () => {
  const target = await served(registerAndCrm);
  const row = { vat_id: 'DE 9', email: 'new@example.com', name: 'Newcomer' };

  expect(await resultOf(textOf('customer-enrich.yaml'), row, target.options)).toEqual({
    customer: 'c-new',
    created: 'done',
  });

  expect(callsOf(target).at(-1)).toEqual([
    'POST',
    '/api/customers',
    { email: 'new@example.com', name: 'Newcomer', industry: 'unknown' },
  ]);
});

test('3: a confirmed row is deleted, and one that is gone already counts as done', async () => {
  const crm = await served(({ path }) => (path.endsWith('gone') ? status(404) : status(204)));
  const flow = textOf('customer-delete.yaml');

  expect(await resultOf(flow, { id: 'c-1', confirm: 'c-1' }, crm.options)).toEqual({
    deleted: 'c-1',
    status: 204,
  });
  expect(await resultOf(flow, { id: 'gone', confirm: 'gone' }, crm.options)).toMatchObject({ status: 404 });
  expect(callsOf(crm)).toEqual([
    ['DELETE', '/api/customers/c-1'],
    ['DELETE', '/api/customers/gone'],
  ]);
});

test.each<[JsonValue, string]>([
  [{ id: 'c-1', confirm: 'c-2' }, 'not_confirmed'],
  [{ id: 'c-1', confirm: '' }, 'not_confirmed'],
  [{ id: 7, confirm: '7' }, 'not_confirmed'],
  [{ id: 'c-1' }, 'condition_failed'],
  [{}, 'condition_failed'],
  [{ id: '', confirm: '' }, 'required_field_missing'],
  [{ id: ' ', confirm: ' ' }, 'required_field_missing'],
  [{ id: null, confirm: null }, 'required_field_missing'],
  [{ id: '..', confirm: '..' }, 'path_not_allowed'],
])('3: %j calls nothing', async (row, code) => {
  const crm = await served();

  const { failure } = await run(textOf('customer-delete.yaml'), row, crm.options);

  expect(failure?.code).toBe(code);
  expect(crm.hits).toEqual([]);
});

test('9: all pages are collected and billed by the hundred, and the job knows the sum', async () => {
  const target = await served(({ method, path }) => {
    const page = Number(new URL(path, 'http://here').searchParams.get('page'));
    const events = Array.from({ length: 150 }, (_, n) => ({ n, product: n % 2 === 0 ? 'cpu' : 'disk' }));
    return method === 'GET' ? answer({ events, next_page: page === 1 ? 2 : null }) : ok;
  });
  const memory = new Map<string, JsonValue>();
  const loaded = await loadCodeFlow(join(folder, 'usage-billing.mjs'), textOf('usage-billing.mjs'));
  if (!('flow' in loaded)) throw new Error(JSON.stringify(loaded));
  const options = { ...target.options, params: { month: '2026-01' } };

  const result = await loaded.flow.run({
    ...(await attemptAt({ account: 'a/1' }, options)),
    state: (index) => stateIn(memory, index === null ? 'job' : String(index)),
  });

  expect(result).toEqual(['cpu', 'disk']);
  expect(target.hits.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /accounts/a%2F1/usage?month=2026-01&page=1',
    'GET /accounts/a%2F1/usage?month=2026-01&page=2',
    ...Array(3).fill('POST /usage'),
    'PATCH /accounts/a%2F1/products/cpu',
    'PATCH /accounts/a%2F1/products/disk',
  ]);
  expect(memory.get('job:events')).toBe(300);
});

test('10: the end of a job is told with what was sent and what was not', async () => {
  const target = await served();
  const finished = (index: number, ended: RecordStatus, result: JsonValue) => ({
    ...{ index, id: null, status: ended, payload: {}, result },
    error: ended.endsWith('failed') ? 'mailer answered 422 to POST /v1/send' : null,
  });
  const records = [
    finished(0, 'succeeded', { amount: 1212.5 }),
    finished(1, 'retried_success', { amount: 7 }),
    finished(2, 'failed', null),
  ];

  await endingOf(textOf('payment-reminder.yaml'), records, target.options);
  await endingOf(textOf('payment-reminder.yaml'), [], target.options);

  const said = 'payment-reminder completed_with_errors:';
  expect(callsOf(target)).toEqual([
    [
      'POST',
      '/hooks/T0/B1?key=k',
      { text: `${said} 2 reminders sent over 1219.50 EUR, 1 failed (job 0190-job)` },
    ],
    [
      'POST',
      '/hooks/T0/B1?key=k',
      { text: `${said} 0 reminders sent over 0.00 EUR, 0 failed (job 0190-job)` },
    ],
  ]);
});

test('11: a message that the chat takes is kept by its channel and time, and can be taken back', async () => {
  const chat = await served(({ path }) =>
    answer(path.endsWith('delete') ? { ok: true } : { ok: true, channel: 'C7', ts: '17.2' }),
  );
  const flow = textOf('chat-messages.yaml');

  const result = await resultOf(flow, { channel: 'C7', text: ' Hello ' }, chat.options);
  const undo = await attemptAt({ index: 7, record: {}, result }, chat.options);
  await compiled(flow).undo?.run(undo);

  expect(result).toEqual({ channel: 'C7', ts: '17.2' });
  expect(callsOf(chat)).toEqual([
    ['POST', '/chat.postMessage', { channel: 'C7', text: 'Hello' }],
    ['POST', '/chat.delete', { channel: 'C7', ts: '17.2' }],
  ]);
});

test.each([
  ['channel_not_found', 'data'],
  ['ratelimited', 'transient'],
])('11: a message that the chat answers with 200 and %s has failed', async (error, errorClass) => {
  const chat = await served(() => answer({ ok: false, error }));

  const { failure } = await run(textOf('chat-messages.yaml'), { channel: 'C7', text: 'Hello' }, chat.options);

  expect(failure).toMatchObject({
    class: errorClass,
    code: 'answer_not_accepted',
    untrustedMessage: error,
  });
});
