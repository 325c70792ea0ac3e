import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';

// That the examples fit the functions they have here, and typing.ts, is found by `npm run typecheck`.
const root = resolve(import.meta.dirname, '../../..');
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const examples = join(import.meta.dirname, 'seed-examples');
const folder = mkdtempSync(join(tmpdir(), 'sluice-typing-'));
afterEach(() => rmSync(folder, { recursive: true }));

test('the examples are well typed with functions of which nothing is known', () => {
  for (const name of readdirSync(examples)) {
    const text = readFileSync(join(examples, name), 'utf8');
    writeFileSync(join(folder, name), text.replace('../../../../src', join(root, 'src')));
  }
  const names = readFileSync(join(examples, 'functions.ts'), 'utf8').matchAll(/^export const (\w+) = \(/gm);
  const unknown = [...names].map(([, name]) => `export declare const ${name}: any;`);
  writeFileSync(join(folder, 'functions.ts'), unknown.join('\n'));
  const compilerOptions = {
    typeRoots: [join(root, 'node_modules/@types')],
    rewriteRelativeImportExtensions: false,
  };
  const config = { extends: join(root, 'tsconfig.json'), compilerOptions, include: ['.'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');

  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });

  expect(unknown.length).toBeGreaterThan(30);
  expect(stdout).toBe('');
});
