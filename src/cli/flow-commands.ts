import { resolve } from 'node:path';
import { getFlow } from '../operations/get-flow.ts';
import { getFlowReference } from '../operations/get-flow-reference.ts';
import { listFlows } from '../operations/list-flows.ts';
import { type Command, groups } from './command.ts';
import { approve, save } from './flow-drafts.ts';
import { schema } from './flow-schema.ts';
import { flowTest } from './flow-test.ts';
import { type Host, invoke } from './host.ts';
import { operationCommand } from './operation-command.ts';
import { showFlow, showFlows, showReference } from './show-flows.ts';
import { visible } from './terminal.ts';

const list = operationCommand({
  group: groups.flows,
  name: 'flows list',
  summary: 'list the flows, the files that cannot run, drafts, and connectors',
  operation: listFlows,
  fixed: { response_format: 'detailed' },
  show: ({ width }, listing) => showFlows(listing, width),
});

const show = operationCommand({
  group: groups.flows,
  name: 'flows show',
  summary: 'show what a flow expects and does',
  args: '<name>',
  positional: [{ parameter: 'flow_id' }],
  operation: getFlow,
  fixed: { response_format: 'detailed' },
  show: (_, flow) => showFlow(flow),
});

const reference = operationCommand({
  group: groups.flows,
  name: 'flows reference',
  summary: 'tell how flows are written: the smallest ones and all topics, or one topic',
  args: '[topic]',
  positional: [{ parameter: 'topic' }],
  examples: ['sluice flows reference', 'sluice flows reference http_request'],
  operation: getFlowReference,
  show: ({ width }, topic) => showReference(topic, width),
});

const validate: Command = {
  group: groups.flows,
  name: 'flows validate',
  summary: 'check flow files (all of the flows folder, unless files are named)',
  args: '[files...]',
  examples: ['sluice flows validate', 'sluice flows validate drafts/import.yaml'],
  async run(host, { args }) {
    const named = args.filter((file) => file !== undefined).map((file) => resolve(host.cwd, file));
    const checked =
      named.length > 0
        ? await Promise.all(named.map(async (file) => ({ file, problems: await host.checkFlowFile(file) })))
        : await checkFolder(host);
    const problems = checked.flatMap((file) => file.problems);
    return {
      json: { valid: problems.length === 0, files: checked },
      text: problems.length > 0 ? problems.map(visible) : [validText(host, checked.length)],
      exitCode: problems.length > 0 ? 1 : 0,
    };
  },
};

function validText({ folders }: Host, count: number): string {
  if (count === 0) return `${folders.flows} holds no flows. \`sluice init\` makes one with an example in it.`;
  return count === 1 ? '1 file is valid.' : `${count} files are valid.`;
}

async function checkFolder(host: Host) {
  const { flows, invalid } = await invoke(host, listFlows, { response_format: 'detailed' });
  const files = [...flows.map(({ file }) => ({ file, problems: [] as string[] })), ...invalid];
  const problems = await host.checkConnectors();
  // There need not be any, where there are no flows.
  return files.length === 0 && problems.length === 0 ? [] : [...files, { file: 'connectors.yaml', problems }];
}

export const flowCommands: readonly Command[] = [
  list,
  show,
  reference,
  validate,
  flowTest,
  save,
  approve,
  schema,
];
