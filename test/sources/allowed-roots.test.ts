import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultRoots, resolveAllowed } from '../../src/sources/allowed-roots.ts';
import { openRegularFile } from '../../src/sources/regular-file.ts';
import { temporaryFolder } from './written-file.ts';

const folder = await temporaryFolder();
const home = join(folder, 'home');
const outside = join(folder, 'outside');
const downloads = join(home, 'Downloads');
await mkdir(join(downloads, 'deep'), { recursive: true });
await mkdir(join(downloads, '.hidden'));
await mkdir(`${downloads}-evil`);
await mkdir(outside);
for (const file of [
  'customers.csv',
  'custommers-old.csv',
  'notes.txt',
  '.secret.csv',
  '.hidden/a.csv',
  'deep/a.csv',
]) {
  await writeFile(join(downloads, file), 'a\n1\n');
}
await writeFile(join(outside, 'secret.csv'), 'a\n1\n');
await writeFile(`${downloads}-evil/a.csv`, 'a\n1\n');
await symlink(join(outside, 'secret.csv'), join(downloads, 'link.csv'));
await symlink(join(outside, 'gone.csv'), join(downloads, 'dangling.csv'));
await symlink(outside, join(downloads, 'folder-link'));
await symlink(join(downloads, 'customers.csv'), join(downloads, 'inner-link.csv'));
execFileSync('mkfifo', [join(downloads, 'pipe.csv')]);

const roots = defaultRoots({ home, exportsFolder: join(folder, 'exports'), cwd: join(downloads, 'deep') });

test.each([
  [join(downloads, 'customers.csv'), 'customers.csv'],
  ['~/Downloads/customers.csv', 'customers.csv'],
  ['a.csv', 'deep/a.csv'],
  ['../customers.csv', 'customers.csv'],
  [join(downloads, 'inner-link.csv'), 'customers.csv'],
])('%s is found', async (path, file) => {
  expect(await resolveAllowed(path, roots)).toBe(join(downloads, file));
});

test.each([
  '/etc/passwd',
  '~/Downloads/../../outside/secret.csv',
  '~/Downloads/link.csv',
  '~/Downloads/dangling.csv',
  '~/Downloads/folder-link/secret.csv',
  '~/Downloads/folder-link/no-such.csv',
  '~/Downloads/dangling.csv/below',
  `${downloads}-evil/a.csv`,
  '/proc/self/environ',
  '/dev/zero',
  'C:\\Windows\\win.ini/../../../../../etc/passwd',
  '~/Downloads/customers.csv\0.png',
  '~/Downloads/.secret.csv',
  '~/Downloads/.no-such.csv',
  '~/Downloads/.hidden/a.csv',
  '~/.ssh/id_rsa',
])('%j is not allowed', async (path) => {
  await expect(resolveAllowed(path, roots)).rejects.toMatchObject({ code: 'source_not_allowed' });
});

test('a refusal lists the folders that exist and says how to add one', async () => {
  const refusal = await resolveAllowed('/etc/passwd', roots).catch((error) => error);

  expect(refusal.message).toContain(`"${downloads}"`);
  expect(refusal.message).not.toContain('Desktop');
  expect(refusal.message).toContain('SLUICE_FILES=');
});

test('a refusal names the folders that do not exist when none does', async () => {
  const nowhere = defaultRoots({
    home,
    exportsFolder: join(folder, 'exports'),
    explicit: [join(folder, 'none')],
  });
  const refusal = await resolveAllowed('/etc/passwd', nowhere).catch((error) => error);

  expect(refusal.message).toContain(`from: "${join(folder, 'none')}" (none of which exists). Move`);
});

test('a folder whose name only begins like an allowed one is outside', async () => {
  const resolving = resolveAllowed(`${downloads}-evil/a.csv`, roots);

  await expect(resolving).rejects.toMatchObject({
    message: expect.stringContaining('is outside the folders'),
  });
});

test('whether something is there is not told about a path outside', async () => {
  const answer = async (name: string) => {
    const error = await resolveAllowed(join(outside, name), roots).catch((refusal) => refusal);
    return `${error.code} ${error.message}`.replaceAll(name, 'NAME');
  };

  expect(await answer('secret.csv')).toBe(await answer('no-such.csv'));
});

test('a wrong name gets the nearest ones, never hidden ones', async () => {
  const error = await resolveAllowed('~/Downloads/custoners.csv', roots).catch((failure) => failure);

  expect(error.code).toBe('source_not_found');
  expect(error.message).toContain('The nearest names there: "customers.csv"');
  expect(error.message).not.toContain('secret');
});

test('a wrong folder is named', async () => {
  const resolving = resolveAllowed('~/Downloads/depp/a.csv', roots);

  await expect(resolving).rejects.toMatchObject({
    code: 'source_not_found',
    message: expect.stringContaining('no folder "depp"'),
  });
});

test.each([
  ['', 'is a folder'],
  ['deep', 'is a folder'],
  ['pipe.csv', 'is not a regular file'],
])('%j in an allowed folder is no source', async (name, message) => {
  const opening = resolveAllowed(join(downloads, name), roots);

  await expect(opening).rejects.toMatchObject({
    code: 'source_invalid',
    message: expect.stringContaining(message),
  });
});

test('a file that has become a pipe or a link since it was resolved is not opened, and nothing hangs', async () => {
  await expect(openRegularFile(join(downloads, 'pipe.csv'))).rejects.toMatchObject({
    code: 'source_invalid',
  });
  await expect(openRegularFile(join(downloads, 'link.csv'))).rejects.toMatchObject({
    code: 'source_not_allowed',
  });
});

test('a relative path needs a folder to be relative to', async () => {
  const resolving = resolveAllowed('a.csv', defaultRoots({ home, exportsFolder: folder }));

  await expect(resolving).rejects.toMatchObject({ message: expect.stringContaining('relative path') });
});

test('a root may be a single file', async () => {
  const one = defaultRoots({ home, exportsFolder: folder, explicit: [join(downloads, 'notes.txt')] });

  expect(await resolveAllowed('~/Downloads/notes.txt', one)).toBe(join(downloads, 'notes.txt'));
  await expect(resolveAllowed('~/Downloads/customers.csv', one)).rejects.toMatchObject({
    code: 'source_not_allowed',
  });
});

test('a list from the operator replaces the usual folders, and may have a hidden root', async () => {
  const own = defaultRoots({ home, exportsFolder: folder, explicit: [join(downloads, '.hidden')] });

  expect(await resolveAllowed('~/Downloads/.hidden/a.csv', own)).toBe(join(downloads, '.hidden/a.csv'));
  await expect(resolveAllowed('~/Downloads/customers.csv', own)).rejects.toMatchObject({
    code: 'source_not_allowed',
  });
});
