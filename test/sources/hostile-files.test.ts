import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SluiceError } from '../../src/domain/sluice-error.ts';
import { SourceBroken, sourceFormats } from '../../src/sources/source.ts';
import { cpuMs } from '../support/cpu-time.ts';
import { openWritten, rowsOf, temporaryFolder } from './written-file.ts';

const folder = await temporaryFolder();

const pieces = [
  '"',
  '""',
  ',',
  '\n',
  '\r\n',
  '{',
  '}',
  '[',
  ']',
  ':',
  '{"a":1}',
  '\\',
  '\0',
  'é',
  '😀',
  '1e999',
  'null',
  ' ',
];
const nasty = fc
  .array(fc.constantFrom(...pieces), { maxLength: 60 })
  .map((parts) => Buffer.from(parts.join('')));
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));

test.each(sourceFormats)(
  'no content makes reading %s end in anything but rows, a refusal or a break',
  async (format) => {
    const content = fc.oneof(
      nasty,
      bytes,
      fc.tuple(nasty, bytes, nasty).map((parts) => Buffer.concat(parts)),
    );
    await fc.assert(
      fc.asyncProperty(content, async (body) => {
        const starts = { csv: 'a,b\n', tsv: 'a\tb\n', ndjson: '{}\n', json: '[{},' };
        const whole = Buffer.concat([Buffer.from(starts[format]), body]);

        const reading = openWritten(folder, '', whole, { format }).then((source) =>
          rowsOf(source, { maxRecordBytes: 20 }),
        );

        const ended = await reading.catch((error: unknown) => error);
        expect(Array.isArray(ended) || ended instanceof SluiceError || ended instanceof SourceBroken).toBe(
          true,
        );
      }),
      { numRuns: 300 },
    );
  },
);

test.each([
  ['.csv', `a,b\n${'"'.repeat(1_000_000)}\n`],
  ['.csv', `a,b\n${'"\n'.repeat(300_000)}`],
  ['.csv', `${'\n'.repeat(1_000_000)}a,b\n1,2\n`],
  ['.ndjson', `{}\n${'\\"'.repeat(500_000)}\n`],
  ['.ndjson', `{}\n${'{"a":'.repeat(200_000)}\n`],
  ['.ndjson', `{"a":"${'1'.repeat(900_000)}"}\n`],
  ['.json', `{"a":"${'\\"'.repeat(500_000)}`],
  ['.json', `${'{"a":'.repeat(200_000)}`],
  ['.json', `[{}${',{}'.repeat(300_000)}]`],
])('a megabyte made to be slow is read in a moment: %s', async (extension, content) => {
  const begun = cpuMs();

  await openWritten(folder, extension, content)
    .then((source) => rowsOf(source))
    .catch(() => undefined);

  // Far above what it takes, far below what anything quadratic would.
  expect(cpuMs() - begun).toBeLessThan(5000);
});
