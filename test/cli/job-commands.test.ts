import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { type CommandLine, openCommandLine } from '../support/command-line.ts';
import { test as base, urlOf } from '../support/database.ts';
import { serveFiles } from '../support/file-server.ts';
import { startTarget } from '../support/target.ts';

interface Home {
  readonly sluice: CommandLine;
  /** Writes a file into the home, which is the folder the commands run in. */
  readonly file: (name: string, text: string) => string;
  /** What a command answers a program. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers without their types
  readonly json: (...args: string[]) => Promise<any>;
}

const test = base.extend<Home>({
  sluice: [
    async ({ address }, use) => {
      const line = openCommandLine({ env: { DATABASE_URL: urlOf(address) } });
      await line.run(['init']);
      await use(line);
      line.close();
    },
    { scope: 'file' },
  ],
  file: async ({ sluice }, use) => {
    await use((name, text) => {
      sluice.write(name, text);
      return name;
    });
  },
  json: async ({ sluice }, use) => {
    await use(async (...args) => JSON.parse((await sluice.run([...args, '--json'])).stdout));
  },
});

test('what happened is searched, and one record tells its story', async ({ sluice, json, file }) => {
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

test('what is refused before anything happens exits with 2', async ({ sluice, file }) => {
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

test('the command that a refusal names is about the job that was named', async ({ sluice, json, file }) => {
  const id = async (name: string) =>
    (await json('start', 'example', file(name, `id,name,email\n${name},,x@y.z\n`))).batch_job_id;
  const [older] = [await id('older.csv'), await id('newer.csv')];

  const { stderr } = await sluice.run(['cancel', older]);

  expect(stderr).toContain(`\`sluice retry ${older}\``);
});

test('an export is refused when its name stands for a format that is not written', async ({
  sluice,
  file,
}) => {
  await sluice.run(['start', 'example', file('unnamed.csv', 'id,name,email\n9,,x@y.z\n')]);

  const refused = await sluice.run(['errors', '--output', 'failed.xlsx']);
  const plain = await sluice.run(['errors', '--output', 'failed']);

  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('.csv, .ndjson or .json') });
  expect(existsSync(join(sluice.home, 'failed.xlsx'))).toBe(false);
  expect(plain.code).toBe(0);
});

test('every cause is shown, not only those a conversation has room for', async ({ sluice, file }) => {
  const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
  const target = await startTarget({
    answer: ({ id }) => ({ kind: 'status', status: 422, body: { error: `no ${words[Number(id)]}` } }),
  });
  onTestFinished(() => target.close());
  file('flows/connectors.yaml', `choosy: { type: http, base_url: "${target.url}", allow_private: true }\n`);
  file('flows/choosy.yaml', 'flow: choosy\ntarget: { connector: choosy, endpoint: /things }\n');
  const rows = words.map((_, at) => `${at},Ada`);
  await sluice.run(['start', 'choosy', file('choosy.csv', `id,name\n${rows.join('\n')}\n`)]);

  const { stdout } = await sluice.run(['errors']);

  expect(stdout.match(/\[g[0-9a-f]+\]/g)).toHaveLength(words.length);
});

test('as many failed records are shown as are asked for, however long their causes are', async ({
  sluice,
  json,
  file,
}) => {
  const error = 'because '.repeat(200);
  const target = await startTarget({ answer: () => ({ kind: 'status', status: 422, body: { error } }) });
  onTestFinished(() => target.close());
  file('flows/connectors.yaml', `strict: { type: http, base_url: "${target.url}", allow_private: true }\n`);
  file('flows/strict.yaml', 'flow: strict\ntarget: { connector: strict, endpoint: /things }\n');
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

test('a job in which nothing succeeded has no results, and that is what is said', async ({
  sluice,
  json,
  file,
}) => {
  const path = file('nameless.csv', 'id,name,email\n1,,ada@example.com\n');
  const { batch_job_id } = await json('start', 'example', path);

  const shown = await sluice.run(['results', batch_job_id]);
  const written = await sluice.run(['results', batch_job_id, '--output', 'none.csv']);

  expect(shown.stdout).toContain(`Batch job ${batch_job_id} has no such records.`);
  expect(written.stdout + written.stderr).toContain('has no such records.');
});

test('records are given inline', async ({ sluice }) => {
  const records = JSON.stringify([{ id: '1', name: 'Ada', email: 'a@example.com' }]);

  const { code } = await sluice.run(['start', 'example', '--records', records, '--label', 'inline']);

  expect(code).toBe(0);
});

test('list shows the jobs, and takes the filters of the operation', async ({ sluice, json }) => {
  const everything = await sluice.run(['list', '--flow', 'example', '--since', '1h']);
  const running = await json('list', '--status', 'processing');

  expect(everything.stdout).toMatch(/^ID +FLOW +STATUS/);
  expect(everything.stdout).toContain('inline');
  expect(running).toEqual({ jobs: [] });
});

test('list shows as many jobs as are asked for, and the command that goes on', async ({ sluice, json }) => {
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

test('every operation can be called by its own name', async ({ json }) => {
  expect(await json('list-batch-jobs', '--limit', '1')).toMatchObject({ jobs: [{ flow: 'example' }] });
});

test('a job is taken back after a look at how, and its status says so', async ({ sluice, json, file }) => {
  const target = await startTarget({ answer: ({ id }) => ({ kind: 'ok', body: { id: `x-${id}` } }) });
  onTestFinished(() => target.close());
  file('flows/connectors.yaml', `shelf: { type: http, base_url: "${target.url}", allow_private: true }\n`);
  const undo = 'result: { id: response.id }\nundo: { endpoint: "/things/{{ result.id }}" }';
  file('flows/shelf.yaml', `flow: shelf\ntarget: { connector: shelf, endpoint: /things }\n${undo}\n`);
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

test('what a preview has fetched is started by the line it ends with, though its input is a pipe', async ({
  sluice,
  file,
}) => {
  const server = await serveFiles((_, response) => response.end('id,name\n1,Ada\n'));
  file('flows/connectors.yaml', `crm: { type: http, base_url: "${server.url}", allow_private: true }\n`);
  file('flows/any.yaml', 'flow: any\ntarget: echo\n');

  const { stdout } = await sluice.run(['preview', 'any', '--url', `${server.url}/a.csv`], { input: '' });
  const line = /`sluice (start any [^`]*--upload-id [^`]*)`/.exec(stdout)?.[1] ?? '';
  const started = await sluice.run(line.split(' '), { input: '' });

  expect(started).toMatchObject({ code: 0, stdout: expect.stringContaining('1 of 1 record') });
  expect(server.asked).toHaveLength(1);
});
