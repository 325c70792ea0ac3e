import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { WholeLines } from '../../src/mcp/whole-lines.ts';

/** What comes out of it for what goes in, piece by piece. */
async function passedOn(pieces: readonly string[], atMost = 100): Promise<string[]> {
  const input = Readable.from(pieces.map((piece) => Buffer.from(piece)));
  const passed = await input.pipe(new WholeLines(atMost)).toArray();
  return passed.map(String);
}

test('a line that comes in pieces is passed on once, when it is whole', async () => {
  expect(await passedOn(['{"a', '":', '1}\n{"b', '":2}\n'])).toEqual(['{"a":1}\n', '{"b":2}\n']);
});

test('lines that are whole do not wait for what begins after them', async () => {
  expect(await passedOn(['1\n2\n3\n4', '5\n'])).toEqual(['1\n', '2\n3\n', '45\n']);
});

test('more than may be held back is passed on without its end', async () => {
  expect(await passedOn(['xxxx', 'xxxx', 'xx', 'x\n'], 8)).toEqual(['xxxxxxxxxx', 'x\n']);
});

test('a line without its end is nothing', async () => {
  expect(await passedOn(['1\n', '2'])).toEqual(['1\n']);
});
