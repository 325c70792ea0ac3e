import { z } from 'zod';
import { formatProblem } from '../flows/compile-flow.ts';
import type { FlowListing } from '../flows/flow-library.ts';
import { flowOutput } from './counts.ts';
import { defineOperation } from './operation.ts';

export const listFlows = defineOperation({
  name: 'list_flows',
  title: 'List flows',
  description: [
    'Lists the flows that records can be taken through, with what each does.',
    '',
    'Use it before start_batch when the name of the flow is not known. get_flow shows what a flow expects of a record.',
  ].join('\n'),
  effect: 'read',
  input: z.strictObject({}),
  output: z.object({
    folder: z.string(),
    flows: z.array(
      z.object({
        ...flowOutput.shape,
        description: z.string().optional(),
        summary: z.string(),
        file: z.string(),
      }),
    ),
    invalid: z
      .array(z.object({ file: z.string(), problems: z.array(z.string()) }))
      .describe('Files that cannot run, and why'),
    next_step: z.string(),
  }),

  async run({ flows }) {
    const listings = await flows.list();
    const valid = listings.filter(({ problems }) => problems.length === 0);
    const invalid = listings.filter(({ problems }) => problems.length > 0);
    return {
      folder: flows.folder,
      flows: valid.map(describe),
      invalid: invalid.map(({ file, problems }) => ({ file, problems: problems.map(formatProblem) })),
      next_step: nextStep(valid.length, flows.folder),
    };
  },
});

function describe({ flowId, name, version, revision, description, summary, file }: FlowListing) {
  return {
    flow_id: flowId,
    name,
    version,
    revision,
    ...(description === null ? {} : { description }),
    summary: summary ?? '',
    file,
  };
}

const nextStep = (count: number, folder: string) =>
  count === 0
    ? `There are no flows yet. Flows are YAML files in ${folder}; \`sluice init\` puts an example there.`
    : 'get_flow {"flow_id": NAME} shows what a flow expects; start_batch runs it.';
