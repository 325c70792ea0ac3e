import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { OperationContext } from '../../src/operations/context.ts';
import { saveUpload } from '../../src/operations/save-upload.ts';
import { test } from '../support/database.ts';

test('of files that break off before their first byte nothing is left', async ({ db }) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-uploads-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const context = {
    uploadsFolder: folder,
    limits: { maxUploadBytes: 1000, uploadQuotaBytes: 1000 },
    signal: new AbortController().signal,
    open: async () => ({ db }),
  } as unknown as OperationContext;
  const next = () => Promise.reject(new Error('it broke'));
  const content: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => ({ next }) };

  for (let round = 0; round < 20; round++) {
    const saving = Array.from({ length: 20 }, () =>
      saveUpload(context, { name: 'any.csv', content }).catch(String),
    );
    expect(new Set(await Promise.all(saving))).toEqual(new Set(['Error: it broke']));
  }

  expect(readdirSync(folder)).toEqual([]);
});
