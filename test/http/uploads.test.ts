import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { dropOldUploads, dropStrayUploads } from '../../src/engine/upload-retention.ts';
import { test as base } from '../support/database.ts';
import { serveFiles } from '../support/file-server.ts';
import { operatorToken, type Served, serve } from '../support/http.ts';

const echo = 'flow: echo-all\nversion: 1\ntarget: { connector: echo }\n';
/** Its jobs stay unfinished until a person agrees. */
const asked = 'flow: asked\nconfirm: human\ntarget: { connector: echo }\n';
const strict = 'flow: strict\ntarget: { connector: echo }\nmapping:\n  email: source.email | required\n';

/** In bytes, as the server is told. */
const fileAtMost = 200_000;
const quota = 250_000;

const test = base.extend<{ api: Served }>({
  api: [
    async ({ address }, use) => {
      const env = {
        SLUICE_MAX_UPLOAD_BYTES: String(fileAtMost),
        SLUICE_UPLOAD_QUOTA_BYTES: String(quota),
      };
      const flows = { 'echo-all.yaml': echo, 'strict.yaml': strict, 'asked.yaml': asked };
      const served = await serve(address, { flows, env });
      await use(served);
      await served.stop();
    },
    { scope: 'file' },
  ],
});

const uploads = '/api/v1/uploads';
const folderOf = (api: Served) => join(api.home, 'uploads');
const send = (body: string | FormData, headers: Record<string, string> = {}) => ({
  method: 'POST',
  body,
  headers,
});

/** Sends a body piece by piece: the caller writes it, and ends it or breaks it off. */
function beginUpload(api: Served, token = operatorToken) {
  const sending = request(new URL(uploads, api.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'transfer-encoding': 'chunked' },
  });
  const status = new Promise<number | undefined>((resolve) => {
    sending
      .once('response', (response) => resolve(response.resume().statusCode))
      .once('error', () => resolve(undefined));
  });
  return { sending, status };
}

test('a file is sent, read as the source of a batch, and named by what its sender calls it', async ({
  api,
}) => {
  const rows = Array.from({ length: 300 }, (_, n) => `${n},name ${n}`).join('\n');

  const sent = await api.request(`${uploads}?name=../people.csv`, send(`id,name\n${rows}\n`));
  const upload = (await sent.json()) as { upload_id: string };
  const source = { upload_id: upload.upload_id };
  const preview = await api.json('/api/v1/previews', {
    method: 'POST',
    body: { flow_id: 'echo-all', source },
  });
  const { batch_job_id } = await api.json('/api/v1/batches', {
    method: 'POST',
    body: { flow: 'echo-all', source },
  });
  const job = await api.json(`/api/v1/batches/${batch_job_id}?wait_seconds=20`);

  expect(sent.status).toBe(201);
  expect(sent.headers.get('location')).toBe(`${uploads}/${upload.upload_id}`);
  expect(upload).toMatchObject({ name: 'people.csv', bytes: rows.length + 9 });
  expect(statSync(join(folderOf(api), upload.upload_id)).mode & 0o777).toBe(0o600);
  expect(preview).toMatchObject({ rows: 300, source: { format: 'csv', path: 'people.csv' } });
  expect(job).toMatchObject({ status: 'completed', total_count: 300, succeeded_count: 300 });
  const [listed] = (await api.json('/api/v1/batches?limit=1')).jobs;
  expect(listed.source).toBe('people.csv');
});

test('failed records are downloaded, corrected, sent back and retried', async ({ api }) => {
  const records = [{ name: 'Ada', email: 'ada@example.com' }, { name: 'Bob' }, { name: 'Eve' }];
  const { id } = await api.json('/api/v1/batches', { method: 'POST', body: { flow: 'strict', records } });
  await api.json(`/api/v1/batches/${id}?wait_seconds=20`);
  const table = await (await api.request(`/api/v1/batches/${id}/errors.csv`)).text();

  const corrected = table
    .replace(/^(\ufeff?)name/, '$1email,name')
    .replace(/^(Bob|Eve),/gm, '$1@example.com,$1,');
  const { upload_id } = await api.json(`${uploads}?name=corrected.csv`, send(corrected));
  const patch = { source: { upload_id } };
  await api.json(`/api/v1/batches/${id}/retry`, { method: 'POST', body: { patch } });

  const job = await api.json(`/api/v1/batches/${id}?wait_seconds=20`);
  expect(job).toMatchObject({ succeeded_count: 3, counts: { succeeded: 1, retried_success: 2 } });
});

test('a form with a file is taken as the file, byte by byte', async ({ api }) => {
  const text = `${'line\r\n--almost the boundary\r\n'.repeat(2000)}end`;
  const form = new FormData();
  form.append('note', 'not a file');
  form.append('file', new Blob([text]), 'notes "1".csv');
  const empty = new FormData();
  empty.append('note', 'no file');

  const upload = await api.json(uploads, send(form));
  const named = await api.json(
    uploads,
    send('a\n1\n', { 'content-disposition': "attachment; filename*=UTF-8''%C3%A4.csv" }),
  );
  const typed = await api.json(uploads, send('{"a": 1}\n', { 'content-type': 'application/x-ndjson' }));
  const none = await api.request(uploads, send(empty));

  expect(readFileSync(join(folderOf(api), upload.upload_id), 'utf8')).toBe(text);
  expect([named.name, typed.name]).toEqual(['ä.csv', 'upload.ndjson']);
  expect(await refusalOf(none)).toBe('400 The form has no file in it.');
});

/** Status and first sentence of a refusal. */
async function refusalOf(response: Response): Promise<string> {
  const { detail } = (await response.json()) as { detail: string };
  return `${response.status} ${detail.split('. ')[0]}.`;
}

/** A form as it goes over the wire, of parts with their dispositions. */
const formOf = (...parts: readonly (readonly [disposition: string, content: string])[]) =>
  send(
    `${parts.map(([disposition, content]) => `--edge\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${content}\r\n`).join('')}--edge--\r\n`,
    { 'content-type': 'multipart/form-data; boundary=edge' },
  );

test.for([
  ['name=file; filename=customers.csv', 'customers.csv'],
  ["name=file; filename=customers.csv; filename*=utf-8''kund%C3%ADn.csv", 'kundín.csv'],
  ["name=file; filename*=UTF-8'en'only.csv", 'only.csv'],
  ['name="file"; filename="a; filename=b.csv"', 'a; filename=b.csv'],
  ['name="file"; filename="C:\\exports\\customers.csv"', 'customers.csv'],
])('the file of a form may be named as %s', async ([disposition = '', name], { api }) => {
  const upload = await api.json(uploads, formOf(['name="note"', 'not a file'], [disposition, 'a\n1\n']));

  expect(upload).toMatchObject({ name, bytes: 4 });
});

test('a form with two files is refused, and one in which a second was not chosen is taken', async ({
  api,
}) => {
  const first = ['name="file"; filename="a.csv"', 'a\n1\n'] as const;
  const before = readdirSync(folderOf(api)).length;

  const two = await api.request(uploads, formOf(first, ['name="more"; filename="b.csv"', 'b\n2\n']));
  const after = readdirSync(folderOf(api)).length;
  const one = await api.json(uploads, formOf(first, ['name="more"; filename=""', ''], ['name="note"', 'x']));

  expect(await refusalOf(two)).toBe('400 The form has more than one file in it.');
  expect(after).toBe(before);
  expect(one).toMatchObject({ name: 'a.csv', bytes: 4 });
});

test('a form in which the first file was not chosen is taken with its second', async ({ api }) => {
  const unchosen = ['name="logo"; filename=""', ''] as const;

  const upload = await api.json(uploads, formOf(unchosen, ['name="file"; filename="a.csv"', 'a\n1\n']));
  const none = await api.request(uploads, formOf(unchosen));

  expect(upload).toMatchObject({ name: 'a.csv', bytes: 4 });
  expect(await refusalOf(none)).toBe('400 The form has no file in it.');
});

test('what is too large, empty or broken off leaves nothing behind', async ({ api }) => {
  await api.json(uploads, send('a\n1\n'));
  const before = readdirSync(folderOf(api));
  const declared = await api.request(uploads, send('x'.repeat(200_001)));
  const chunked = beginUpload(api);
  chunked.sending.end('x'.repeat(200_001));
  const cut = beginUpload(api);
  cut.sending.write('x'.repeat(1000));
  await expect.poll(() => readdirSync(folderOf(api)).some((name) => name.endsWith('.part'))).toBe(true);
  cut.sending.destroy();

  expect(declared.status).toBe(413);
  expect(await declared.json()).toMatchObject({
    code: 'upload_too_large',
    detail: expect.stringContaining('200000'),
  });
  expect(await chunked.status).toBe(413);
  expect((await api.request(uploads, send(''))).status).toBe(400);
  await vi.waitFor(() => expect(readdirSync(folderOf(api))).toEqual(before), 10_000);
  expect(api.logged.filter(({ message }) => message === 'unexpected error')).toEqual([]);
});

test('an upload belongs to its sender', async ({ api }) => {
  const [ada, bob] = [await api.tokenOf('ada'), await api.tokenOf('bob')];
  const { upload_id } = await api.json(`${uploads}?name=a.csv`, { ...send('a\n1\n'), token: ada });
  api.write('owners/bob/flows/echo.yaml', echo);

  const foreign = await api.request(`${uploads}/${upload_id}`, { token: bob });
  const started = await api.request('/api/v1/batches', {
    method: 'POST',
    token: bob,
    body: { flow_id: 'echo-all', source: { upload_id } },
  });
  const deleted = await api.request(`${uploads}/${upload_id}`, { method: 'DELETE', token: bob });

  expect([foreign.status, started.status, deleted.status]).toEqual([404, 404, 404]);
  expect(await started.json()).toMatchObject({ code: 'upload_not_found' });
  expect((await api.json(uploads, { token: bob })).uploads).toEqual([]);
  expect((await api.json(uploads, { token: ada })).uploads).toMatchObject([
    { upload_id, name: 'a.csv', bytes: 4 },
  ]);
});

test('all uploads of an owner have a limit together, and a deleted one makes room', async ({ api }) => {
  const token = await api.tokenOf('eve');
  const before = readdirSync(folderOf(api)).length;
  const keep = (bytes: number) => api.request(uploads, { ...send('x'.repeat(bytes)), token });
  const { upload_id } = (await (await keep(150_000)).json()) as { upload_id: string };

  const tooMuch = await keep(110_000);
  const together = await Promise.all([keep(90_000), keep(90_000), keep(10_000)]);
  const full = await keep(100_000);
  await api.request(`${uploads}/${upload_id}`, { method: 'DELETE', token });
  const again = await keep(60_000);

  expect(tooMuch.status).toBe(413);
  expect(await tooMuch.json()).toMatchObject({
    code: 'upload_quota_exceeded',
    detail: expect.stringMatching(/250000 bytes.*DELETE.*Nothing was kept/),
  });
  expect(together.map(({ status }) => status)).toContain(201);
  expect([full.status, again.status]).toEqual([413, 201]);
  expect((await api.json(uploads, { token })).uploads.length).toBe(
    readdirSync(folderOf(api)).length - before,
  );
});

test('files sent at the same time do not get past the quota together', async ({ api }) => {
  // The first upload of all makes the folder.
  await api.json(uploads, send('a\n1\n'));
  const token = await api.tokenOf('ida');
  const before = readdirSync(folderOf(api));
  const half = 'x'.repeat(quota / 2);
  const [first, second] = [beginUpload(api, token), beginUpload(api, token)];
  for (const { sending } of [first, second]) sending.write(half);
  // Both have been let in by now, when each had room for all of it.
  await expect
    .poll(() => readdirSync(folderOf(api)).filter((name) => name.endsWith('.part')))
    .toHaveLength(2);

  first.sending.end('x');
  const kept = await first.status;
  second.sending.end('x');
  const refused = await second.status;

  const { uploads: listed } = await api.json(uploads, { token });
  expect([kept, refused]).toEqual([201, 413]);
  expect(listed).toMatchObject([{ bytes: half.length + 1 }]);
  expect(readdirSync(folderOf(api)).sort()).toEqual([...before, listed[0].upload_id].sort());
});

test('when the quota is used up a file is refused before its body is read', async ({ api }) => {
  const token = await api.tokenOf('joe');
  for (const bytes of [fileAtMost, quota - fileAtMost])
    await api.json(uploads, { ...send('x'.repeat(bytes)), token });

  const { sending, status } = beginUpload(api, token);
  onTestFinished(() => void sending.destroy());
  sending.flushHeaders();

  // Nothing of the body was sent, and never will be.
  await expect.poll(() => Promise.race([status, undefined])).toBe(413);
});

test('an upload is deleted by its owner or by its age, but not under a job that reads it', async ({
  api,
}) => {
  const { db } = await api.sluice.open();
  const [used, idle, old] = await Promise.all(
    ['used', 'idle', 'old'].map((name) => api.json(`${uploads}?name=${name}.csv`, send(`a\n${name}\n`))),
  );
  await api.json('/api/v1/batches', {
    method: 'POST',
    body: { flow: 'asked', source: { upload_id: used.upload_id } },
  });
  const stray = join(folderOf(api), 'stray.part');
  writeFileSync(stray, 'left by a process that died');
  utimesSync(stray, 1, 1);

  const refused = await api.request(`${uploads}/${used.upload_id}`, { method: 'DELETE' });
  const deleted = await api.json(`${uploads}/${idle.upload_id}`, { method: 'DELETE' });
  await db.run(
    (sql) =>
      sql`update uploads set created_at = now() - interval '2 days' where id in (${used.upload_id}, ${old.upload_id})`,
  );
  const dropped = await dropOldUploads(db, folderOf(api), 24 * 3_600_000);
  await dropStrayUploads(db, folderOf(api));

  const left = readdirSync(folderOf(api));
  expect(refused.status).toBe(409);
  expect(deleted).toEqual({ upload_id: idle.upload_id, deleted: true });
  expect(dropped).toBe(1);
  expect(left).toContain(used.upload_id);
  for (const gone of [idle.upload_id, old.upload_id, 'stray.part']) expect(left).not.toContain(gone);
  expect((await api.request(`${uploads}/${old.upload_id}`)).status).toBe(404);
});

test('a file that is fetched for an owner is the owner’s upload, within the owner’s quota', async ({
  api,
}) => {
  const server = await serveFiles((request, response) =>
    response.end(request.url === '/large.csv' ? `id\n${'1\n'.repeat(80_000)}` : 'id,name\n1,Ada\n'),
  );
  api.write('flows/connectors.yaml', `crm: { type: http, base_url: "${server.url}", allow_private: true }\n`);
  api.write('owners/uma/flows/echo.yaml', echo);
  const [token, other] = [await api.tokenOf('uma'), await api.tokenOf('vic')];
  const start = (path: string) => ({
    method: 'POST',
    token,
    body: { flow_id: 'echo-all', source: { url: server.url + path } },
  });

  const { batch_job_id } = await api.json('/api/v1/batches', start('/a.csv?key=hidden'));
  const job = await api.json(`/api/v1/batches/${batch_job_id}?wait_seconds=20`, { token });
  await api.json(uploads, { ...send('x'.repeat(150_000)), token });
  const refused = await api.request('/api/v1/batches', start('/large.csv'));

  expect(job).toMatchObject({ status: 'completed', total_count: 1, succeeded_count: 1 });
  expect((await api.json(uploads, { token })).uploads).toMatchObject([
    { bytes: 150_000 },
    { name: `${server.url}/a.csv`, bytes: 14 },
  ]);
  expect((await api.json(uploads, { token: other })).uploads).toEqual([]);
  expect(refused.status).toBe(413);
  expect(await refused.json()).toMatchObject({
    code: 'upload_quota_exceeded',
    detail: expect.stringMatching(/DELETE .*Nothing was started\.$/),
  });
});

test('a target that has no file to give makes the answer 502', async ({ api }) => {
  const server = await serveFiles((_, response) => response.writeHead(500).end());
  api.write('flows/connectors.yaml', `crm: { type: http, base_url: "${server.url}", allow_private: true }\n`);

  const body = { flow_id: 'echo-all', source: { url: `${server.url}/a.csv` } };
  const answer = await api.request('/api/v1/batches', { method: 'POST', body });

  expect(answer.status).toBe(502);
  expect(await answer.json()).toMatchObject({ code: 'source_unavailable' });
});
