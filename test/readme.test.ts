import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { parseConnectors } from '../src/connectors/connectors-file.ts';
import { jobStatuses } from '../src/domain/job.ts';
import { recordStatuses } from '../src/domain/record.ts';
import { compileFlow } from '../src/flows/compile-flow.ts';
import { checkInput } from '../src/operations/check-input.ts';
import { operations } from '../src/operations/operations.ts';

const root = resolve(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const scripts = (
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
).scripts;

/** Fenced blocks whose opening line begins with `kind`. */
const blocksOf = (kind: string) =>
  [...readme.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)]
    .filter(([, info]) => info?.startsWith(kind))
    .map(([, info = '', text = '']) => ({ info, text }));

/** First cells of the table rows under a heading cell. */
function firstCells(heading: string): string[] {
  const table = readme.split(new RegExp(`^\\| ${heading} +\\|`, 'm'))[1]?.split('\n\n')[0] ?? '';
  return [...table.matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
}

test.each(blocksOf('json tool=').map(({ info, text }) => [info.split('=')[1] ?? '', text] as const))(
  'the example call of %s is valid',
  (name, text) => {
    const operation = operations.find((candidate) => candidate.name === name);

    expect(operation).toBeDefined();
    expect(() => checkInput(operation!, JSON.parse(text))).not.toThrow();
  },
);

test('the example flow compiles', () => {
  for (const { text } of blocksOf('yaml flow')) expect(compileFlow(text, 'README.md')).toHaveProperty('flow');
});

test('the example connectors are declared without problems', () => {
  const blocks = blocksOf('yaml connectors');

  expect(blocks).toHaveLength(1);
  for (const { text } of blocks) expect(parseConnectors(text, 'README.md')).toHaveProperty('connectors');
});

test('every npm command of the README is a script', () => {
  const commands = blocksOf('sh').flatMap(({ text }) =>
    [...text.matchAll(/^npm (?:run )?([\w:]+)/gm)].map(([, name = '']) => name),
  );

  expect(commands.length).toBeGreaterThan(0);
  expect(commands.filter((name) => scripts[name] === undefined)).toEqual([]);
});

test('the tables of statuses are the lists of the domain', () => {
  expect(firstCells('record')).toEqual([...recordStatuses]);
  expect(firstCells('job')).toEqual([...jobStatuses]);
});

test('the table of tools is the list of operations', () => {
  expect(firstCells('tool').sort()).toEqual(operations.map(({ name }) => name).sort());
});

test('the table of variables names what the configuration reads', () => {
  const source = readFileSync(join(root, 'src/config.ts'), 'utf8');
  const read = [...source.matchAll(/^ {2}((?:DATABASE|SLUICE)_\w+):/gm)].map(([, name]) => name);

  expect(firstCells('variable').filter((name) => name !== 'SLUICE_HOME/flows')).toEqual(read);
  expect(readConfig({})).toMatchObject({
    maxConcurrency: 50,
    maxRecordBytes: 1048576,
    leaseMs: 15_000,
    background: true,
  });
});

test('every file the README names exists', () => {
  const named = [...readme.matchAll(/`(src\/[\w/.-]+)`|\]\(((?:docs|bench|AGENTS)[\w/.-]*)\)/g)].map(
    ([, code, link]) => code ?? link ?? '',
  );

  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});
