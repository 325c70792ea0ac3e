import { Command } from 'commander';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { InputOptions } from '../../src/cli/input-options.ts';
import { parseConnectors } from '../../src/connectors/connectors-file.ts';
import { formatProblem } from '../../src/flows/flow-identity.ts';
import { openFlowLibrary } from '../../src/flows/flow-library.ts';
import { checkInput } from '../../src/operations/check-input.ts';
import { completeParams } from '../../src/operations/check-params.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { startBatch } from '../../src/operations/start-batch.ts';
import { files, folder, page, type Section, sections, textOf } from './recipes.ts';

const library = openFlowLibrary(folder);
const recipes = sections.map((section) => [section.title, section] as const);

function blockOf({ blocks, title }: Section, kind: string): string {
  const found = blocks.filter(({ info }) => info === kind);
  expect(found, `${title}: ${kind}`).toHaveLength(1);
  return found[0]?.text ?? '';
}

test('the page has twelve recipes and shows each file of examples/cookbook once', () => {
  const shown = sections.flatMap(({ blocks }) =>
    blocks.flatMap(({ info }) => /^(?:yaml|js) file=(.+)$/.exec(info)?.[1] ?? []),
  );

  expect(sections.map(({ title }) => title.split('.', 1)[0])).toEqual(
    [...Array(12).keys()].map((n) => `${n + 1}`),
  );
  expect([...shown].sort()).toEqual([...files].sort());
});

test.each(recipes)('%s: the page shows the file as it is', (_, { blocks }) => {
  const [file] = blocks;
  const name = /file=(.+)$/.exec(file?.info ?? '')?.[1] ?? '';

  expect(file?.text).toBe(textOf(name));
});

test('every flow can run', async () => {
  const listed = await library.list();

  expect(listed).toHaveLength(12);
  expect(listed.flatMap(({ problems }) => problems.map(formatProblem))).toEqual([]);
  expect(listed.map(({ name }) => name).sort()).toEqual(
    files.map((file) => file.replace(/\.\w+$/, '')).sort(),
  );
});

test('connectors.yaml has no problems, and the page shows all of it', () => {
  const whole = textOf('connectors.yaml');
  const shown = [...page.matchAll(/^```yaml connectors\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
  const pieces = shown.flatMap((text) => text.trim().split('\n\n'));

  expect(parseConnectors(whole, 'connectors.yaml')).toHaveProperty('connectors');
  expect([...new Set(pieces)].sort()).toEqual(whole.trim().split('\n\n').sort());
});

test.each(recipes)('%s: the connectors beside the flow are those it uses', async (_, section) => {
  const { flow_id } = JSON.parse(blockOf(section, 'json tool=start_batch')) as { flow_id: string };
  const { connectors } = await library.find(flow_id);
  const shown = section.blocks.filter(({ info }) => info === 'yaml connectors');
  const declared = Object.entries(
    (parse(shown.map(({ text }) => text).join('')) ?? {}) as Record<string, { type: string }>,
  ).map(([name, { type }]) => `${type} ${name}`);

  expect(declared.sort()).toEqual(connectors.map(({ name, type }) => `${type} ${name}`).sort());
});

test.each(recipes)('%s: the call and the command start the same job', async (_, section) => {
  const call = JSON.parse(blockOf(section, 'json tool=start_batch')) as Record<string, unknown>;
  const [command = ''] = blockOf(section, 'sh').split('\n');

  const input = checkInput(startBatch as unknown as Operation, call) as { params?: never };
  const flow = await library.find(String(call.flow_id));
  expect(() => completeParams(flow, input.params)).not.toThrow();
  expect(inputOf(command)).toEqual(call);
});

/** What a command line asks of start_batch. */
function inputOf(line: string): unknown {
  const [program, name, flow, path, ...words] = [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  );
  expect([program, name]).toEqual(['sluice', 'start']);
  const options = new InputOptions(startBatch, { except: ['flow_id', 'path'] });
  const command = new Command().exitOverride();
  for (const option of options.flags) command.addOption(option);
  command.parse(words, { from: 'user' });
  return { flow_id: flow, source: { path }, ...options.inputFrom(command.opts()) };
}
