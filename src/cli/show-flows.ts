import type { z } from 'zod';
import type { getFlow } from '../operations/get-flow.ts';
import type { getFlowReference } from '../operations/get-flow-reference.ts';
import type { listFlows } from '../operations/list-flows.ts';
import type { saveFlow } from '../operations/save-flow.ts';
import { asCommands } from './next-step.ts';
import { cut, table } from './table.ts';
import { visible, visibleLines } from './terminal.ts';

type Listing = z.output<(typeof listFlows)['output']>;
type OneFlow = z.output<(typeof getFlow)['output']>;
type Reference = z.output<(typeof getFlowReference)['output']>;
type Saved = z.output<(typeof saveFlow)['output']>;
type Missing = Listing['flows'][number]['missing'];

/** Characters of what a flow does that a line of the list has room for. */
const summaryShown = 40;

/** The flows of the folder, the files that cannot run, what waits for a person, and the connectors. */
export function showFlows(
  { folder, flows, invalid, drafts, connectors, next_step }: Listing,
  width = Number.POSITIVE_INFINITY,
): string[] {
  return [
    `Flows in ${folder}`,
    ...flowTable(flows, width),
    ...invalid.flatMap(({ problems }) => ['', ...problems.map(visible)]),
    ...drafts.flatMap(({ name, reasons, approve_command }) => [
      '',
      `Draft ${visible(name)}: \`${approve_command}\` shows it and lets it run`,
      ...reasons.map((reason) => `  - ${visible(reason)}`),
    ]),
    ...connectorTable(connectors),
    '',
    asCommands(next_step),
  ];
}

function flowTable(flows: Listing['flows'], width: number): string[] {
  if (flows.length === 0) return [];
  const rows = flows.map((flow) => [
    flow.version === null ? flow.name : `${flow.name}@${flow.version}`,
    flow.runnable ? 'yes' : 'no',
    cut(flow.summary, summaryShown),
    flow.description ?? '',
  ]);
  const titles = [{ title: 'FLOW' }, { title: 'RUNS' }, { title: 'DOES' }, { title: 'DESCRIPTION' }];
  return [
    '',
    ...table(titles, rows, width),
    ...flows.flatMap(({ name, missing }) => remedies(missing).map((line) => `${visible(name)}: ${line}`)),
  ];
}

function connectorTable(connectors: Listing['connectors']): string[] {
  if (connectors.length === 0) return [];
  const rows = connectors.map(({ name, type, target, ready }) => [name, type, target, ready ? 'yes' : 'no']);
  const titles = [{ title: 'CONNECTOR' }, { title: 'TYPE' }, { title: 'TARGET' }, { title: 'READY' }];
  return [
    '',
    ...table(titles, rows),
    ...connectors.flatMap(({ missing }) => remedies(missing === undefined ? [] : [missing])),
  ];
}

function remedies(missing: Missing = []): string[] {
  return missing.map(({ reason, setup_command }) =>
    setup_command === undefined
      ? visible(reason)
      : `${visible(reason).replace(/\.?$/, '.')} Type: ${setup_command}`,
  );
}

/** One flow: what it expects, what it needs, how it retries, and its text. */
export function showFlow(flow: OneFlow): string[] {
  const fields = flow.expects.map(({ path, required, form }) => {
    const said = [...(form === undefined ? [] : [form]), ...(required ? ['required'] : [])];
    return said.length === 0 ? path : `${path} (${said.join(', ')})`;
  });
  const parameters = flow.parameters.map(({ name, required, type, default: value }) => {
    const said = required ? 'required' : JSON.stringify(value ?? null);
    return `${name} (${type === undefined ? said : `${type}, ${said}`})`;
  });
  return [
    `${visible(flow.name)}${flow.version === null ? '' : `@${flow.version}`}  revision ${flow.revision}`,
    ...(flow.draft === undefined ? [] : ['A draft: it does not run before it is approved.']),
    ...(flow.description === undefined ? [] : [visible(flow.description)]),
    visible(flow.summary),
    `expects: ${fields.length === 0 ? 'any record' : visible(fields.join(', '))}`,
    ...(flow.chunk_size === undefined ? [] : [`takes: up to ${flow.chunk_size} records at once`]),
    ...(parameters.length === 0 ? [] : [`params: ${visible(parameters.join(', '))}`]),
    ...(flow.needs.length === 0 ? [] : [`needs: ${asCommands(visible(flow.needs.join(', ')))}`]),
    ...remedies(flow.missing),
    `retries: ${flow.retry}`,
    `defaults: ${Object.entries(flow.defaults)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
    '',
    visibleLines(flow.text.trimEnd()),
    ...(flow.text_cut === true ? ['…'] : []),
    '',
    asCommands(flow.next_step),
  ];
}

/** A topic of the reference, and those around it. */
export function showReference({ text, topics, next_step }: Reference, width: number): string[] {
  const others = Object.entries(topics);
  const titles = [{ title: 'TOPIC' }, { title: 'IS ABOUT' }];
  return [
    text,
    ...(others.length === 0 ? [] : ['', ...table(titles, others, width)]),
    '',
    asCommands(next_step),
  ];
}

/** What became of a text that was to be saved. */
export function showSaved(saved: Saved): string[] {
  const { name = '', revision = '', file = '', draft, trace } = saved;
  if (!saved.saved) return [...saved.problems.map(visible).map(asCommands), '', asCommands(saved.next_step)];
  return [
    `${draft === undefined ? 'Saved' : 'Kept as a draft:'} ${visible(name)}, revision ${revision}, in ${file}`,
    ...saved.problems.map(visible),
    ...(draft?.reasons ?? []).map((reason) => `  - ${visible(reason)}`),
    ...remedies(saved.missing),
    ...(trace === undefined
      ? []
      : [
          '',
          ...trace.steps.map(({ step, status, input = '' }) => `${step}  ${status}  ${visible(input)}`),
          trace.failure === undefined
            ? `result  ${visible(trace.result ?? 'null')}`
            : `failed  ${visible(trace.failure.message)}`,
        ]),
    '',
    asCommands(saved.next_step),
  ];
}
