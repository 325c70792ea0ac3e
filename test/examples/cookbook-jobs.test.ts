import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { expect, onTestFinished } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { test, urlOf } from '../support/database.ts';
import { type Hit, type Mode, ok, startTarget, status, type Target } from '../support/target.ts';
import { type Kitchen, type KitchenOptions, openKitchen } from './kitchen.ts';
import { changed } from './recipes.ts';

async function target(answer: (hit: Hit) => Mode): Promise<Target> {
  const started = await startTarget({ answer });
  onTestFinished(() => started.close());
  return started;
}

async function kitchen(options: KitchenOptions): Promise<Kitchen> {
  const opened = await openKitchen(options);
  onTestFinished(() => opened.close());
  return opened;
}

const csv = (rows: readonly object[]) => stringify([...rows], { header: true });
const ndjson = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const answer = (body: JsonValue): Mode => ({ kind: 'ok', body });
const bodyOf = ({ body }: Hit) => body as Record<string, JsonValue>;

test('1: rows that a busy CRM turned away are tried again, refused ones can be retried later', async ({
  address,
}) => {
  let isMended = false;
  const crm = await target((hit) => {
    const { name } = bodyOf(hit);
    if (name === 'Busy' && hit.attempt < 3) return status(503);
    return name === 'Refused' && !isMended ? status(422, { message: 'no' }) : ok;
  });
  const sluice = await kitchen({
    address,
    connectors: { crm: { base_url: crm.url } },
    edit: (file, text) =>
      file === 'customer-import.yaml' ? changed(text, 'exponential(10s', 'exponential(20ms') : text,
  });
  const rows = ['Ada', 'Busy', 'Refused', ''].map((name, n) => ({
    customer_no: `k-${n}`,
    name,
    email: `${n}@example.com`,
    'Customer since': '',
  }));

  const first = await sluice.cook(1, csv(rows));
  isMended = true;
  await sluice.call('retry_batch_failed_records', { batch_job_id: 'latest' });
  const second = await sluice.finished();
  const { errors } = await sluice.call('export_batch_errors', { batch_job_id: 'latest' });

  expect(first).toMatchObject({ status: 'completed_with_errors', counts: { succeeded: 2, failed: 2 } });
  expect(second.counts).toMatchObject({ succeeded: 2, retried_success: 1, retried_failed: 1 });
  expect(errors).toMatchObject([{ id: 'k-3', error: { code: 'required_field_missing', step: 'name' } }]);
  expect(crm.hits.filter((hit) => bodyOf(hit).name === 'Busy')).toHaveLength(3);
  // A retry of an unchanged row bears the key of the first attempt, so that no CRM takes it twice.
  expect([...crm.hitsPerKey.values()].sort()).toEqual([1, 2, 3]);
});

test('5: a chunk that the database refuses is halved until only the bad rows have failed', async ({
  address,
  db,
}) => {
  await db.run(
    (sql) => sql`create table orders
      (id bigint primary key, customer_id bigint not null, total numeric not null, ordered_on date not null)`,
  );
  const sluice = await kitchen({ address, variables: { SHOP_DB_URL: urlOf(address) } });
  const rows = Array.from({ length: 1200 }, (_, n) => ({
    id: n,
    customer_id: n % 7,
    total: n === 700 ? 'much' : '12.50',
    ordered_on: n === 3 ? '2024-02-30' : '2024-02-29',
  }));

  const ended = await sluice.cook(5, csv([...rows, { ...rows[1100], total: '99' }]));
  const [written] = await db.run(
    (
      sql,
    ) => sql`select count(*)::int, sum(total)::float, (select total::float from orders where id = 1100) as twice
      from orders`,
  );

  expect(ended).toMatchObject({ total: 1201, counts: { succeeded: 1199, failed: 2 } });
  expect(
    ended.error_groups.map((group: { untrusted_message: string }) => group.untrusted_message).sort(),
  ).toEqual([expect.stringContaining('2024-02-30'), expect.stringContaining('much')]);
  expect(written).toEqual({ count: 1198, sum: 1197 * 12.5 + 99, twice: 99 });
});

test('8: a retry completes the very order that a refused line held up', async ({ address }) => {
  let isMended = false;
  const shop = await target((hit) => {
    if (hit.path === '/api/orders') return answer({ id: `o-${bodyOf(hit).reference}` });
    return bodyOf(hit).sku === 'new' && hit.path.endsWith('/lines') && !isMended
      ? status(422, { message: 'there is no new' })
      : ok;
  });
  const sluice = await kitchen({ address, connectors: { shop: { base_url: shop.url } } });
  const line = (sku: string) => ({ sku, quantity: 1 });
  const orders = [
    { reference: 'r1', customer: 'Ada', lines: [line('a'), line('new'), line('b')] },
    { reference: 'r2', customer: 'Bob', lines: [line('a')] },
  ];
  const calls = () => shop.hits.map(({ method, path }) => `${method} ${path}`).sort();

  const first = await sluice.cook(8, ndjson(orders));
  const before = calls();
  isMended = true;
  await sluice.call('retry_batch_failed_records', { batch_job_id: 'latest' });
  const second = await sluice.finished();

  expect(first).toMatchObject({
    counts: { succeeded: 1, failed: 1 },
    error_groups: [
      { code: 'lines_refused', message: 'some lines were refused, and the order stays a draft' },
    ],
  });
  expect(before.filter((call) => call.includes('o-r1'))).toEqual([
    ...Array(3).fill('POST /api/orders/o-r1/lines'),
    'POST /api/orders/o-r1/problems',
  ]);
  expect(shop.hits.find(({ path }) => path.endsWith('/problems'))?.body).toEqual({
    line: 1,
    sku: 'new',
    problem: expect.stringMatching(/^shop answered 422 to POST .*: there is no new$/),
  });
  expect(second).toMatchObject({ status: 'completed', counts: { succeeded: 1, retried_success: 1 } });
  expect(shop.hits.slice(before.length).map(({ method, path }) => `${method} ${path}`)).toEqual([
    'POST /api/orders/o-r1/lines',
    'PATCH /api/orders/o-r1',
  ]);
});

test('9: a retry sends the batches that are missing, and finally knows the sum', async ({ address }) => {
  let isMended = false;
  const servers = await target((hit) => {
    if (hit.method === 'GET') {
      const events = Array.from({ length: 250 }, (_, n) => ({ n, product: 'cpu' }));
      return answer({ events });
    }
    const { events = [] } = hit.body as { events?: { n: number }[] };
    return events[0]?.n === 100 && !isMended ? status(422, { message: 'no' }) : ok;
  });
  const here = { base_url: servers.url };
  const sluice = await kitchen({ address, connectors: { metering: here, billing: here } });

  const first = await sluice.cook(9, csv([{ account: 'a' }]));
  const before = servers.hits.length;
  isMended = true;
  await sluice.call('retry_batch_failed_records', { batch_job_id: 'latest' });
  const second = await sluice.finished();

  expect(first).toMatchObject({
    status: 'completed_with_errors',
    ending: { status: 'done', result: { status: 'completed_with_errors', events: 150 } },
    error_groups: [{ code: 'batches_failed', message: expect.stringMatching(/^1 of 3 batches failed/) }],
  });
  expect(second).toMatchObject({
    status: 'completed',
    ending: { status: 'done', result: { status: 'completed', events: 250 } },
  });
  expect(servers.hits.slice(before).map(({ method, path }) => `${method} ${path}`)).toEqual([
    'POST /usage',
    'PATCH /accounts/a/products/cpu',
  ]);
});

const invoices = ['10', '2.50', '', '1'].map((amount, n) => ({
  invoice: `i-${n}`,
  email: 'a@example.com',
  amount,
}));

test('10: one message reports the end of the job', async ({ address }) => {
  const servers = await target(() => ok);
  const sluice = await kitchen({
    address,
    connectors: { mailer: { base_url: servers.url } },
    variables: { CHAT_WEBHOOK_URL: `${servers.url}/hook?key=k` },
  });

  const ended = await sluice.cook(10, csv(invoices));

  expect(ended).toMatchObject({ status: 'completed_with_errors', counts: { succeeded: 3, failed: 1 } });
  expect(servers.hits.filter(({ path }) => path === '/hook?key=k').map(({ body }) => body)).toEqual([
    {
      text: `payment-reminder completed_with_errors: 3 reminders sent over 13.50 EUR, 1 failed (job ${ended.batch_job_id})`,
    },
  ]);
});

test('10: a message that cannot be sent leaves the reminders sent, and shows', async ({ address }) => {
  const servers = await target(({ path }) => (path === '/hook' ? status(404) : ok));
  const sluice = await kitchen({
    address,
    connectors: { mailer: { base_url: servers.url } },
    variables: { CHAT_WEBHOOK_URL: `${servers.url}/hook` },
  });

  const ended = await sluice.cook(10, csv(invoices.slice(0, 2)));

  expect(ended).toMatchObject({
    status: 'completed_with_errors',
    counts: { succeeded: 2 },
    ending: { status: 'failed', error: { code: 'http_404', step: 'tell' } },
  });
  expect(JSON.stringify(ended)).not.toContain(servers.url);
});

test('4: Python runs only where the operator allows it', async ({ address }) => {
  const images = await target(() => answer('a picture'));
  const folder = mkdtempSync(join(tmpdir(), 'sluice-images-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const rows = csv([{ id: 'one', url: `${images.url}/a.png` }]);
  const edit = (file: string, text: string) =>
    file === 'file-download.yaml' ? changed(text, 'https://cdn.example.com/', `${images.url}/`) : text;
  const strict = await kitchen({ address, edit });
  const open = await kitchen({ address, edit, env: { SLUICE_ALLOW_CODE_STEPS: '1' } });

  await expect(strict.cook(4, rows, { params: { folder } })).rejects.toThrow('SLUICE_ALLOW_CODE_STEPS=1');
  expect(await open.cook(4, rows, { params: { folder } })).toMatchObject({ status: 'completed', total: 1 });
  expect(existsSync(join(folder, 'one.png'))).toBe(true);
});

interface Contact {
  readonly external_id: string;
}

/** A bulk API that refuses some contacts, and answers a key it knows as it did before. */
function bulkApi(statusOf: (id: string, call: number) => number) {
  const taken: string[] = [];
  const deleted: string[] = [];
  const answers = new Map<string, Mode>();
  const take = (contacts: readonly Contact[]): Mode => {
    const call = answers.size + 1;
    const results = contacts.map(({ external_id }) => {
      const code = statusOf(external_id, call);
      if (code > 299) return { external_id, status: code, error: `no ${external_id}` };
      taken.push(external_id);
      return { external_id, status: code, id: `n-${external_id}` };
    });
    return answer({ results: results.reverse() });
  };
  const respond = (hit: Hit): Mode => {
    if (hit.method === 'DELETE') {
      deleted.push(hit.path);
      return ok;
    }
    const known = answers.get(hit.key) ?? take(bodyOf(hit).contacts as unknown as Contact[]);
    answers.set(hit.key, known);
    return known;
  };
  return { taken, deleted, respond };
}

const quickBulk = (file: string, text: string) =>
  file === 'contact-bulk-import.yaml' ? changed(text, 'exponential(10s)', 'fixed(20ms)') : text;

test('12: of 250 rows in bulk only those fail that the answer names, and each is taken once', async ({
  address,
}) => {
  let isMended = false;
  const api = bulkApi((id, call) => {
    if (id === 'c-7' || id === 'c-201') return isMended ? 201 : 422;
    return id === 'c-150' && call <= 4 ? 429 : 201;
  });
  const crm = await target(api.respond);
  const sluice = await kitchen({ address, connectors: { crm: { base_url: crm.url } }, edit: quickBulk });
  const contacts = Array.from({ length: 250 }, (_, n) => ({ external_id: `c-${n}`, name: `Name ${n}` }));

  const first = await sluice.cook(12, csv(contacts));
  isMended = true;
  await sluice.call('retry_batch_failed_records', { batch_job_id: 'latest' });
  const second = await sluice.finished();
  const select = { indexes: [7, 150] };
  await sluice.call('undo_batch', { batch_job_id: 'latest', select, preview: false });
  await sluice.finished();

  expect(first).toMatchObject({
    counts: { succeeded: 248, failed: 2 },
    maybe_applied: 0,
    error_groups: [{ count: 2, error_class: 'data', code: 'item_failed', step: 'failed_items' }],
  });
  expect(first.error_groups[0].untrusted_message).toMatch(/^no c-\d+$/);
  expect(second.counts).toMatchObject({ succeeded: 248, retried_success: 2, failed: 0 });
  expect(api.taken).toHaveLength(250);
  expect(new Set(api.taken).size).toBe(250);
  expect(api.deleted.sort()).toEqual(['/api/contacts/n-c-150', '/api/contacts/n-c-7']);
});
