import { expect, test } from 'vitest';
import { findRoom } from '../../src/cli/doctor.ts';

const mebibyte = 1024 * 1024;

test.each([
  [
    63.9,
    'fail',
    '63 MiB are free where SLUICE_HOME lies, too few to work with. Make room, or set SLUICE_HOME',
  ],
  [64, 'warn', '64 MiB are free where SLUICE_HOME lies: few for large jobs. Make room, or set SLUICE_HOME'],
  [1024, 'ok', '1,024 MiB are free where SLUICE_HOME lies.'],
])('with %d MiB free the disk is told as %s', (mebibytes, state, text) => {
  const found = findRoom(mebibytes * mebibyte);

  expect(found).toMatchObject({ what: 'disk', state });
  expect(found.text).toContain(text);
});
