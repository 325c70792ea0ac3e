import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { RecordFailure } from '../../../src/domain/failure.ts';
import type { JsonValue } from '../../../src/domain/json.ts';
import { loadCodeFlow } from '../../../src/flows/code/load-module.ts';
import { attempt, stateIn } from './run-code.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../../docs/code-flows.md'), 'utf8');

test('the example of docs/code-flows.md is loaded and does what the page says', async () => {
  const [, text = ''] = /^```js flow\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const folder = await mkdtemp(join(tmpdir(), 'sluice-page-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'order-total.mjs'), text);
  const made = await loadCodeFlow(join(folder, 'order-total.mjs'), text);
  if (!('flow' in made)) throw new Error(JSON.stringify(made));
  const memory = new Map<string, JsonValue>();
  const state = (index: number | null) => stateIn(memory, index === null ? 'job' : String(index));
  const run = async (payload: JsonValue) =>
    made.flow.run({ ...attempt(payload, {}, { kept: [], memory, logged: [] }), state });

  expect(await run({ id: 'a', lines: [{ amount: 1 }, { amount: 2 }, { amount: 4 }] })).toEqual({
    id: 'a',
    total: 7,
  });
  expect(memory.get('job:lines')).toBe(3);
  const refused = await run({ id: 'b', lines: [{ amount: -1 }] }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(RecordFailure);
  const unfit = await run({ id: 'b' }).catch((error: unknown) => error);
  expect(unfit instanceof RecordFailure && unfit.failure.code).toBe('input_invalid');
});
