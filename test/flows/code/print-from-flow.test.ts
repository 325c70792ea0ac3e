import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

async function outputOf(name: string) {
  const tsx = resolve(import.meta.dirname, '../../../node_modules/tsx/dist/cli.mjs');
  const script = join(import.meta.dirname, name);
  return promisify(execFile)(process.execPath, [tsx, script], { timeout: 20_000 });
}

test('what a flow prints goes to stderr, and a module that waits for ever holds no process', async () => {
  const { stdout, stderr } = await outputOf('print-from-flow.ts');

  expect(stdout).toBe('"done"\n');
  expect(stderr).toContain('at the top');
  expect(stderr).toContain('in a step');
});

test('what a step lets fail without waiting for it ends no process, and its words are not repeated', async () => {
  const { stdout, stderr } = await outputOf('stray-from-flow.ts');

  expect(stdout).toBe('"done"\n');
  expect(stderr).toContain('TypeError in stray.mjs, line 2.');
  expect(stderr).toContain('RangeError in stray.mjs, line 3.');
  expect(stderr).not.toContain('Quill');
});
