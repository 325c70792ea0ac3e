import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { builtServer } from '../support/built-server.ts';
import { packagesIn } from './built-packages.ts';

/** What flows, files and calls need, and no question about jobs does. */
const forWorkOnly = [
  '@marcbachmann/cel-js',
  'csv-parse',
  'iconv-lite',
  'luxon',
  'pg',
  'rfc6902',
  'tinyglobby',
  'undici',
  'yaml',
];

test.for(['run-cli', 'run-mcp'])('%s reads no package before it is needed', async (entry) => {
  const dist = dirname(await builtServer());
  const file = readdirSync(dist).find((name) => name.startsWith(`${entry}-`));
  const loaded = loadedWith(dist, ['main.js', String(file)]);

  expect([...loaded]).toContain('zod');
  expect(forWorkOnly.filter((name) => loaded.has(name))).toEqual([]);
});

test('the packages that wait are in the program', async () => {
  const dist = dirname(await builtServer());
  const all = loadedWith(
    dist,
    readdirSync(dist).filter((name) => name.endsWith('.js')),
  );

  expect(forWorkOnly.filter((name) => !all.has(name))).toEqual([]);
});

/** The packages in these files, and in those that they cannot do without. */
function loadedWith(dist: string, files: readonly string[]): Set<string> {
  const packages = new Set<string>();
  const read = new Set(files);
  for (const file of read) {
    const text = readFileSync(join(dist, file), 'utf8');
    for (const name of packagesIn(text)) packages.add(name);
    for (const [, name] of text.matchAll(/^(?:import|\} from) [^(]*?"\.\/([^"]+)";$/gm))
      read.add(String(name));
  }
  return packages;
}
