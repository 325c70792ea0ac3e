import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openFlowLibrary } from '../../src/flows/flow-library.ts';

async function library(files: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-flows-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  for (const [name, text] of Object.entries(files)) await write(name, text);
  return { folder, write, flows: openFlowLibrary(folder) };
}

const flow = (name: string, version?: number) =>
  `flow: ${name}\n${version === undefined ? '' : `version: ${version}\n`}target: echo\n`;

test('every flow of the folder is listed, by name and from the highest version down', async () => {
  const { flows } = await library({
    'b.yaml': flow('beta'),
    'a1.yml': flow('alpha', 1),
    'a2.yaml': flow('alpha', 2),
    'connectors.yaml': 'crm: { type: http, base_url: https://x.example }',
    'notes.txt': 'flow: no',
    '.hidden.yaml': flow('hidden'),
  });

  expect((await flows.list()).map(({ name, version, summary }) => [name, version, summary])).toEqual([
    ['alpha', 2, 'echo: the mapped record is the result'],
    ['alpha', 1, 'echo: the mapped record is the result'],
    ['beta', null, 'echo: the mapped record is the result'],
  ]);
});

test('a flow is found by name, by name and version, and by id', async () => {
  const { flows } = await library({
    'a1.yaml': flow('alpha', 1),
    'a2.yaml': flow('alpha', 2),
    'b.yaml': flow('beta'),
  });

  const byName = await flows.find('alpha');

  expect(byName.version).toBe(2);
  expect((await flows.find('alpha@1')).version).toBe(1);
  expect((await flows.find(byName.flowId.toUpperCase())).version).toBe(2);
  expect((await flows.find('beta')).name).toBe('beta');
});

test('a name that is not there names the nearest, and the folder', async () => {
  const { flows, folder } = await library({ 'a.yaml': flow('customer-import', 1) });

  await expect(flows.find('custmer-import')).rejects.toMatchObject({
    code: 'flow_not_found',
    message: `There is no flow "custmer-import" in ${folder}; did you mean "customer-import"?`,
  });
  await expect(flows.find('customer-import@9')).rejects.toThrow('did you mean "customer-import@1"?');
  await expect(flows.find('zzz')).rejects.toThrow('known here: customer-import, customer-import@1');
});

test('a folder that is not there has no flows, and says how to get one', async () => {
  const flows = openFlowLibrary(join(tmpdir(), 'sluice-no-such-folder'));

  expect(await flows.list()).toEqual([]);
  await expect(flows.find('x')).rejects.toMatchObject({
    code: 'flow_not_found',
    message: expect.stringMatching(/sluice init .*SLUICE_FLOWS/),
  });
});

test('an edited file is read again without a restart', async () => {
  const { flows, write } = await library({ 'a.yaml': flow('alpha', 1) });
  const before = await flows.find('alpha');

  await write('a.yaml', `${flow('alpha', 1)}description: reworded\n`);
  const after = await flows.find('alpha');
  await write('b.yaml', flow('beta'));

  expect(after.description).toBe('reworded');
  expect(after.revision).not.toBe(before.revision);
  expect((await flows.find('beta')).name).toBe('beta');
});

test('a file that did not change is compiled once', async () => {
  const { flows } = await library({ 'a.yaml': flow('alpha') });

  expect(await flows.find('alpha')).toBe(await flows.find('alpha'));
});

test('an invalid flow is listed with its problems and found by its name', async () => {
  const { flows, folder } = await library({
    'a.yaml': 'flow: alpha\nversion: 3\ntarget: echo\nmaping: {}\nbatch: 1\n',
  });

  expect(await flows.list()).toMatchObject([
    { name: 'alpha', version: 3, summary: null, problems: [{ line: 4 }, { line: 5 }] },
  ]);
  await expect(flows.find('alpha')).rejects.toMatchObject({
    code: 'flow_invalid',
    message: expect.stringContaining(
      `${join(folder, 'a.yaml')}:4:1 unknown key "maping"; did you mean "mapping"?`,
    ),
  });
});

test('a broken newest version is not passed over for an older one', async () => {
  const { flows } = await library({ 'a1.yaml': flow('alpha', 1), 'a2.yaml': 'flow: alpha\nversion: 2\n' });

  await expect(flows.find('alpha')).rejects.toMatchObject({ code: 'flow_invalid' });
  expect((await flows.find('alpha@1')).version).toBe(1);
});

test('two files with the same name and version are a problem of both', async () => {
  const { flows, folder } = await library({ 'a.yaml': flow('alpha', 1), 'copy.yaml': flow('alpha', 1) });

  expect((await flows.list()).map(({ problems }) => problems.length)).toEqual([1, 1]);
  await expect(flows.find('alpha')).rejects.toThrow('give one of them another version');
  await rm(join(folder, 'copy.yaml'));
  expect((await flows.find('alpha')).version).toBe(1);
});

test('a symbolic link is not followed', async () => {
  const { flows, folder } = await library();
  const outside = await mkdtemp(join(tmpdir(), 'sluice-outside-'));
  onTestFinished(() => rm(outside, { recursive: true }));
  await writeFile(join(outside, 'secret.yaml'), flow('secret'));
  await symlink(join(outside, 'secret.yaml'), join(folder, 'link.yaml'));

  expect(await flows.list()).toMatchObject([
    { name: 'link', problems: [{ message: expect.stringContaining('symbolic link') }] },
  ]);
});

test.each(['../x', '/etc/passwd', 'C:\\x', 'a\u0000b', '', '__proto__', 'constructor', 'x'.repeat(100_000)])(
  'the reference %j is looked up among the names, never as a path',
  async (reference) => {
    const { flows } = await library({ 'a.yaml': flow('alpha') });

    await expect(flows.find(reference)).rejects.toMatchObject({ code: 'flow_not_found' });
  },
);

test('a folder among the files is passed over', async () => {
  const { flows, folder } = await library({ 'a.yaml': flow('alpha') });
  await mkdir(join(folder, 'folder.yaml'));

  expect(await flows.list()).toHaveLength(1);
});

test('a file of the same size, written at the same time as before, is still seen to have changed', async () => {
  const { flows, folder, write } = await library({ 'a.yaml': flow('alpha', 1) });
  const time = new Date('2026-01-01');
  await utimes(join(folder, 'a.yaml'), time, time);
  await flows.list();

  await write('a.yaml', flow('alpha', 2));
  await utimes(join(folder, 'a.yaml'), time, time);

  expect((await flows.find('alpha')).version).toBe(2);
});

test('a file in another encoding than UTF-8 is refused, so that nothing is sent as it was not written', async () => {
  const { flows, folder } = await library();
  await writeFile(join(folder, 'old.yaml'), Buffer.from(`${flow('old')}description: Größe\n`, 'latin1'));

  expect(await flows.list()).toMatchObject([
    { name: 'old', problems: [{ message: expect.stringContaining('is not UTF-8 text') }] },
  ]);
});
