import { describe, expect, test } from 'vitest';
import { compileStored } from '../../src/flows/stored-flow.ts';

const textOf = (note: string) => `flow: stored\ntarget: echo\nmapping: { note: '"${note}"' }\n`;

describe('a flow that was kept with a job', () => {
  test('is compiled once for all jobs with its text', async () => {
    const [first, again] = await Promise.all([
      compileStored(textOf('one'), 'stored', 'yaml'),
      compileStored(textOf('one'), 'stored', 'yaml'),
    ]);
    expect(first?.name).toBe('stored');
    expect(again).toBe(first);
    expect(await compileStored(textOf('one'), 'stored', 'yaml')).toBe(first);
    expect(await compileStored(textOf('two'), 'stored', 'yaml')).not.toBe(first);
  });

  test('is forgotten when many others have been used since', async () => {
    const [rare, frequent] = await Promise.all([
      compileStored(textOf('rare'), 'stored', 'yaml'),
      compileStored(textOf('frequent'), 'stored', 'yaml'),
    ]);
    for (let other = 0; other < 60; other++) {
      await compileStored(textOf(`other ${other}`), 'stored', 'yaml');
      await compileStored(textOf('frequent'), 'stored', 'yaml');
    }
    expect(await compileStored(textOf('frequent'), 'stored', 'yaml')).toBe(frequent);
    expect(await compileStored(textOf('rare'), 'stored', 'yaml')).not.toBe(rare);
  });

  test('is undefined when its text is no flow', async () => {
    expect(await compileStored('flow: [', 'stored', 'yaml')).toBeUndefined();
  });
});
