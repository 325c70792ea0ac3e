import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { serveFiles } from '../support/file-server.ts';
import { startTarget } from '../support/target.ts';
import { type BuiltCommand, openCommand } from './built-command.ts';

let sluice: BuiltCommand;

beforeAll(async () => {
  sluice = await openCommand();
  await sluice.run(['init']);
});
afterAll(() => sluice.close());

const file = (name: string, text: string) => {
  writeFileSync(join(sluice.home, name), text);
  return name;
};
const json = async (...args: string[]) => JSON.parse((await sluice.run([...args, '--json'])).stdout);

test('the example of init runs, and says so', async () => {
  const { code, stdout } = await sluice.run(['start', 'example', 'exports/example-customers.csv']);

  expect(stdout).toContain('completed  5 of 5 records (100 %)');
  expect(stdout).toMatch(/succeeded +5/);
  expect(code).toBe(0);
});

test('with --json the answer is one document and nothing else', async () => {
  const path = file('few.csv', 'id,name,email\n1,Ada,ada@example.com\n');

  const { code, stdout, stderr } = await sluice.run(['start', 'example', path, '--json']);

  expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', finished: true, total: 1 });
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

test('a failed record makes the exit code 1, and can be looked at, exported and retried', async () => {
  const path = file('bad.csv', 'id,name,email\n1,Ada,ada@example.com\n2,,grace@example.com\n');

  const started = await sluice.run(['start', 'example', path]);
  const errors = await sluice.run(['errors']);
  const csv = await sluice.run(['errors', '--csv']);
  const written = await sluice.run(['errors', '--output', 'failed.ndjson']);
  const retried = await sluice.run(['retry', '--ids', '2', '--json']);

  expect(started).toMatchObject({ code: 1 });
  expect(started.stdout).toContain('completed_with_errors');
  expect(started.stdout).toContain('1 failed  data');
  expect(errors.stdout).toContain('record 1 (2)');
  expect(csv.stdout).toContain('2,,grace@example.com');
  expect(csv.stderr).toBe('');
  expect(written.code).toBe(0);
  const [line = ''] = readFileSync(join(sluice.home, 'failed.ndjson'), 'utf8').split('\n');
  expect(JSON.parse(line)).toMatchObject({ index: 1, payload: { name: '' } });
  expect(JSON.parse(retried.stdout).counts).toMatchObject({ succeeded: 1, retried_failed: 1 });
  expect(retried.code).toBe(1);
});

test('what happened is searched, and one record tells its story', async () => {
  const path = file('story.csv', 'id,name,email\n1,Ada,ada@example.com\n2,,story@example.com\n');
  const { batch_job_id } = await json('start', 'example', path);

  const found = await sluice.run(['logs', 'search', 'example', '--status', 'failed', '--since', '1h']);
  const ofJob = await json('logs', 'search', '--job', batch_job_id, '--text', 'FINISHED as');
  const story = await sluice.run(['record', 'latest', '1']);
  const wrong = await sluice.run(['record', 'latest', 'two']);

  expect(found.stdout).toContain(`failed  ${batch_job_id} record 1 (2)  attempt 1, data, `);
  expect(ofJob.lines).toMatchObject([{ kind: 'finished', flow: 'example' }]);
  expect(story.stdout).toContain('Record 1 (2)  failed');
  expect(story.stdout).toContain('"email":"story@example.com"');
  expect(story.stdout).toContain('`sluice retry');
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('numbered from 0') });
});

test('records come through a pipe, and the same ones again are seen to be the same', async () => {
  const input = '{"id":"1","name":"Ada","email":"a@example.com"}\n{"id":"2","name":"B","email":"b@b"}\n';

  const first = await sluice.run(['start', 'example', '-', '--json'], { input });
  const second = await sluice.run(['start', 'example', '--detach', '--json'], { input });

  expect(JSON.parse(first.stdout)).toMatchObject({ status: 'completed', total: 2 });
  expect(JSON.parse(second.stdout).earlier_job).toBe(JSON.parse(first.stdout).batch_job_id);
});

test('a named pipe is read as one on standard input is', async () => {
  const pipe = join(sluice.home, 'rows.pipe');
  execFileSync('mkfifo', [pipe]);

  const started = sluice.run(['start', 'example', 'rows.pipe', '--json']);
  await writeFile(pipe, 'id,name,email\n1,Ada,ada@example.com\n');

  expect(JSON.parse((await started).stdout)).toMatchObject({ status: 'completed', total: 1 });
});

test('an empty pipe starts nothing', async () => {
  const { code, stderr } = await sluice.run(['start', 'example', '-'], { input: '' });

  expect(code).toBe(2);
  expect(stderr).toContain('Nothing came through the pipe');
});

test('what is refused before anything happens exits with 2', async () => {
  await sluice.run(['start', 'example', file('sound.csv', 'id,name,email\n1,Ada,ada@example.com\n')]);
  const refusals = [
    ['start example nofile.csv', 'There is no file'],
    ['start noflow sound.csv', 'There is no flow'],
    ['retry latest --file nofile.csv', 'There is no file'],
    ['retry latest', 'fits the selection'],
    ['status 99999999', 'No batch job has the id'],
    ['tokens revoke 5f0c31aa', 'No token'],
  ] as const;

  const ended = await Promise.all(refusals.map(([line]) => sluice.run(line.split(' '))));

  expect(ended.map(({ code, stdout }) => [code, stdout])).toEqual(refusals.map(() => [2, '']));
  expect(ended.map(({ stderr }) => stderr)).toEqual(
    refusals.map(([, words]) => expect.stringContaining(words)),
  );
});

test('the command that a refusal names is about the job that was named', async () => {
  const id = async (name: string) =>
    (await json('start', 'example', file(name, `id,name,email\n${name},,x@y.z\n`))).batch_job_id;
  const [older] = [await id('older.csv'), await id('newer.csv')];

  const { stderr } = await sluice.run(['cancel', older]);

  expect(stderr).toContain(`\`sluice retry ${older}\``);
});

test('an export is refused when its name stands for a format that is not written', async () => {
  await sluice.run(['start', 'example', file('unnamed.csv', 'id,name,email\n9,,x@y.z\n')]);

  const refused = await sluice.run(['errors', '--output', 'failed.xlsx']);
  const plain = await sluice.run(['errors', '--output', 'failed']);

  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('.csv, .ndjson or .json') });
  expect(existsSync(join(sluice.home, 'failed.xlsx'))).toBe(false);
  expect(plain.code).toBe(0);
});

test('every cause is shown, not only those a conversation has room for', async () => {
  const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
  const target = await startTarget({
    answer: ({ id }) => ({ kind: 'status', status: 422, body: { error: `no ${words[Number(id)]}` } }),
  });
  onTestFinished(() => target.close());
  const flows = join(sluice.home, 'flows');
  writeFileSync(
    join(flows, 'connectors.yaml'),
    `choosy: { type: http, base_url: "${target.url}", allow_private: true }\n`,
  );
  writeFileSync(
    join(flows, 'choosy.yaml'),
    'flow: choosy\ntarget: { connector: choosy, endpoint: /things }\n',
  );
  const rows = words.map((_, at) => `${at},Ada`);
  await sluice.run(['start', 'choosy', file('choosy.csv', `id,name\n${rows.join('\n')}\n`)]);

  const { stdout } = await sluice.run(['errors']);

  expect(stdout.match(/\[g[0-9a-f]+\]/g)).toHaveLength(words.length);
});

test('as many failed records are shown as are asked for, however long their causes are', async () => {
  const error = 'because '.repeat(200);
  const target = await startTarget({ answer: () => ({ kind: 'status', status: 422, body: { error } }) });
  onTestFinished(() => target.close());
  const flows = join(sluice.home, 'flows');
  writeFileSync(
    join(flows, 'connectors.yaml'),
    `strict: { type: http, base_url: "${target.url}", allow_private: true }\n`,
  );
  writeFileSync(
    join(flows, 'strict.yaml'),
    'flow: strict\ntarget: { connector: strict, endpoint: /things }\n',
  );
  const rows = Array.from({ length: 30 }, (_, at) => `${at},Ada`);
  await sluice.run(['start', 'strict', file('strict.csv', `id,name\n${rows.join('\n')}\n`)]);

  const usual = await json('errors');
  const more = await sluice.run(['errors', '--limit', '25']);

  expect(usual.errors).toHaveLength(10);
  expect(usual.next_cursor).toBe('9');
  expect(usual.groups).toHaveLength(1);
  expect(more.stdout.match(/^record \d+/gm)).toHaveLength(25);
  expect(more.stdout).toContain(`More: \`sluice errors ${usual.batch_job_id} --limit 25 --cursor 24\``);
});

test('records are given inline', async () => {
  const records = JSON.stringify([{ id: '1', name: 'Ada', email: 'a@example.com' }]);

  const { code } = await sluice.run(['start', 'example', '--records', records, '--label', 'inline']);

  expect(code).toBe(0);
});

test('a file outside the allowed folders may be named at the command line', async () => {
  const path = file('aside.csv', 'id,name,email\n1,Ada,ada@example.com\n');

  const { code } = await sluice.run(['start', 'example', path], { env: { SLUICE_FILES: '/nowhere' } });

  expect(code).toBe(0);
});

test('a detached job goes on without the command', async () => {
  const rows = Array.from({ length: 2000 }, (_, at) => `${at},Ada ${at},a${at}@example.com`);
  const path = file('many.csv', `id,name,email\n${rows.join('\n')}\n`);

  const started = await sluice.run(['start', 'example', path, '--detach', '--json']);
  const { batch_job_id } = JSON.parse(started.stdout);
  const waited = await sluice.run(['status', batch_job_id.slice(0, 18), '--wait', '--json']);

  expect(started.code).toBe(0);
  expect(JSON.parse(waited.stdout)).toMatchObject({ batch_job_id, status: 'completed', total: 2000 });
  expect(waited.code).toBe(0);
});

test('list shows the jobs, and takes the filters of the operation', async () => {
  const everything = await sluice.run(['list', '--flow', 'example', '--since', '1h']);
  const running = await json('list', '--status', 'processing');

  expect(everything.stdout).toMatch(/^ID +FLOW +STATUS/);
  expect(everything.stdout).toContain('inline');
  expect(running).toEqual({ jobs: [] });
});

test('list shows as many jobs as are asked for, and the command that goes on', async () => {
  const label = 'as long as a conversation has room for '.repeat(4);
  const started = Array.from({ length: 8 }, (_, at) =>
    sluice.run(['start', 'example', '--records', `[{"id":"L${at}"}]`, '--label', label]),
  );
  await Promise.all(started);

  const { jobs } = await json('list', '--limit', '8');
  const { stdout } = await sluice.run(['list', '--flow', 'example', '--offset', '1', '--limit', '2']);
  const [, more = ''] = /More: `sluice (.*)`/.exec(stdout) ?? [];
  const next = await json(...more.split(' '));

  expect(jobs).toHaveLength(8);
  expect(more).toMatch(/^list --flow example --limit 2 --cursor \S+$/);
  expect(next.jobs[0].batch_job_id).toBe(jobs[3].batch_job_id);
});

test('every operation can be called by its own name', async () => {
  expect(await json('list-batch-jobs', '--limit', '1')).toMatchObject({ jobs: [{ flow: 'example' }] });
});

test('a job is taken back after a look at how, and its status says so', async () => {
  const target = await startTarget({ answer: ({ id }) => ({ kind: 'ok', body: { id: `x-${id}` } }) });
  onTestFinished(() => target.close());
  const flows = join(sluice.home, 'flows');
  writeFileSync(
    join(flows, 'connectors.yaml'),
    `shelf: { type: http, base_url: "${target.url}", allow_private: true }\n`,
  );
  const undo = 'result: { id: response.id }\nundo: { endpoint: "/things/{{ result.id }}" }';
  writeFileSync(
    join(flows, 'shelf.yaml'),
    `flow: shelf\ntarget: { connector: shelf, endpoint: /things }\n${undo}\n`,
  );
  const { batch_job_id: id } = await json('start', 'shelf', file('shelf.csv', 'id,name\n1,Ada\n2,Grace\n'));

  const looked = await sluice.run(['undo', id, '--preview']);
  const asked = await sluice.run(['undo', id]);
  const undone = await sluice.run(['undo', id, '--yes']);
  const status = await sluice.run(['status', id]);

  expect(looked.stdout).toContain(`Takes back 2 records of ${id}: DELETE shelf /things/{{ result.id }}`);
  expect(looked.stdout).toContain(`record 0 DELETE ${target.url}/things/x-1`);
  expect(looked).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing was sent.') });
  expect(asked.stderr).toContain(`Takes back 2 records of ${id}`);
  expect(asked.stderr).toContain('at a terminal, or with --yes. Nothing was changed.');
  expect(asked).toMatchObject({ code: 2, stdout: '' });
  expect(undone.stdout).toContain(`Takes back ${id}.`);
  expect(undone.code).toBe(0);
  expect(status.stdout).toContain('Taken back since: 2 records.');
  expect(target.hits.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
    ...['DELETE /things/x-1', 'DELETE /things/x-2', 'POST /things', 'POST /things'],
  ]);
});

test('the line of docs/flows.md starts the file behind a connector, and one that waits for a person keeps its bytes', async () => {
  let content = 'id,name\n1,Ada\n2,Bob\n';
  const server = await serveFiles((_, response) => response.end(content));
  const declared = `crm: { type: http, base_url: "${server.url}", allow_private: true }\n`;
  file('flows/connectors.yaml', declared);
  file('flows/customer-import.yaml', 'flow: customer-import\ntarget: echo\n');
  file('flows/asked.yaml', 'flow: asked\nconfirm: human\ntarget: echo\n');
  const page = readFileSync(join(import.meta.dirname, '../../docs/flows.md'), 'utf8');
  const line = /^sluice (start customer-import --url .*)$/m.exec(page)?.[1] ?? '';
  const args = line.replace('https://crm.example.com', server.url).split(' ');

  const started = await sluice.run(args);
  const url = args.at(-1) ?? '';
  const waiting = await json('start', 'asked', '--url', `${url}?key=hidden`, '--detach');
  content = 'id,name\n9,Eve\n';
  const { stdout: listed } = await sluice.run(['list', '--flow', 'asked']);
  const approved = await sluice.run(['approve', waiting.batch_job_id, '--yes']);
  const { stdout } = await sluice.run(['status', waiting.batch_job_id, '--wait', '--json']);
  const elsewhere = await sluice.run(['start', 'asked', '--url', 'https://elsewhere.example/a.csv']);

  expect(started).toMatchObject({ code: 0, stdout: expect.stringContaining('2 of 2 records') });
  expect(listed).toContain(new URL(url).host);
  expect(approved.stderr).toContain(`${url}, which is read once it is approved`);
  expect(listed + approved.stderr).not.toContain('hidden');
  expect(JSON.parse(stdout)).toMatchObject({ total: 2, counts: { succeeded: 2 } });
  expect(elsewhere).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(
      'Type `sluice connect NAME https://elsewhere.example` to declare another one.',
    ),
  });
});

test('what a preview has fetched is started by the line it ends with, though its input is a pipe', async () => {
  const server = await serveFiles((_, response) => response.end('id,name\n1,Ada\n'));
  file('flows/connectors.yaml', `crm: { type: http, base_url: "${server.url}", allow_private: true }\n`);
  file('flows/any.yaml', 'flow: any\ntarget: echo\n');

  const { stdout } = await sluice.run(['preview', 'any', '--url', `${server.url}/a.csv`], { input: '' });
  const line = /`sluice (start any [^`]*--upload-id [^`]*)`/.exec(stdout)?.[1] ?? '';
  const started = await sluice.run(line.split(' '), { input: '' });

  expect(started).toMatchObject({ code: 0, stdout: expect.stringContaining('1 of 1 record') });
  expect(server.asked).toHaveLength(1);
});
