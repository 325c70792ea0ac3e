import { z } from 'zod';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Missing } from '../engine/readiness.ts';
import { approveCommand, type Draft } from '../flows/drafts.ts';
import type { Flow } from '../flows/flow.ts';
import { labelOf } from '../flows/flow-file-name.ts';
import type { OperationContext } from './context.ts';
import { flowOutput } from './counts.ts';
import {
  draftFields,
  draftOutput,
  missingFields,
  missingOutput,
  setupAdvice,
  shortened,
} from './flow-state.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';

const textShown = 4000;
const fieldsAtMost = 100;
const needsAtMost = 30;

export const getFlow = defineOperation({
  name: 'get_flow',
  title: 'Get a flow',
  description: [
    'Shows one flow: what it does with a record, which fields and params it expects, what it needs to run, how it retries, and its text.',
    '',
    'Use it before start_batch to see whether the columns of a file fit, and before save_flow to change it. Drafts are shown as well.',
  ].join('\n'),
  effect: 'read',
  input: z.strictObject({
    flow_id: textInput(200).describe('Name, name@version, or uuid'),
  }),
  output: z.object({
    ...flowOutput.shape,
    kind: z.enum(['mapping', 'steps', 'code']),
    description: z.string().optional(),
    summary: z.string(),
    runnable: z.boolean(),
    missing: z.array(missingOutput).optional(),
    draft: draftOutput.optional(),
    expects: z.array(z.object({ path: z.string(), required: z.boolean() })),
    parameters: z
      .array(
        z.object({
          name: z.string(),
          required: z.boolean(),
          default: z.unknown().optional(),
          description: z.string().optional(),
        }),
      )
      .describe('Values that start_batch takes as params'),
    connectors: z.array(z.string()),
    needs: z.array(z.string()).describe('What a process must have or allow to run it'),
    chunk_size: z.number().int().optional().describe('Records that go through it at once'),
    retry: z.string(),
    defaults: z.object({
      concurrency: z.number().optional(),
      continue_on_error: z.boolean().optional(),
      on_record_failure: z.string(),
      max_failures: z.number().optional(),
      id_field: z.string().optional(),
    }),
    text: z.string(),
    text_cut: z.boolean().optional().describe('The resource flow://NAME has all of it'),
    next_step: z.string(),
  }),

  async run(context, { flow_id }) {
    const { flow, draft } = await found(context, flow_id);
    const missing = await context.readiness.missingFor(flow);
    return {
      ...describe(flow),
      runnable: draft === undefined && missing.length === 0,
      ...(missing.length === 0 ? {} : { missing: missing.map(missingFields) }),
      ...(draft === undefined ? {} : { draft: draftFields(draft) }),
      next_step: nextStep(flow, draft, missing),
    };
  },
});

interface Found {
  readonly flow: Flow;
  readonly draft: Draft | undefined;
}

/** A flow goes before a draft of the same name. */
async function found({ flows, drafts }: OperationContext, reference: string): Promise<Found> {
  try {
    return { flow: await flows.find(reference), draft: undefined };
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'flow_not_found') throw error;
    const draft = await drafts.find(reference.trim());
    if (draft === undefined) throw error;
    if (draft.flow !== undefined) return { flow: draft.flow, draft };
    throw new SluiceError(
      'flow_invalid',
      `The draft ${draft.name} has problems:\n${draft.reasons.join('\n')}`,
    );
  }
}

function describe(flow: Flow) {
  const { concurrency, continueOnError, maxFailures, idField } = flow.batch;
  return {
    flow_id: flow.flowId,
    name: flow.name,
    version: flow.version,
    revision: flow.revision,
    kind: flow.kind,
    ...(flow.description === null ? {} : { description: flow.description }),
    summary: shortened(flow.summary),
    expects: flow.expects
      .slice(0, fieldsAtMost)
      .map(({ path, required }) => ({ path: shortened(path, 200), required })),
    parameters: flow.parameters.map(({ name, required, byDefault, description }) => ({
      name,
      required,
      ...(byDefault === undefined ? {} : { default: byDefault }),
      ...(description === undefined ? {} : { description }),
    })),
    connectors: [...new Set(flow.connectors.map(({ name }) => shortened(name, 100)))],
    needs: needsInWords(flow),
    ...(flow.chunk === undefined ? {} : { chunk_size: flow.chunk.size }),
    retry: retryInWords(flow),
    defaults: {
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(continueOnError === undefined ? {} : { continue_on_error: continueOnError }),
      on_record_failure: flow.batch.onRecordFailure ?? flow.afterFailure,
      ...(maxFailures === undefined ? {} : { max_failures: maxFailures }),
      ...(idField === undefined ? {} : { id_field: idField }),
    },
    text: flow.text.slice(0, textShown),
    ...(flow.text.length > textShown ? { text_cut: true } : {}),
  };
}

function needsInWords({ connectors, needs }: Flow): string[] {
  const kinds = [...new Set(needs.codeSteps)];
  const all = [
    ...connectors.map(({ name, type }) => `the connector ${name} (${type})`),
    ...(kinds.length === 0
      ? []
      : [`leave to run programs (${kinds.join(', ')}): SLUICE_ALLOW_CODE_STEPS=1, set by the operator`]),
    ...needs.variables.map((variable) => `the environment variable ${variable}`),
  ];
  return all.slice(0, needsAtMost).map((need) => shortened(need, 200));
}

function nextStep(flow: Flow, draft: Draft | undefined, missing: readonly Missing[]): string {
  if (draft !== undefined) {
    return `This is a draft and does not run. Ask the person to look at it with \`${approveCommand(draft.name)}\` at a terminal.`;
  }
  const start = `start_batch {"flow_id": "${labelOf(flow)}", "source": {"path": FILE}} takes the rows of a file through this flow.`;
  return missing.length === 0 ? start : `${setupAdvice(missing)} Then ${start}`;
}

function retryInWords({ retry }: Flow): string {
  if (retry.retries === 0) return 'no retries inside a run';
  const jitter = retry.jitter ? ', spread' : '';
  return `${retry.retries} retries of transient failures, ${retry.backoff} from ${retry.delayMs / 1000} s${jitter}`;
}
