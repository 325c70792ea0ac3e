import { utimesSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { test as base } from '../support/database.ts';
import { type Connected, connect } from '../support/mcp.ts';
import { startTarget, type Target } from '../support/target.ts';
import { tokens } from '../support/tokens.ts';

const customers = `flow: customers
version: 1
target: { connector: crm, endpoint: "/api/{{ source.region }}/customers", method: POST }
mapping:
  name: source.name | trim | required
  email: source.email | lowercase | required
`;

const secretive = `flow: secretive
target: { connector: crm, endpoint: "/people/{{ source.email }}", method: PUT }
redact: [email, address.phone, born]
mapping:
  mail: source.email | lowercase
  phone: source.address.phone | replace(" ", "")
  born: source.born | date("dd.MM.yyyy")
  city: source.address.city
`;

const steps = `flow: stepwise
redact: [email]
steps:
  - { name: find, type: http_request, connector: crm, method: GET, path: "/find/{{ record.id }}" }
  - { name: shape, type: transform, mapping: { mail: record.email | lowercase } }
  - name: create
    type: http_request
    connector: crm
    method: POST
    path: /customers
    body: { found: "{{ steps.find.result.body.id | default('none') }}", mail: "{{ steps.shape.result.mail }}" }
`;

const checking = (more: string) => `flow: checking
${more}
steps:
  - type: fail
    when: ${more === '' ? 'record.n == "x"' : 'items.exists(i, i.n == "x")'}
    message: n is x
`;

const numbered = `flow: numbered
steps:
  - type: http_request
    connector: crm
    method: POST
    path: /rows
    body: { place: "{{ batch.index }}", of: "{{ batch.total }}" }
`;

const bulk = `flow: bulk
size: 10
failed_items: { items: "{{ sent.body.results }}", when: item.ok == false }
steps:
  - { name: send, type: http_request, connector: crm, path: /bulk, body: "{{ items }}", outputs: sent }
`;

const sorting = `flow: sorting
size: 10
failed_items: { items: "{{ steps.keep.result }}", when: item.n == "x", message: "no {{ item.n }}" }
steps:
  - { name: keep, type: echo, message: "{{ items }}" }
`;

const deleting = `flow: deleting
target: { connector: crm, endpoint: "/customers/{{ source.id }}", method: DELETE }
mapping: {}
`;

const seeking = `flow: seeking
steps:
  - { name: find, type: http_request, connector: crm, method: GET, path: "/find/{{ record.id }}" }
  - { name: gone, type: http_request, connector: crm, method: DELETE, path: "/customers/{{ steps.find.result.body.id }}" }
`;

const roaming = `flow: roaming
steps: [{ type: http_request, url: "{{ record.link }}", hosts: ["*"] }]
`;

const coded = `import { defineFlow } from 'sluice-mcp';
const safeParse = (data) =>
  data.n > 0 ? { success: true, data } : { success: false, error: { issues: [{ path: ['n'] }] } };
const input = { safeParse };
export default defineFlow({ id: 'coded', input }).step('x', ({ payload }) => payload.n);
`;

const planned = 'flow: planned\nconfirm: plan\ntarget: echo\nbatch: { id_field: id, duplicates: skip }\n';
const echoing = 'flow: echoing\ntarget: echo\n';
const unready = 'flow: unready\ntarget: { connector: closed, endpoint: /x }\n';

const connectors = (url: string) => `crm:
  type: http
  base_url: ${url}/v2
  auth: { type: bearer, token_env: CRM_TOKEN }
  headers: { X-Api-Key: written-out-secret }
  rate: 10/s
  allow_private: true
closed:
  type: http
  base_url: https://closed.example.com
  auth: { type: bearer, token_env: NEVER_SET }
`;

const test = base.extend<{ target: Target; mcp: Connected }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  target: async ({}, use) => {
    const target = await startTarget();
    await use(target);
    await target.close();
  },
  mcp: async ({ db, target }, use) => {
    const connected = await connect(db, {
      'customers.yaml': customers,
      'secretive.yaml': secretive,
      'stepwise.yaml': steps,
      'checking.yaml': checking(''),
      'halved.yaml': checking('size: 10\non_chunk_error: bisect').replace('checking', 'halved'),
      'whole.yaml': checking('size: 10').replace('checking', 'whole'),
      'numbered.yaml': numbered,
      'bulk.yaml': bulk,
      'deleting.yaml': deleting,
      'seeking.yaml': seeking,
      'roaming.yaml': roaming,
      'sorting.yaml': sorting,
      'coded.mjs': coded,
      'planned.yaml': planned,
      'echoing.yaml': echoing,
      'unready.yaml': unready,
      'connectors.yaml': connectors(target.url),
    });
    await use(connected);
    expect(connected.unexpected).toEqual([]);
    await connected.close();
  },
});

const people = [
  'id;name;email;region',
  '1;Ada;ADA@example.com;eu',
  '2;;bob@example.com;eu',
  '3;Cy',
  '4;Dee;dee@example.com;..',
  '1;Eve;=cmd();us',
];

test('every row is mapped, the first requests are shown as they would go out, and nothing is sent', async ({
  mcp,
  target,
}) => {
  const path = mcp.write('people.csv', `${people.join('\r\n')}\r\n`);

  const preview = await mcp.call('preview_batch', {
    flow_id: 'customers',
    source: { path },
    id_field: 'id',
    sample: 1,
  });

  expect(preview).toMatchObject({
    rows: 5,
    bad_rows: 1,
    complete: true,
    source: { format: 'csv', encoding: 'utf-8', delimiter: ';' },
    ids: { field: 'id', missing: 0, duplicates: 1, lines: [6] },
    counts: { would_send: 2, would_fail: 3, would_skip: { duplicates: 0, unchanged: 0 } },
    targets: [{ connector: 'crm', type: 'http', methods: ['POST'] }],
    estimate: { seconds: 0, limit: 'the rate of crm, 10 in 1 s' },
  });
  expect(preview.columns).toContainEqual({
    name: 'email',
    type: 'email',
    share: 0.75,
    formulas: 1,
    odd_lines: [6],
  });
  expect(preview.problems.map(({ code, sample_lines }: never) => [code, sample_lines])).toEqual([
    ['required_field_missing', [3]],
    ['row_too_short', [4]],
    ['path_not_allowed', [5]],
  ]);
  expect(preview.untrusted_requests).toEqual([
    {
      index: 0,
      method: 'POST',
      url: `${target.url}/v2/api/eu/customers`,
      headers: expect.objectContaining({
        authorization: 'Bearer [secret]',
        'x-api-key': '[secret]',
        'idempotency-key': '<batch_job_id>:0:target:r0',
      }),
      body: { name: 'Ada', email: 'ada@example.com' },
    },
  ]);
  expect(preview.untrusted_samples[0].email).toBe('A***@example.com');
  expect(JSON.stringify(preview)).not.toMatch(/S3CR3T|written-out-secret/);
  expect(target.hits).toEqual([]);
  expect((await mcp.call('list_batch_jobs', { flow_id: 'customers' })).jobs).toEqual([]);
});

test('where not all requests have room those shown are whole, and of rows that would be sent', async ({
  mcp,
}) => {
  const name = 'Ada King, Countess of Lovelace, '.repeat(12).trim();
  const records = Array.from({ length: 10 }, (_, n) => ({
    region: 'eu',
    name: n === 0 ? '' : name,
    email: `${n}@b.de`,
  }));

  const preview = await mcp.call('preview_batch', { flow_id: 'customers', records, sample: 10 });

  expect(preview.untrusted_requests.length).toBeLessThan(10);
  expect(preview.untrusted_requests[0]).toMatchObject({ index: 1, body: { name, email: '1@b.de' } });
});

test('fields that the flow reads and no row has are named, with the column that may be meant', async ({
  mcp,
}) => {
  const path = mcp.write('other.csv', 'region,name,E-Mail,place\neu,Ada,ada@example.com,Ulm\n');
  const look = async (flow_id: string) =>
    (await mcp.call('preview_batch', { flow_id, source: { path } })).next_step;

  expect(await look('customers')).toMatch(/^No row would be sent.* has: "email" \(there is "E-Mail"\)\. /);
  expect(await look('secretive')).toContain('has: "email" (there is "E-Mail"), "address.phone", "born"');
  expect(await look('echoing')).not.toContain('no row');
});

test('the counts of a preview are those of the job that follows it', async ({ mcp, target }) => {
  const path = mcp.write('people.csv', `${people.join('\n')}\n`);
  const args = { flow_id: 'customers', source: { path }, batch: { duplicates: 'skip' }, id_field: 'id' };
  const { counts, plan_digest, next_step } = await mcp.call('preview_batch', args);

  expect(next_step).toContain(plan_digest);
  const { batch_job_id } = await mcp.call('start_batch', { ...args, plan_digest });
  const status = await mcp.finish(batch_job_id);

  expect(counts).toEqual({ would_send: 1, would_fail: 3, would_skip: { duplicates: 1, unchanged: 0 } });
  expect(status.counts).toMatchObject({ succeeded: 1, failed: 3, skipped: 1 });
  expect(target.hits).toHaveLength(1);
});

test('what was sent before with the same values, and what an earlier job has, is foreseen', async ({
  mcp,
}) => {
  const args = { flow_id: 'customers', id_field: 'id', batch: { skip_unchanged: true } };
  const person = (id: number, name: string) => ({ id, name, email: `${id}@example.com`, region: 'eu' });
  const { batch_job_id } = await mcp.call('start_batch', {
    ...args,
    records: [person(1, 'Ada'), person(2, 'Bo')],
  });
  await mcp.finish(batch_job_id);

  const records = [person(1, 'Ada'), person(2, 'Changed'), person(3, 'New')];
  const again = await mcp.call('preview_batch', { ...args, records });
  const earlier = await mcp.call('preview_batch', { flow_id: 'customers', source: { batch_job_id } });

  expect(again.counts).toEqual({
    would_send: 2,
    would_fail: 0,
    would_skip: { duplicates: 0, unchanged: 1 },
  });
  expect(earlier).toMatchObject({ rows: 2, source: { format: 'batch job' }, counts: { would_send: 2 } });
  expect(earlier.estimate.limit).toMatch(/rate of crm|earlier jobs/);
});

test('a start refuses when flow, rows or scope have changed since the preview, and says which', async ({
  mcp,
}) => {
  const path = mcp.write('rows.csv', 'id,n\n1,1\n2,2\n');
  const args = { flow_id: 'planned', source: { path } };
  const { plan_digest } = await mcp.call('preview_batch', args);
  const start = (more: object) => mcp.call('start_batch', { ...args, plan_digest, ...more });

  await expect(mcp.call('start_batch', args)).rejects.toThrow(/preview_batch with the same.*plan_required/s);
  await expect(start({ id_field: 'n' })).rejects.toThrow(/Changed: scope:[^;]*\. .*plan_changed/s);
  await expect(start({ order_by: 'n' })).rejects.toThrow(/Changed: scope/);
  await expect(start({ plan_digest: 'plan-x' })).rejects.toThrow(/invalid_input/);
  writeFileSync(path, 'id,n\n1,1\n2,3\n');
  await expect(start({})).rejects.toThrow(/Changed: source:[^;]*\. .*Nothing was started/s);
  utimesSync(path, 1, 1);
  mcp.write('flows/planned.yaml', `${planned}description: changed\n`);
  await expect(start({})).rejects.toThrow(/Changed: flow: [^;]*; source:/);

  const again = await mcp.call('preview_batch', args);
  const { batch_job_id } = await start({ plan_digest: again.plan_digest, concurrency: 2, max_failures: 9 });
  expect((await mcp.finish(batch_job_id)).status).toBe('completed');
  expect((await mcp.call('list_batch_jobs', { flow_id: 'planned' })).jobs).toHaveLength(1);
});

test('redacted fields are in no shape among requests, samples and problems', async ({ mcp, target }) => {
  const records = [
    { email: 'Zoe.Q@Example.com', born: '31.12.1990', address: { phone: '+49 170 555', city: 'Bonn' } },
    { email: 'Zoe.Q@Example.com', born: 'Zoe', address: { phone: '+49 170 555', city: 'Bonn' } },
  ];

  const preview = await mcp.call('preview_batch', { flow_id: 'secretive', records });

  expect(preview.counts).toMatchObject({ would_send: 1, would_fail: 1 });
  expect(preview.untrusted_requests[0]).toMatchObject({
    url: `${target.url}/v2/people/[redacted]`,
    body: { mail: '[redacted]', phone: '[redacted]', born: '[redacted]', city: 'Bonn' },
  });
  expect(JSON.stringify(preview)).not.toMatch(/zoe|31.12.1990|1990.12.31|170.?555/i);
});

test('steps are gone through without a single call, as far as no answer is needed', async ({
  mcp,
  target,
}) => {
  const records = [{ id: 7, email: 'Ada@example.com' }];

  const preview = await mcp.call('preview_batch', { flow_id: 'stepwise', records });

  expect(preview.untrusted_requests).toMatchObject([
    { index: 0, step: 'find', method: 'GET', url: `${target.url}/v2/find/7` },
    { step: 'create', method: 'POST', body: { mail: '[redacted]' }, as_if: expect.stringMatching(/nothing/) },
  ]);
  expect(preview.untrusted_requests[0]).not.toHaveProperty('as_if');
  expect(preview.rehearsed).toMatch(/first rows/);
  expect(preview.targets).toMatchObject([{ connector: 'crm', methods: ['GET', 'POST'] }]);
  expect(JSON.stringify(preview.untrusted_requests)).not.toMatch(/ada@/i);
  expect(target.hits).toEqual([]);
});

test('a preview of deletions asks for the consent of the person', async ({ mcp }) => {
  const records = [{ id: 7 }];

  const given = [
    { flow_id: 'deleting', records },
    { flow_id: 'deleting', records, sample: 0 },
    // What is deleted is known only from the answer to the call before.
    { flow_id: 'seeking', records },
  ];
  for (const each of given) {
    const { next_step, targets } = await mcp.call('preview_batch', each);

    expect(targets[0].methods).toContain('DELETE');
    expect(next_step).toMatch(/^This deletes at the target: show the person .* consent\. start_batch /);
  }
});

test('a preview says to which host the url of a record leads', async ({ mcp }) => {
  const records = [{ link: 'https://a.example/x?y=1' }];

  const preview = await mcp.call('preview_batch', { flow_id: 'roaming', records });

  expect(preview.untrusted_requests).toMatchObject([{ input: { to: 'a.example', path: '/x?y=1' } }]);
});

test('the requests of a preview know how many records the job will have', async ({ mcp, target }) => {
  const records = [{ n: 1 }, { n: 2 }, { n: 3 }];

  const preview = await mcp.call('preview_batch', { flow_id: 'numbered', records });
  const { batch_job_id } = await mcp.call('start_batch', { flow_id: 'numbered', records });
  await mcp.finish(batch_job_id);

  const foreseen = preview.untrusted_requests.map(({ body }: { body: unknown }) => body);
  expect(foreseen).toEqual([0, 1, 2].map((place) => ({ place, of: 3 })));
  expect(target.hits.map(({ body }) => body)).toEqual(expect.arrayContaining(foreseen));
});

test('a row that fails when its steps are gone through is counted, and the answer says how many rows were', async ({
  mcp,
}) => {
  const path = mcp.write('steps.csv', 'n\n1\nx\n2\nx\n');
  const foreseen = (flow_id: string, sample: number) =>
    mcp.call('preview_batch', { flow_id, source: { path }, sample });

  const checked = await foreseen('checking', 2);
  const halved = await foreseen('halved', 0);

  expect(checked).toMatchObject({
    counts: { would_send: 3, would_fail: 1 },
    problems: [{ count: 1, sample_indexes: [1], sample_lines: [3] }],
    rehearsed: expect.stringMatching(/first rows \(2\) alone.*more may fail/),
  });
  expect(checked.next_step).toContain('1 row would fail');
  expect(halved).toMatchObject({
    counts: { would_send: 2, would_fail: 2 },
    problems: [{ count: 2, sample_lines: [3, 5] }],
    rehearsed: expect.stringContaining('first chunk (4) alone'),
  });
  expect((await foreseen('whole', 0)).counts).toMatchObject({ would_send: 0, would_fail: 4 });
  expect((await foreseen('checking', 0)).rehearsed).toContain('not gone through');
});

test('every row of a flow in code is checked by its input, as at a start', async ({ mcp }) => {
  const records = [{ n: 1 }, { n: 'x' }, { n: '3' }];

  const preview = await mcp.call('preview_batch', { flow_id: 'coded', records });

  expect(preview).toMatchObject({
    counts: { would_send: 2, would_fail: 1 },
    problems: [{ count: 1, sample_indexes: [1] }],
    rehearsed: expect.stringMatching(/^every row was checked as at a start; what the code/),
  });
});

test('a flow whose connector lacks its secret can be previewed, and the answer says what is missing', async ({
  mcp,
}) => {
  const preview = await mcp.call('preview_batch', { flow_id: 'unready', records: [{ a: 1 }] });

  expect(preview.missing[0]).toContain('NEVER_SET');
  expect(preview.untrusted_requests[0]).toMatchObject({
    url: 'https://closed.example.com/x',
    body: { a: 1 },
  });
  expect(preview.next_step).toContain('sluice connect closed');
});

test('without a flow the rows alone are profiled', async ({ mcp }) => {
  const path = mcp.write('rows.ndjson', '{"id": 1, "phone": "+49 170 1234512"}\n{"id": 1}\n{broken\n');

  const preview = await mcp.call('preview_batch', { source: { path }, id_field: 'id' });

  expect(preview).toMatchObject({
    rows: 3,
    bad_rows: 1,
    ids: { duplicates: 1 },
    problems: [{ sample_lines: [3] }],
  });
  expect(preview.untrusted_samples[0]).toEqual({ id: 1, phone: '+49***12' });
  expect(preview).not.toHaveProperty('plan_digest');
  expect(preview.next_step).toContain('flow_id');
});

test('a name of a column is shown on one line, short and without anything unseen', async ({ mcp }) => {
  const path = mcp.write('odd.csv', `"First\nName","x\ty\u202e","${'z'.repeat(100)}"\nAda,1,2\n`);

  const preview = await mcp.call('preview_batch', { source: { path } });
  const starting = mcp.call('start_batch', { flow_id: 'planned', source: { path }, id_field: 'First Name' });

  const names = ['First\\nName', 'x\\ty', `${'z'.repeat(59)}…`];
  expect(preview.columns.map(({ name }: never) => name)).toEqual(names);
  expect(Object.keys(preview.untrusted_samples[0])).toEqual(names);
  await expect(starting).rejects.toThrow('did you mean "First\ufffdName"?');
});

test('rows of a JSON array are told by their index, since all may be on one line', async ({ mcp }) => {
  const path = mcp.write('rows.json', '[{"id":1,"n":1},{"id":2,"n":2},5,{"id":1,"n":"x"}]');

  const preview = await mcp.call('preview_batch', {
    flow_id: 'planned',
    source: { path },
    batch: { duplicates: 'fail' },
  });

  expect(preview.columns[1]).toMatchObject({ name: 'n', odd_indexes: [3] });
  expect(preview.ids).toMatchObject({ duplicates: 1, indexes: [3] });
  expect(preview.problems).toMatchObject([
    { code: 'not_an_object', sample_indexes: [2], message: expect.stringContaining('element with index 2') },
    { code: 'duplicate_id', sample_indexes: [3] },
  ]);
  expect(JSON.stringify(preview)).not.toMatch(/lines"/);
});

test('an encoding that was guessed is named by the preview and the start, and UTF-8 needs no word', async ({
  mcp,
}) => {
  const write = (name: string, encoding: 'latin1' | 'utf8') => {
    const path = mcp.write(name, '');
    writeFileSync(path, 'id,name\n1,Zoë\n', encoding);
    return { flow_id: 'echoing', source: { path } };
  };
  const [guessed, known] = [write('guessed.csv', 'latin1'), write('known.csv', 'utf8')];

  const preview = await mcp.call('preview_batch', guessed);
  const started = await mcp.call('start_batch', { ...guessed, idempotency_key: 'guessed' });
  const replayed = await mcp.call('start_batch', { ...guessed, idempotency_key: 'guessed' });

  expect(preview.source).toMatchObject({ encoding: 'windows-1252', note: expect.stringContaining('guess') });
  for (const { note } of [started, replayed]) expect(note).toMatch(/read as windows-1252, which is a guess/);
  expect((await mcp.call('preview_batch', known)).source).not.toHaveProperty('note');
  expect(await mcp.call('start_batch', known)).not.toHaveProperty('note');
});

test.for([
  { text: '1000\n1001\n1002\n', name: '"1000"' },
  { text: 'https://a.example\nhttps://b.example\n', name: '"https://a.example"' },
  { text: '7,Ann,ann@x.example\n8,Bob,bob@x.example\n', name: '"ann@x.example"' },
])('a file without a header is told before its first row is lost: $name', async ({ text, name }, { mcp }) => {
  const path = mcp.write('bare.csv', text);

  const preview = await mcp.call('preview_batch', { flow_id: 'echoing', source: { path } });

  expect(preview.source.note).toContain(`its ${name} looks like a value`);
});

test.for([
  { sign: ';', text: 'All customers\nOf 2026\nid;name\n1;Ann\n2;Bob\n' },
  { sign: '|', text: 'All customers\nid|name\n1|Ann\n' },
])(
  'a title above the header is told where all is read as one column: $sign',
  async ({ sign, text }, { mcp }) => {
    const path = mcp.write('titled.csv', text);

    const preview = await mcp.call('preview_batch', { flow_id: 'echoing', source: { path } });

    expect(preview.source.note).toMatch(
      /^All is read as one column, .* remove the lines above it, such as a title\.$/,
    );
    expect(preview.source.note).toContain(`"${sign}"`);
  },
);

test('what is wrong with a preview is said of the preview', async ({ mcp }) => {
  const wrong = { flow_id: 'echoing', records: [{ n: 1 }], batch: { concurency: 3 } };

  await expect(mcp.call('preview_batch', wrong)).rejects.toThrow(
    'preview_batch: there is no parameter batch.concurency',
  );
});

test.for(['country,2024,2025\nDE,1,2\nAT,3,4\n', '1,x\nAnn,7\n'])(
  'a number that may be the name of a column needs no word: %j',
  async (text, { mcp }) => {
    const path = mcp.write('headed.csv', text);

    const preview = await mcp.call('preview_batch', { flow_id: 'echoing', source: { path } });

    expect(preview.source).not.toHaveProperty('note');
  },
);

test('a file that breaks off gets no digest, and one that is too long for the time says so', async ({
  mcp,
}) => {
  const broken = mcp.write('broken.csv', 'id,n\n1,1\n2,"open\n');
  const seen = await mcp.call('preview_batch', { flow_id: 'planned', source: { path: broken } });
  expect(seen).toMatchObject({ complete: false, source: { broken: expect.stringContaining('line 3') } });
  expect(seen).not.toHaveProperty('plan_digest');

  const rows = Array.from({ length: 150_000 }, (_, n) => `${n},a${n}@example.com,x`);
  const long = mcp.write('long.csv', `id,email,text\n${rows.join('\n')}\n`);
  const controller = new AbortController();
  const aborted = mcp.client.callTool(
    { name: 'preview_batch', arguments: { source: { path: long } } },
    undefined,
    { signal: controller.signal },
  );
  controller.abort();
  await expect(aborted).rejects.toThrow();
  const cut = await mcp.call('preview_batch', {
    flow_id: 'customers',
    source: { path: long },
    max_seconds: 1,
  });
  expect(cut).toMatchObject({ complete: false, plan_digest: expect.any(String) });
  expect(cut.rows).toBeLessThan(150_000);
  expect(cut.next_step).toContain('max_seconds');
});

test('the worst answer has fewer than 2,000 tokens', async ({ mcp }) => {
  const dense = (n: number) =>
    Array.from({ length: 40 }, (_, at) => ((n * 7919 + at * 104_729) % 999_983).toString(36)).join('-');
  const wide = (n: number) =>
    Object.fromEntries(
      Array.from({ length: 120 }, (_, at) => [`${dense(at)}`, n % 2 === 0 ? dense(n + at) : n]),
    );
  const strange = (n: number) => ({
    region: 'x',
    ...Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [`列${at}字`.repeat(20), `🤖漢字${n}`.repeat(200)]),
    ),
  });

  for (const row of [wide, strange]) {
    const records = Array.from({ length: 50 }, (_, n) => ({ id: `${dense(n % 40)}`, ...row(n) }));
    const preview = await mcp.call('preview_batch', { flow_id: 'planned', records, sample: 10 });

    expect(tokens(preview)).toBeLessThan(2000);
    expect(preview.columns.length).toBeGreaterThan(2);
  }
});

test('a preview of a bulk call asks nothing of the answer it does not have', async ({ mcp, target }) => {
  const path = mcp.write('two.csv', 'n\n1\n2\n');

  const preview = await mcp.call('preview_batch', { flow_id: 'bulk', source: { path } });

  expect(preview).toMatchObject({ counts: { would_send: 2, would_fail: 0 } });
  expect(target.hits).toEqual([]);
});

test('records that a chunk names as failed without asking anybody would fail alone', async ({ mcp }) => {
  const path = mcp.write('three.csv', 'n\n1\nx\n2\n');

  const preview = await mcp.call('preview_batch', { flow_id: 'sorting', source: { path } });

  expect(preview).toMatchObject({
    counts: { would_send: 2, would_fail: 1 },
    problems: [{ code: 'item_failed', count: 1, sample_lines: [3] }],
  });
});
