import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test as base, expect } from 'vitest';
import { approveCommand } from '../../src/flows/drafts.ts';
import { type CommandLine, openCommandLine } from '../support/command-line.ts';
import { startTarget, status, type Target } from '../support/target.ts';

const test = base.extend<{ line: CommandLine; target: Target }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  line: async ({}, use) => {
    const line = openCommandLine();
    await use(line);
    line.close();
  },
  target: async ({ line }, use) => {
    const target = await startTarget({
      answer: ({ method }) =>
        method === 'GET' ? { kind: 'ok', body: { id: 'c-1' } } : status(201, { made: 1 }),
    });
    line.write(
      'flows/connectors.yaml',
      `crm: { type: http, base_url: "${target.url}", allow_private: true }\n`,
    );
    await use(target);
    await target.close();
  },
});

const steps = `flow: import
params: { region: EU }
steps:
  find: { type: http_request, connector: crm, path: "/c/{{ record.id }}" }
  rare: { type: echo, when: record.id == "none" }
  send:
    type: http_request
    connector: crm
    path: /c
    method: POST
    body: { found: "{{ steps.find.result.body.id }}", region: "{{ params.region }}" }
`;
const mapping = `flow: send
target: { connector: crm, endpoint: "/c/{{ source.id }}", method: POST }
mapping: { name: source.name | required }
`;
const draft = `flow: notify
steps:
  tell: { type: http_request, url: "https://hooks.example.com/x", method: POST }
`;

test('a test shows what each step gets and gives, and changes nothing', async ({ line, target }) => {
  line.write('import.yaml', steps);
  line.write('ada.json', '{"id": "7"}');

  const { code, stdout } = await line.run(['flows', 'test', 'import.yaml', 'ada.json']);

  expect(code).toBe(0);
  expect(stdout.split('\n')).toEqual([
    'find  http_request  done',
    expect.stringMatching(/^ {2}in {3}\{"method":"GET".*"path":"\/c\/7"/),
    expect.stringMatching(/^ {2}out {2}\{"status":200.*"id":"c-1"/),
    'rare  echo  skipped',
    'send  http_request  withheld (it would change something outside; --run runs it)',
    expect.stringMatching(/^ {2}in {3}.*"body":\{"found":"c-1","region":"EU"\}/),
    'result  null',
    '',
  ]);
  expect(target.hits.map(({ method }) => method)).toEqual(['GET']);
  expect(existsSync(join(line.home, 'postgres'))).toBe(false);
});

test('with --run every step is run, with the params that are given', async ({ line, target }) => {
  line.write('flows/import.yaml', steps);

  const args = ['flows', 'test', 'import', '-', '--run', '--params', '{"region": "US"}', '--json'];
  const { code, stdout } = await line.run(args, { input: '{"id": "7"}' });

  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    flow: 'import',
    steps: [
      { status: 'done' },
      { status: 'skipped' },
      { step: 'send', status: 'done', output: { status: 201 } },
    ],
    result: { status: 201, body: { made: 1 } },
  });
  expect(target.hits.map(({ method, body }) => [method, body])).toEqual([
    ['GET', null],
    ['POST', { found: 'c-1', region: 'US' }],
  ]);
  expect(target.hits[1]?.headers['idempotency-key']).toBeDefined();
});

test('a mapping flow is tested by its request', async ({ line, target }) => {
  line.write('flows/send.yaml', mapping);

  const { stdout } = await line.run(['flows', 'test', 'send', '-', '--json'], {
    input: '{"id": "a/b", "name": "Ada"}',
  });
  const broken = await line.run(['flows', 'test', 'send', '-'], { input: '{"id": "7"}' });

  expect(JSON.parse(stdout).steps).toEqual([
    {
      step: 'target',
      kind: 'http_request',
      status: 'withheld',
      input: {
        method: 'POST',
        to: 'crm /c/{{ source.id }}',
        path: '/c/a%2Fb',
        query: {},
        headers: {},
        body: { name: 'Ada' },
      },
      output: null,
    },
  ]);
  expect(broken).toMatchObject({ code: 1, stdout: expect.stringContaining('required_field_missing') });
  expect(target.hits).toEqual([]);
});

test('a mapping flow that only reads, or calls nothing, is run', async ({ line, target }) => {
  line.write(
    'flows/get.yaml',
    'flow: get\ntarget: { connector: crm, endpoint: /c, method: GET }\nmapping: { q: source.id }\n',
  );
  line.write('flows/tidy.yaml', 'flow: tidy\ntarget: echo\nmapping: { q: source.id | uppercase }\n');

  const read = await line.run(['flows', 'test', 'get', '-', '--json'], { input: '{"id": "a"}' });
  const mapped = await line.run(['flows', 'test', 'tidy', '-', '--json'], { input: '{"id": "a"}' });

  expect(JSON.parse(read.stdout)).toMatchObject({
    steps: [{ status: 'done', input: { method: 'GET', query: { q: 'a' } }, output: { status: 200 } }],
    result: { status: 200, body: { id: 'c-1' } },
  });
  expect(JSON.parse(mapped.stdout)).toMatchObject({
    steps: [{ step: 'mapping', kind: 'echo', status: 'done', input: { id: 'a' }, output: { q: 'A' } }],
    result: { q: 'A' },
  });
  expect(target.hits).toHaveLength(1);
});

test('a flow whose connector is missing is shown as far as it goes', async ({ line }) => {
  line.write('flows/import.yaml', steps);

  const { code, stdout } = await line.run(['flows', 'test', 'import', '-'], { input: '{"id": "7"}' });

  expect(stdout).toMatch(/find {2}http_request {2}failed\n {2}in .*"path":"\/c\/7"/);
  expect(stdout).toContain('No connector is named crm');
  expect(code).toBe(1);
});

test.each([
  [['flows', 'test', 'nowhere', '-'], '{}', 'There is no flow "nowhere"'],
  [['flows', 'test', 'nowhere.yaml', '-'], '{}', 'cannot be read: there is no such file'],
  [['flows', 'test', 'import', 'none.json'], '', '"none.json" cannot be read: there is no such file'],
  [['flows', 'test', 'import', 'flows'], '', '"flows" cannot be read: it is a folder'],
  [['flows', 'test', 'import', '-'], '[{"id": "7"}]', 'Standard input holds a list; take one element of it'],
  [['flows', 'test', 'import', '-'], '5', 'Standard input holds no record. A record is a JSON object'],
  [['flows', 'test', 'import', '-'], '{"a":', 'Standard input is not one JSON value'],
  [['flows', 'test', 'import', '-', '--params', '{"regoin": 1}'], '{}', 'did you mean region'],
  [['flows', 'test', 'import', '-', '--params', 'x'], '{}', 'It must be JSON'],
])('%j is refused', async (args, input, words) => {
  const line = openCommandLine();
  line.write('flows/import.yaml', steps);

  const { code, stderr } = await line.run(args, { input });
  line.close();

  expect(stderr).toContain(words);
  expect([1, 2]).toContain(code);
});

test('a program of this machine runs in a test only where the operator allows it', async ({ line }) => {
  const flow = 'flow: run\nsteps: { a: { type: shell, command: [touch, "{{ record.file }}"] } }\n';
  line.write('flows/run.yaml', flow);
  const input = JSON.stringify({ file: join(line.home, 'canary') });

  const looked = await line.run(['flows', 'test', 'run', '-'], { input });
  const refused = await line.run(['flows', 'test', 'run', '-', '--run'], { input });
  const allowing = openCommandLine({ home: line.home, env: { SLUICE_ALLOW_CODE_STEPS: '1' } });

  expect(looked.stdout).toContain('withheld');
  expect(refused.stdout).toContain('SLUICE_ALLOW_CODE_STEPS=1');
  expect(refused.code).toBe(1);
  expect(existsSync(join(line.home, 'canary'))).toBe(false);
  expect((await allowing.run(['flows', 'test', 'run', '-', '--run'], { input })).code).toBe(0);
  expect(existsSync(join(line.home, 'canary'))).toBe(true);
});

test('a flow is saved from a file or a pipe, and changed by its revision', async ({ line }) => {
  line.write('new.yaml', mapping);

  const saved = await line.run(['flows', 'save', 'new.yaml', '--json']);
  const again = await line.run(['flows', 'save', '-'], { input: `${mapping}# more\n` });
  const { revision } = JSON.parse(saved.stdout);
  const changed = await line.run(['flows', 'save', '-', '--replaces', revision], {
    input: `${mapping}# more\n`,
  });

  expect(saved.code).toBe(0);
  expect(again).toMatchObject({ code: 1, stdout: expect.stringContaining(`--replaces ${revision}`) });
  expect(changed.code).toBe(0);
  expect(changed.stdout).toContain('Type: sluice connect crm https://HOST --bearer');
  expect(line.read('flows/send.yaml')).toBe(`${mapping}# more\n`);
});

test('what is approved is the text that was shown', async ({ line }) => {
  await line.run(['flows', 'save', '-'], { input: draft });
  const file = join(line.home, 'flows/drafts/notify.yaml');

  const listed = await line.run(['flows', 'list']);
  const none = await line.run(['flows', 'approve', 'other']);
  const approved = await line.run(['flows', 'approve', 'notify', '--yes']);

  expect(listed.stdout).toContain('`sluice flows approve notify`');
  expect(listed.stdout).toContain('calls hooks.example.com');
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('There are notify.') });
  expect(approved.stderr).toContain(draft.trimEnd());
  expect(approved.stderr.indexOf('calls hooks.example.com')).toBeGreaterThan(
    approved.stderr.indexOf('steps:'),
  );
  expect(readFileSync(join(line.home, 'flows/notify.yaml'), 'utf8')).toBe(draft);
  expect(existsSync(file)).toBe(false);
});

test('an approved draft takes the place of the flow it changes, and says so first', async ({ line }) => {
  line.write('flows/mine.yaml', 'flow: notify\ntarget: echo\n');
  const { stdout } = await line.run(['flows', 'save', '-', '--json'], { input: draft });
  const [, revision = ''] = /replaces: \\"(\w+)\\"/.exec(stdout) ?? [];
  await line.run(['flows', 'save', '-', '--replaces', revision], { input: draft });

  const approved = await line.run(['flows', 'approve', 'notify'], { typed: 'yes\n' });

  expect(approved.stderr).toMatch(/takes the place of the flow in .*mine\.yaml/);
  expect(approved.code).toBe(0);
  expect(line.read('flows/mine.yaml')).toBe(draft);
});

test('the draft of an owner is approved by the command they are told', async ({ line }) => {
  line.write('owners/ada/flows/drafts/notify.yaml', draft);
  const command = approveCommand({ name: 'notify', owner: 'ada' });

  const withoutOwner = await line.run(['flows', 'approve', 'notify', '--yes']);
  const approved = await line.run([...command.split(' ').slice(1), '--yes']);

  expect(withoutOwner).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no draft') });
  expect(approved.code).toBe(0);
  expect(line.read('owners/ada/flows/notify.yaml')).toBe(draft);
  expect(approveCommand({ name: 'notify', owner: "auth0|a'b" })).toBe(
    "sluice flows approve notify --owner 'auth0|a'\\''b'",
  );
});

test('a draft cannot steer the terminal of the person who reads it', async ({ line }) => {
  const sly = `${draft.trimEnd()} # \u001b[2Kharmless \u202e\n`;
  line.write('flows/drafts/notify.yaml', sly);

  const { stderr } = await line.run(['flows', 'approve', 'notify'], { typed: 'n\n' });

  expect(stderr).not.toMatch(/[^\n\P{C}]/u);
  expect(stderr).toContain('�[2Kharmless �');
});

test('the reference is shown as it is written, and a refused flow names its topic as a command', async ({
  line,
}) => {
  const whole = await line.run(['flows', 'reference']);
  const { code, stdout } = await line.run(['flows', 'reference', 'echo']);
  const json = await line.run(['flows', 'reference', 'echo', '--json']);
  const none = await line.run(['flows', 'reference', 'ecko']);
  const refused = await line.run(['flows', 'save', '-'], {
    input: 'steps:\n  - { type: echo, mesage: 1 }\n',
  });

  expect(whole.stdout).toMatch(/^## The smallest flows\n/);
  expect(whole.stdout).toMatch(/^http_request {2,}Calls an HTTP API/m);
  expect(code).toBe(0);
  expect(stdout).toContain('## echo\n\nGives back what it is given, and calls nothing.');
  expect(stdout).toContain('```yaml\ntype: echo\n');
  expect(JSON.parse(json.stdout).topic).toBe('echo');
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean echo?') });
  expect(refused.stdout).toContain('`sluice flows reference echo` tells how this is written.');
});

test('the schema is one document for editors', async ({ line }) => {
  const { code, stdout } = await line.run(['flows', 'schema']);

  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ title: 'Sluice flow', definitions: { step_http_request: {} } });
});
