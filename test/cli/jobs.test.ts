import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { serveFiles } from '../support/file-server.ts';
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

test.each([
  [['errors', '--output', 'some.csv', '--group-id', 'g1'], '--group-id'],
  [['errors', '--output', 'some.csv', '--dead-letters'], '--dead-letters'],
  [['errors', '--output', 'some.csv', '--limit', '1'], '--limit'],
  [['results', '--output', 'some.csv', '--limit', '1'], '--limit'],
  [['results', '--output', 'some.csv', '--cursor', '0'], '--cursor'],
  [['errors', '--ndjson', '--output', 'some.csv'], 'another format than --ndjson'],
  [['results', '--csv', '--output', 'some.json'], 'another format than --csv'],
])('a file of all records is refused with what chooses some, or another format: %s', async (args, said) => {
  const { code, stderr } = await sluice.run(args);

  expect(stderr).toContain(said);
  expect(code).toBe(2);
  expect(existsSync(join(sluice.home, 'some.csv'))).toBe(false);
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

test('an export goes through a pipe or a link, and takes nothing away where it cannot be written', async () => {
  const at = (name: string) => join(sluice.home, name);
  const path = file('worse.csv', 'id,name,email\n7,,grace@example.com\n');
  await sluice.run(['start', 'example', path]);
  execFileSync('mkfifo', [at('pipe.csv')]);
  file('behind.csv', 'old');
  symlinkSync('behind.csv', at('link.csv'));
  const socket = createServer().listen(at('socket'));
  onTestFinished(() => void socket.close());
  await once(socket, 'listening');
  symlinkSync('socket', at('closed.csv'));

  const piped = readFile(at('pipe.csv'), 'utf8');
  const written = [];
  for (const name of ['pipe.csv', 'link.csv', 'closed.csv']) {
    written.push((await sluice.run(['errors', '--output', name])).code);
  }

  expect(written).toEqual([0, 0, 2]);
  expect(await piped).toContain('7,,grace@example.com');
  expect(readFileSync(at('behind.csv'), 'utf8')).toBe(await piped);
  expect(lstatSync(at('link.csv')).isSymbolicLink()).toBe(true);
  expect(lstatSync(at('pipe.csv')).isFIFO()).toBe(true);
  expect(lstatSync(at('closed.csv')).isSymbolicLink()).toBe(true);
  expect(lstatSync(at('socket')).isSocket()).toBe(true);
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

test('a pipe that cannot be kept is told by the folder, and starts nothing', async () => {
  const home = join(sluice.home, 'other');
  mkdirSync(home);
  writeFileSync(join(home, 'exports'), 'no folder');

  const { code, stderr } = await sluice.run(['start', 'example', '-'], {
    input: 'id\n1\n',
    env: { SLUICE_HOME: home },
  });

  expect(stderr).toMatch(/through the pipe cannot be written to .*exports \(EEXIST\)\. Give Sluice room/);
  expect(code).toBe(2);
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
