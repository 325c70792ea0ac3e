import { z } from 'zod';
import { labelOf } from '../flows/flow-file-name.ts';
import { approveDraft } from '../flows/save-flow.ts';
import { flowOutput } from './counts.ts';
import { missingFields, missingOutput, setupAdvice } from './flow-state.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';

/** A person's word for a draft. Not among the operations that every surface offers: a model cannot give it. */
export const approveFlow = defineOperation({
  name: 'approve_flow',
  title: 'Approve a draft',
  description: 'Makes a draft a flow that can run.',
  effect: 'save',
  input: z.strictObject({
    name: textInput(200),
    revision: textInput(100).describe('Of the text the person has seen'),
  }),
  output: z.object({
    ...flowOutput.shape,
    file: z.string(),
    replaced: z.string().optional().describe('Revision of the flow whose place it took'),
    runnable: z.boolean(),
    missing: z.array(missingOutput),
    next_step: z.string(),
  }),

  async run({ flows, drafts, readiness }, { name, revision }) {
    const { flow, file, replaced } = await approveDraft({ flows, drafts }, name, revision);
    const missing = await readiness.missingFor(flow);
    const ready = missing.length === 0 ? '' : `${setupAdvice(missing)} `;
    return {
      flow_id: flow.flowId,
      name: flow.name,
      version: flow.version,
      revision: flow.revision,
      file,
      ...(replaced === undefined ? {} : { replaced }),
      runnable: missing.length === 0,
      missing: missing.map(missingFields),
      next_step: `${ready}start_batch {"flow_id": "${labelOf(flow)}", "source": {"path": FILE}} runs it.`,
    };
  },
});
