import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { globFiles } from '../../src/sources/glob-files.ts';

async function folderWith(files: readonly string[]): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'sluice-glob-')));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const file of files) {
    await mkdir(join(folder, file, '..'), { recursive: true });
    await writeFile(join(folder, file), '');
  }
  return folder;
}

test('finds the files of a pattern below the base, sorted and as real paths', async () => {
  const base = await folderWith([
    'data/b.csv',
    'data/a.csv',
    'data/c.txt',
    'data/deep/d.csv',
    'data/.hidden.csv',
  ]);
  const roots = { folders: [base], home: '/nowhere', base };

  expect(await globFiles('data/*.csv', roots)).toEqual([join(base, 'data/a.csv'), join(base, 'data/b.csv')]);
  expect(await globFiles(`${base}/**/*.csv`, roots)).toHaveLength(3);
  expect(await globFiles('data/a.csv', roots)).toHaveLength(1);
  expect(await globFiles('none/*.csv', roots)).toEqual([]);
});

test.each(['/etc/*', '../*', 'data/*/../../../*', '/**', '~/x*'])(
  'the pattern %s leads nowhere',
  async (pattern) => {
    const base = await folderWith(['data/a.csv']);

    await expect(globFiles(pattern, { folders: [base], home: tmpdir(), base })).rejects.toMatchObject({
      failure: { class: 'data', code: 'source_not_allowed' },
    });
  },
);

test('a link out of the folder is not followed', async () => {
  const outside = await folderWith(['secret.csv']);
  const base = await folderWith(['data/a.csv']);
  await symlink(outside, join(base, 'data', 'link'));
  await symlink(join(outside, 'secret.csv'), join(base, 'data', 'b.csv'));
  const roots = { folders: [base], home: '/nowhere', base };

  expect(await globFiles('data/**/*.csv', roots)).toEqual([join(base, 'data/a.csv')]);
});
