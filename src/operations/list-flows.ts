import { z } from 'zod';
import { type ConnectorState, connectorTypes, type Missing } from '../engine/readiness.ts';
import { formatProblem } from '../flows/flow-identity.ts';
import type { FlowListing } from '../flows/flow-library.ts';
import { flowOutput } from './counts.ts';
import { fitListing } from './fit-listing.ts';
import { draftFields, draftOutput, missingFields, missingOutput, shortened } from './flow-state.ts';
import { defineOperation } from './operation.ts';
import { formatInput } from './response-format.ts';

/** Of one file; `sluice flows validate` has all of them. */
const problemsAtMost = 20;

export const listFlows = defineOperation({
  name: 'list_flows',
  title: 'List flows',
  description: [
    'Lists the flows that records can be taken through, the connectors they may call, and what is still missing.',
    '',
    'Use it before start_batch when the name of the flow is not known. get_flow shows what a flow expects of a record; save_flow makes a new one.',
  ].join('\n'),
  effect: 'read',
  input: z.strictObject({ response_format: formatInput.describe('concise: as much as fits a conversation') }),
  output: z.object({
    folder: z.string(),
    flows: z.array(
      z.object({
        ...flowOutput.shape,
        description: z.string().optional(),
        summary: z.string(),
        file: z.string(),
        runnable: z.boolean(),
        missing: z.array(missingOutput).optional(),
      }),
    ),
    more_flows: z.array(z.string()).optional().describe('Names of those that did not fit'),
    invalid: z
      .array(z.object({ file: z.string(), problems: z.array(z.string()) }))
      .describe('Files that cannot run, and why'),
    drafts: z
      .array(z.object({ name: z.string(), revision: z.string(), ...draftOutput.shape }))
      .describe('Saved, and waiting for a person'),
    connectors: z.array(
      z.object({
        name: z.string(),
        type: z.enum(connectorTypes),
        target: z.string(),
        ready: z.boolean(),
        missing: missingOutput.optional(),
      }),
    ),
    omitted: z.number().int().optional().describe('Entries of all lists that did not fit'),
    next_step: z.string(),
  }),

  async run({ flows, drafts, readiness, isRemote }, { response_format: format }) {
    const loaded = await flows.loaded();
    const valid = await Promise.all(
      loaded.flatMap(({ listing, flow }) =>
        flow === undefined || listing.problems.length > 0
          ? []
          : [
              readiness
                .missingFor(flow)
                .then((missing) => describe({ ...listing, file: flows.shown(listing.file) }, missing)),
            ],
      ),
    );
    const invalid = loaded.map(({ listing }) => listing).filter(({ problems }) => problems.length > 0);
    const waiting = await drafts.list();
    const listing = {
      folder: flows.place,
      flows: valid,
      invalid: invalid.map(({ file, problems }) => ({
        file: flows.shown(file),
        problems: problems
          .slice(0, problemsAtMost)
          .map((problem) => shortened(formatProblem({ ...problem, file: flows.shown(problem.file) }))),
      })),
      drafts: waiting.map((draft) => ({
        name: draft.name,
        revision: draft.revision,
        ...draftFields(draft),
      })),
      connectors: (await readiness.connectors()).map(describeConnector),
      next_step: nextStep(valid.length, waiting.length, isRemote === true),
    };
    return format === 'detailed' ? listing : fitListing(listing);
  },
});

function describe(
  { flowId, name, version, revision, description, summary, file }: FlowListing,
  missing: readonly Missing[],
) {
  return {
    flow_id: flowId,
    name,
    version,
    revision,
    ...(description === null ? {} : { description }),
    summary: shortened(summary ?? ''),
    file,
    runnable: missing.length === 0,
    ...(missing.length === 0 ? {} : { missing: missing.map(missingFields) }),
  };
}

function describeConnector({ name, type, target, missing }: ConnectorState) {
  return {
    name,
    type,
    target,
    ready: missing === undefined,
    ...(missing === undefined ? {} : { missing: missingFields(missing) }),
  };
}

function nextStep(flows: number, drafts: number, isRemote: boolean): string {
  if (flows > 0) {
    return 'get_flow {"flow_id": NAME} shows what a flow expects; preview_batch checks a file with it, start_batch runs it; save_flow makes a new one.';
  }
  if (drafts > 0) return 'No flow can run yet: a person has to approve the drafts at a terminal.';
  const example = isRemote ? '' : '; `sluice init` makes an example';
  return `There are no flows yet. get_flow_reference tells how one is written; save_flow checks and saves its YAML text${example}.`;
}
