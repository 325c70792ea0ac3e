import type { z } from 'zod';
import type { getFlow } from '../operations/get-flow.ts';
import type { listFlows } from '../operations/list-flows.ts';
import { asCommands } from './next-step.ts';
import { table } from './table.ts';
import { visible, visibleLines } from './terminal.ts';

type Listing = z.output<(typeof listFlows)['output']>;
type OneFlow = z.output<(typeof getFlow)['output']>;

/** The flows of the folder, and the files of it that cannot run. */
export function showFlows({ folder, flows, invalid, next_step }: Listing): string[] {
  const rows = flows.map((flow) => [
    flow.version === null ? flow.name : `${flow.name}@${flow.version}`,
    flow.summary,
    flow.description ?? '',
  ]);
  const columns = [{ title: 'FLOW' }, { title: 'DOES' }, { title: 'DESCRIPTION' }];
  return [
    `Flows in ${folder}`,
    ...(rows.length === 0 ? [] : ['', ...table(columns, rows)]),
    ...invalid.flatMap(({ problems }) => ['', ...problems.map(visible)]),
    '',
    asCommands(next_step),
  ];
}

/** One flow: what it expects, how it retries, and its text. */
export function showFlow(flow: OneFlow): string[] {
  const fields = flow.expects.map(({ path, required }) => (required ? `${path} (required)` : path));
  return [
    `${visible(flow.name)}${flow.version === null ? '' : `@${flow.version}`}  revision ${flow.revision}`,
    ...(flow.description === undefined ? [] : [visible(flow.description)]),
    visible(flow.summary),
    `expects: ${fields.length === 0 ? 'any record' : visible(fields.join(', '))}`,
    `retries: ${flow.retry}`,
    `defaults: ${Object.entries(flow.defaults)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
    '',
    visibleLines(flow.text.trimEnd()),
    '',
    asCommands(flow.next_step),
  ];
}
