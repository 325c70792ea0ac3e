import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readConnectors } from '../../src/connectors/declared-connectors.ts';

function someFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-connectors-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a file that is not UTF-8 declares nothing, and says so', async () => {
  const folder = someFolder();
  const text = 'café: { type: http, base_url: https://a.example }\n';
  writeFileSync(join(folder, 'connectors.yaml'), text, 'latin1');

  const { connectors, problems } = await readConnectors(folder);

  expect(connectors.size).toBe(0);
  expect(problems).toMatchObject([{ message: 'is not UTF-8 text; save it again in that encoding' }]);
});

test.skipIf(platform() === 'win32')(
  'a pipe in place of the file is not waited for (Windows has none)',
  async () => {
    const folder = someFolder();
    expect(spawnSync('mkfifo', [join(folder, 'connectors.yaml')]).status).toBe(0);

    const { connectors, problems } = await readConnectors(folder);

    expect(connectors.size).toBe(0);
    expect(problems).toMatchObject([{ message: 'is not a regular file' }]);
  },
);
