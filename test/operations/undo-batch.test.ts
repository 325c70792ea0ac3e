import { readFileSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import { troubleOf } from '../../examples/crm/troubles.ts';
import { type Crm, startCrm } from '../../examples/crm.ts';
import { readEarlierRecords } from '../../src/engine/earlier-records.ts';
import type { JobSource, SourceRow } from '../../src/sources/source.ts';
import { approveJob } from '../../src/store/approvals.ts';
import type { Database } from '../../src/store/database.ts';
import { test as base } from '../support/database.ts';
import { type Connected, connect } from '../support/mcp.ts';
import { type Mode, ok, startTarget, status, type Target } from '../support/target.ts';

const seed = 7;
/** Airports that meet a crash of the CRM on their way in or out, or nothing at all. */
const codes = Array.from({ length: 1300 }, (_, n) => (1296 + n).toString(36).toUpperCase())
  .filter((code) => ![code, `removal of ${code}`].some((call) => troubleOf(call, seed) === 'throttle'))
  .slice(0, 1000);
const rows = codes.map((iata) => ({
  iata,
  name: `Field ${iata}`,
  city: 'Perry',
  latitude: 42.7,
  longitude: -78,
}));
const csv = (some: readonly object[]) =>
  [Object.keys(rows[0] ?? {}).join(), ...some.map((row) => Object.values(row).join())].join('\n');

const flow = readFileSync(
  new URL('../../examples/flows/airport-import.yaml', import.meta.url),
  'utf8',
).replace('2x exponential(200ms)', '2x fixed(20ms)');

/** The example CRM, and a client of a Sluice whose flow imports into it. */
const test = base.extend<{ crm: Crm; sluice: Connected }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  crm: async ({}, use) => {
    const crm = await startCrm({ seed, latencyMs: 0, token: 'S3CR3T-token' });
    await use(crm);
    await crm.close();
  },
  sluice: async ({ db, crm }, use) => {
    const sluice = await connect(db, { 'airport-import.yaml': flow, 'connectors.yaml': connectorsOf(crm) });
    await use(sluice);
    expect(sluice.unexpected).toEqual([]);
    await sluice.close();
  },
});

const connectorsOf = ({ url }: Crm) => `example-crm:
  type: http
  base_url: ${url}
  auth: { type: bearer, token_env: CRM_TOKEN }
  allow_private: true
`;

async function imported(sluice: Connected, some: readonly object[] = rows): Promise<string> {
  const path = sluice.write('airports.csv', csv(some));
  const { batch_job_id } = await sluice.call('start_batch', {
    flow_id: 'airport-import',
    source: { path },
    concurrency: 20,
  });
  await sluice.finish(batch_job_id);
  return batch_job_id;
}

test('an import of a thousand is taken back, with its troubles counted and retried', async ({
  sluice,
  crm,
}) => {
  crm.airports.endMaintenance();
  const wrong = await imported(sluice);
  expect(crm.airports.created.size).toBe(1000);

  const shown = await sluice.call('undo_batch', { batch_job_id: wrong });

  expect(shown).toMatchObject({
    undo_of: wrong,
    records: 1000,
    undo: 'DELETE example-crm /api/airports/{{ result.id }}',
    looked_at: 1000,
  });
  expect(shown.untrusted_requests).toHaveLength(3);
  expect(shown.untrusted_requests[0]).toEqual({
    index: 0,
    id: codes[0],
    method: 'DELETE',
    url: `${crm.url}/api/airports/airport-${codes[0]}`,
  });
  expect(JSON.stringify(shown)).not.toContain('S3CR3T');
  expect(shown.next_step).toContain(`undo_batch {"batch_job_id":"${wrong}","preview":false}`);
  expect(crm.airports.created.size).toBe(1000);
  expect(await sluice.call('get_flow', { flow_id: 'airport-import' })).toMatchObject({ undo: shown.undo });

  const begun = await sluice.call('undo_batch', { batch_job_id: wrong, preview: false });
  const undone = await sluice.finish(begun.batch_job_id);

  expect(undone).toMatchObject({
    status: 'completed',
    total: 1000,
    counts: { succeeded: 1000, failed: 0 },
    undo_of: wrong,
    label: `undo of ${wrong}`,
  });
  expect(crm.airports.created.size).toBe(0);
  expect(await sluice.call('get_batch_status', { batch_job_id: wrong })).toMatchObject({
    undone: 1000,
    counts: { succeeded: 1000 },
  });
  await expect(sluice.call('undo_batch', { batch_job_id: wrong, preview: false })).rejects.toThrow(
    /1000 of these have been taken back already.*nothing_to_undo/,
  );
});

interface Shelf {
  readonly sluice: Connected;
  readonly target: Target;
  /** How the target answers a DELETE, by the id it gave; 200 unless told otherwise. */
  readonly removals: Map<string, Mode>;
  /** Paths of the calls with this method, in their order. */
  paths(method: string): string[];
  /** Starts the flow over `count` records and waits for the end. */
  put(flowId: string, count: number, more?: object): Promise<string>;
  undo(batchJobId: string, more?: object): Promise<Answer>;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by what a test expects of them
type Answer = any;

/** A target that gives every record the id `x-ID`, and a client of a Sluice with these flows. */
async function openShelf(db: Database, flows: Record<string, string>): Promise<Shelf> {
  const removals = new Map<string, Mode>();
  const target = await startTarget({
    answer: ({ method, path, id }) =>
      method === 'DELETE'
        ? (removals.get(path.split('/').at(-1) ?? '') ?? ok)
        : { kind: 'ok', body: { id: `x-${id}` } },
  });
  const connectors = `crm: { type: http, base_url: "${target.url}", allow_private: true }\n`;
  const sluice = await connect(db, { 'connectors.yaml': connectors, ...flows });
  onTestFinished(async () => {
    await sluice.close();
    await target.close();
  });
  const undo = (batchJobId: string, more: object = {}) =>
    sluice.call('undo_batch', { batch_job_id: batchJobId, ...more });
  return {
    sluice,
    target,
    removals,
    undo,
    paths: (method) => target.hits.filter((hit) => hit.method === method).map(({ path }) => path),
    async put(flowId, count, more = {}) {
      const records = Array.from({ length: count }, (_, id) => ({ id, name: `n${id}` }));
      const { batch_job_id } = await sluice.call('start_batch', { flow_id: flowId, records, ...more });
      await sluice.finish(batch_job_id);
      return batch_job_id;
    },
  };
}

const shelfFlow = (name: string, more = '') => `flow: ${name}
target: { connector: crm, endpoint: /things }
result: { id: response.id }
undo: { endpoint: "/things/{{ result.id }}" }
on_error: { retry: none }
batch: { id_field: id }
${more}`;

test('a selection is taken back, what fails is retried, and what has been taken back is left alone', async ({
  db,
}) => {
  const { sluice, target, removals, paths, put, undo } = await openShelf(db, {
    'shelf.yaml': shelfFlow('shelf'),
  });
  const job = await put('shelf', 10, { batch: { skip_unchanged: true } });
  removals.set('x-2', status(422, { message: 'is in use' }));
  removals.set('x-3', status(404));

  const named = await undo(job, { select: { ids: ['1', '2', '3', '77'] } });
  const first = await undo(job, { select: { ids: ['1', '2', '3'] }, preview: false });
  const some = await sluice.finish(first.batch_job_id);
  const original = await sluice.call('get_batch_status', { batch_job_id: job });
  removals.clear();
  await sluice.call('retry_batch_failed_records', { batch_job_id: first.batch_job_id });
  const cured = await sluice.finish(first.batch_job_id);
  const rest = await undo(job);
  const again = await put('shelf', 10, { batch: { skip_unchanged: true }, allow_repeat: true });
  const { batch_job_id } = await undo(job, { preview: false });
  const last = await sluice.finish(batch_job_id);

  expect(some).toMatchObject({
    status: 'completed_with_errors',
    counts: { succeeded: 2, failed: 1 },
    error_groups: [{ code: 'http_422', message: 'crm answered 422 to DELETE /things/{{ result.id }}' }],
    gone_already: 1,
  });
  expect(original).toMatchObject({ status: 'completed', undone: 2 });
  expect(original.next_step).toMatch(/^2 of the records that succeeded have been taken back since; no retry/);
  expect(cured).toMatchObject({ counts: { succeeded: 2, retried_success: 1 }, failed_now: 0 });
  expect(named).toMatchObject({ records: 3, not_found: { ids: ['77'] } });
  expect(first).not.toHaveProperty('not_found');
  expect(rest).toMatchObject({ records: 7, undone_already: 3 });
  expect(last).toMatchObject({ status: 'completed', counts: { succeeded: 7 } });
  // Read again from the sixth row on, as after a crash: what has been taken back since changes nothing.
  expect((await rowsAfter(db, job, batch_job_id, 5)).map(({ id }) => id)).toEqual(['8', '9']);
  const others = [0, 2, 4, 5, 6, 7, 8, 9].map((id) => `/things/x-${id}`);
  expect(paths('DELETE').sort()).toEqual([...others, '/things/x-1', '/things/x-2', '/things/x-3'].sort());
  expect(await sluice.call('get_batch_status', { batch_job_id: again })).toMatchObject({
    counts: { succeeded: 3, skipped: 7 },
  });
  const keysOf = (method: string) => target.hits.filter((hit) => hit.method === method).map(({ key }) => key);
  expect(keysOf('DELETE').filter((key) => keysOf('POST').includes(key))).toEqual([]);
});

test('what the target does not take back is not said to be there already', async ({ db }) => {
  const { sluice, removals, put, undo } = await openShelf(db, { 'shelf.yaml': shelfFlow('shelf') });
  const job = await put('shelf', 2);
  removals.set('x-1', status(409, { message: 'has open invoices' }));

  const { batch_job_id } = await undo(job, { preview: false });
  const { error_groups } = await sluice.finish(batch_job_id);

  expect(error_groups).toMatchObject([{ error_class: 'conflict', untrusted_message: 'has open invoices' }]);
  expect(error_groups[0].next_step).toMatch(
    /^The target does not do this as things are there .* then: retry_batch_failed_records /,
  );
});

test('what another undo has taken back meanwhile is not taken back again by a retry', async ({ db }) => {
  const { sluice, removals, paths, put, undo } = await openShelf(db, { 'shelf.yaml': shelfFlow('shelf') });
  const job = await put('shelf', 4);
  for (const id of [1, 2, 3]) removals.set(`x-${id}`, status(422));
  const first = await undo(job, { preview: false });
  await sluice.finish(first.batch_job_id);
  removals.clear();
  removals.set('x-3', status(422));
  const second = await undo(job, { select: { indexes: [1, 3] }, preview: false });
  await sluice.finish(second.batch_job_id);

  const { selected } = await sluice.call('retry_batch_failed_records', { batch_job_id: first.batch_job_id });
  await sluice.finish(first.batch_job_id);

  expect(selected).toBe(2);
  const calls = (id: number) => paths('DELETE').filter((path) => path === `/things/x-${id}`).length;
  expect([0, 1, 2, 3].map(calls)).toEqual([1, 2, 2, 3]);
  removals.clear();
  await sluice.call('retry_batch_failed_records', { batch_job_id: second.batch_job_id });
  await sluice.finish(second.batch_job_id);
  await expect(
    sluice.call('retry_batch_failed_records', { batch_job_id: first.batch_job_id }),
  ).rejects.toThrow(
    /What another undo of .* has taken back is left out; undo_batch .* shows what is left. Nothing was changed/,
  );
});

test('of a retried undo and a new one only one begins, however close they come', async ({ db }) => {
  const { sluice, removals, paths, put, undo } = await openShelf(db, { 'shelf.yaml': shelfFlow('shelf') });
  const answerAll = (mode: Mode) => {
    for (let id = 0; id < 10; id++) removals.set(`x-${id}`, mode);
  };
  for (let round = 1; round <= 5; round++) {
    const job = await put('shelf', 10, { allow_repeat: true });
    answerAll(status(422));
    const first = await undo(job, { preview: false });
    await sluice.finish(first.batch_job_id);
    const before = paths('DELETE').length;
    let letGo = () => {};
    // The one that begins must not be over before the other one asks.
    const bothAnswered = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    answerAll({ ...ok, until: bothAnswered });

    const both = await Promise.allSettled([
      sluice.call('retry_batch_failed_records', { batch_job_id: first.batch_job_id }),
      undo(job, { preview: false }),
    ]);
    letGo();

    const refused = both.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
    expect(refused).toEqual([expect.stringMatching(/is taking the records of .* back right now/)]);
    const begun = both.find((each) => each.status === 'fulfilled');
    await sluice.finish(begun?.value.batch_job_id);
    expect(paths('DELETE')).toHaveLength(before + 10);
  }
});

test('rows that a cancelled undo has not read are left to the one that was made after it', async ({ db }) => {
  const { sluice, paths, put, undo } = await openShelf(db, { 'shelf.yaml': shelfFlow('shelf') });
  const job = await put('shelf', 5);
  const { batch_job_id: first } = await undo(job, { preview: false, concurrency: 1 });
  await sluice.call('update_batch', { batch_job_id: first, action: 'cancel' });
  await sluice.finish(first);
  await forgetRows(db, first);
  const before = paths('DELETE').length;
  const second = await undo(job, { select: { indexes: [0, 1, 2] }, preview: false });
  await sluice.finish(second.batch_job_id);
  const skipped = { batch_job_id: first, select: { statuses: ['skipped'] } };

  for (const preview of [true, false]) {
    await expect(sluice.call('retry_batch_failed_records', { ...skipped, preview })).rejects.toThrow(
      /undo_batch .* shows what is left.*nothing_to_retry/,
    );
  }

  expect(paths('DELETE')).toHaveLength(before + 3);
  expect(await undo(job)).toMatchObject({ records: 2, undone_already: 3 });
});

/** Makes a cancelled job one that was cut off before it had read a row. */
async function forgetRows(db: Database, id: string): Promise<void> {
  await db.run(
    (sql) => sql`
      with gone as (delete from records where job_id = ${id})
      update batch_jobs set intake = 'stopped', intake_position = 0, claimed_to = -1, total = 0, skipped = 0, succeeded = 0
      where id = ${id}`,
  );
}

async function rowsAfter(db: Database, job: string, undoJob: string, skipRows: number) {
  const statuses = ['succeeded', 'retried_success'] as const;
  const source: JobSource = { kind: 'job', as: 'undo', batchJobId: job, wave: 0, statuses };
  const { signal } = new AbortController();
  const rows: SourceRow[] = [];
  for await (const batch of readEarlierRecords({ db, source, batchJobId: undoJob, skipRows, signal })) {
    rows.push(...batch);
  }
  return rows.flatMap((row) => (row.kind === 'record' ? [row] : []));
}

test('one undo of a job runs at a time, and what cannot be undone is refused with the reason', async ({
  db,
}) => {
  const { sluice, paths, put, undo } = await openShelf(db, {
    'once.yaml': shelfFlow('once'),
    'bare.yaml': 'flow: bare\ntarget: { connector: crm, endpoint: /things }\n',
  });
  const job = await put('once', 40);
  const bare = await put('bare', 2);

  const both = await Promise.allSettled([
    undo(job, { preview: false, concurrency: 1 }),
    undo(job, { preview: false, concurrency: 1, select: { indexes: [3] } }),
  ]);
  const begun = both.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const refused = both.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));

  expect(begun).toHaveLength(1);
  expect(refused[0]).toMatch(/is taking the records of .* back right now.*already_running/);
  await sluice.finish(begun[0].batch_job_id);
  expect(new Set(paths('DELETE')).size).toBe(paths('DELETE').length);
  await expect(undo(begun[0].batch_job_id)).rejects.toThrow(
    new RegExp(`is itself an undo, of ${job}.*"source": {"batch_job_id": "${job}"}.*not_undoable`),
  );
  for (const tool of ['preview_batch', 'start_batch']) {
    const source = { batch_job_id: begun[0].batch_job_id };
    await expect(sluice.call(tool, { flow_id: 'once', source })).rejects.toThrow(
      new RegExp(`taken back what batch job ${job} sent.*: give ${job}.*source_invalid`),
    );
  }
  await expect(undo(job, { select: { indexes: [99] } })).rejects.toThrow(/0 of them fit.*nothing_to_undo/);
  await expect(undo(bare)).rejects.toThrow(/does not say how a record is taken back.*not_undoable/);

  // A flow that learns it today takes back what it did yesterday: the whole answer was kept.
  sluice.write(
    'flows/bare.yaml',
    'flow: bare\ntarget: { connector: crm, endpoint: /things }\nundo: { endpoint: "/bare/{{ result.body.id }}" }\n',
  );
  const { batch_job_id } = await undo(bare, { preview: false });
  await sluice.finish(batch_job_id);
  expect(paths('DELETE').slice(-2).sort()).toEqual(['/bare/x-0', '/bare/x-1']);
});

test('a flow that wants a person to agree wants it of an undo, too', async ({ db }) => {
  const { sluice, paths, undo } = await openShelf(db, { 'asked.yaml': shelfFlow('asked', 'confirm: human') });
  const started = await sluice.call('start_batch', { flow_id: 'asked', records: [{ id: 1 }] });
  await approveJob(db, started.batch_job_id, 'a person');
  sluice.engine.wake();
  await sluice.finish(started.batch_job_id);

  const begun = await undo(started.batch_job_id, { preview: false });

  expect(begun.next_step).toContain(`sluice approve ${begun.batch_job_id}`);
  expect(await sluice.call('get_batch_status', { batch_job_id: begun.batch_job_id })).toMatchObject({
    status: 'paused',
    total: 0,
  });
  expect(paths('DELETE')).toEqual([]);
});

test('steps take a record back with what it has come to', async ({ db }) => {
  const { sluice, paths, put, undo } = await openShelf(db, {
    'steps.yaml': `flow: steps
steps:
  - { name: add, type: http_request, connector: crm, path: /things, method: POST, body: "{{ record }}" }
output: { id: "{{ steps.add.result.body.id }}" }
undo:
  - { name: named, type: transform, mapping: { is: 'concat(result.id, "-", record.name)' } }
  - { name: remove, type: http_request, connector: crm, path: "/things/{{ steps.named.result.is }}", method: DELETE, success_codes: [2xx, 404] }
`,
  });
  const job = await put('steps', 3);

  const shown = await undo(job);
  const { batch_job_id } = await undo(job, { preview: false });
  await sluice.finish(batch_job_id);

  expect(shown).toMatchObject({ records: 3, looked_at: 3 });
  expect(paths('DELETE').sort()).toEqual(['/things/x-0-n0', '/things/x-1-n1', '/things/x-2-n2']);
});
