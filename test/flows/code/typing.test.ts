import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

const here = import.meta.dirname;
const examples = readdirSync(join(here, 'seed-examples'))
  .filter((name) => name !== 'functions.ts')
  .map((name) => join(here, 'seed-examples', name));
const functions = join(here, 'seed-examples/functions.ts');

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.es2024.string.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  noEmit: true,
};

/** The second program takes over what the first has read of the library. */
let before: ts.Program | undefined;

/** Errors of the files, with other texts in place of some. */
function errorsIn(files: readonly string[], instead: Readonly<Record<string, string>> = {}): string[] {
  const host = ts.createCompilerHost(options);
  const read = host.readFile;
  host.readFile = (file) => instead[resolve(file)] ?? read(file);
  const program = ts.createProgram(files, options, host, before);
  before = program;
  return files
    .flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)))
    .map((found) => ts.flattenDiagnosticMessageText(found.messageText, ' '));
}

test('the examples are well typed with functions that are, and outputs have their types', () => {
  expect(errorsIn([...examples, join(here, 'typing.ts')])).toEqual([]);
});

test('the examples are well typed with functions of which nothing is known', () => {
  const names = [...(ts.sys.readFile(functions) ?? '').matchAll(/^export const (\w+) = \(/gm)];
  const unknown = names.map(([, name]) => `export declare const ${name}: any;`).join('\n');

  expect(names.length).toBeGreaterThan(30);
  expect(errorsIn(examples, { [functions]: unknown })).toEqual([]);
});
