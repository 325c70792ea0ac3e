import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { builtServer } from '../support/built-server.ts';
import { packagesIn } from './built-packages.ts';
import { root } from './install-notes.ts';

beforeAll(async () => {
  await builtServer();
});

test('the package holds the built program, its migrations and its docs, and nothing else', () => {
  const pack = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { stdout } = spawnSync('npm', pack, { cwd: root, encoding: 'utf8' });
  const [{ files, size }] = JSON.parse(stdout);

  const kinds = new Set(files.map(({ path }: { path: string }) => kindOf(path)));

  expect([...kinds].sort().join('\n')).toMatchSnapshot();
  expect(size).toBeLessThan(2_500_000);
});

test('every package whose code is in the program has its licence beside it', () => {
  const licences = readFileSync(join(root, 'dist/LICENSES.txt'), 'utf8');
  const named = new Set([...licences.matchAll(/^(\S+) \d+\.\d+\.\S+: /gm)].map(([, name]) => name));
  const built = readdirSync(join(root, 'dist')).filter((name) => name.endsWith('.js'));
  const used = built.flatMap((name) => packagesIn(readFileSync(join(root, 'dist', name), 'utf8')));

  expect(used.length).toBeGreaterThan(100);
  expect([...new Set(used)].filter((name) => !named.has(name))).toEqual([]);
  expect([...named]).toContain('preact');
});

/** Parts of the program have names that change with what is in them. */
function kindOf(path: string): string {
  return path
    .replace(/^(dist\/)[\w-]+-[A-Z0-9]{8}\.js$/, '$1NAME-HASH.js')
    .replace(/^(dist\/(?:[\w-]+\/)+)[\w-]+\.d\.ts$/, '$1NAME.d.ts')
    .replace(/^docs\/.*\.md$/, 'docs/NAME.md')
    .replace(/^drizzle\/\d+_\w+\.sql$/, 'drizzle/NAME.sql');
}
