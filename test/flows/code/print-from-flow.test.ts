import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('what a flow prints goes to stderr, and a module that waits for ever holds no process', async () => {
  const tsx = resolve(import.meta.dirname, '../../../node_modules/tsx/dist/cli.mjs');
  const script = join(import.meta.dirname, 'print-from-flow.ts');

  const { stdout, stderr } = await promisify(execFile)(process.execPath, [tsx, script], { timeout: 20_000 });

  expect(stdout).toBe('"done"\n');
  expect(stderr).toContain('at the top');
  expect(stderr).toContain('in a step');
});
