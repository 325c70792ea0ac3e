import { z } from 'zod';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Missing } from '../engine/readiness.ts';
import { approveCommand, type Draft } from '../flows/drafts.ts';
import type { Flow } from '../flows/flow.ts';
import { cutTo, roomFor, tokensOf } from './answer-size.ts';
import type { OperationContext } from './context.ts';
import { flowOutput } from './counts.ts';
import { fitPage } from './fit-page.ts';
import {
  draftFields,
  draftOutput,
  missingFields,
  missingOutput,
  runAdvice,
  setupAdvice,
  shortened,
} from './flow-state.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';
import { answerTokens, formatInput } from './response-format.ts';
import { shownValue } from './shown-payload.ts';

/** What the fields, and the parameters, may cost, in tokens. */
const fieldTokens = { concise: 350, detailed: 2000 } as const;
const leastText = 100;
const sentence = 60;
const needsAtMost = 10;

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
    response_format: formatInput.describe('detailed: the text whole, or nearly'),
  }),
  output: z.object({
    ...flowOutput.shape,
    kind: z.enum(['mapping', 'steps', 'code']),
    description: z.string().optional(),
    summary: z.string(),
    runnable: z.boolean(),
    missing: z.array(missingOutput).optional(),
    draft: draftOutput.optional(),
    expects: z.array(z.object({ path: z.string(), required: z.boolean(), form: z.string().optional() })),
    parameters: z
      .array(
        z.object({
          name: z.string(),
          required: z.boolean(),
          type: z.string().optional(),
          default: z.unknown().optional(),
          description: z.string().optional(),
        }),
      )
      .describe('Values that start_batch takes as params'),
    omitted: z.number().int().optional().describe('Fields and params that did not fit'),
    connectors: z.array(z.string()),
    needs: z.array(z.string()).describe('What a process must have or allow to run it'),
    chunk_size: z.number().int().optional().describe('Records that go through it at once'),
    undo: z.string().optional().describe('How undo_batch takes a record back'),
    retry: z.string(),
    defaults: z.object({
      concurrency: z.number().optional(),
      continue_on_error: z.boolean().optional(),
      on_record_failure: z.string(),
      max_failures: z.number().optional(),
      id_field: z.string().optional(),
    }),
    text: z.string(),
    text_cut: z
      .boolean()
      .optional()
      .describe('response_format detailed has more, the resource flow://NAME all'),
    next_step: z.string(),
  }),

  async run(context, { flow_id, response_format: format }) {
    const { flow, draft } = await found(context, flow_id);
    const missing = await context.readiness.missingFor(flow);
    const answer = {
      ...describe(flow, roomFor(context, fieldTokens[format]), roomFor(context, sentence)),
      runnable: draft === undefined && missing.length === 0,
      ...(missing.length === 0 ? {} : { missing: missing.slice(0, needsAtMost).map(missingFields) }),
      ...(draft === undefined ? {} : { draft: draftFields(draft) }),
      next_step: nextStep(context, flow, draft, missing),
    };
    return { ...answer, ...textFields(flow, roomFor(context, answerTokens[format] - tokensOf(answer))) };
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

/** The text takes what the rest leaves; it stands in JSON, where each line break costs. */
function textFields({ text }: Flow, tokens: number) {
  const shown = cutTo(text, Math.max(tokens * 0.85, leastText));
  return { text: shown, ...(shown === text ? {} : { text_cut: true }) };
}

function describe(flow: Flow, tokens: number, room: number) {
  const { concurrency, continueOnError, maxFailures, idField } = flow.batch;
  const fields = fitPage(
    flow.expects.map((field) => describeField(field, room)),
    tokens,
  );
  const parameters = fitPage(
    flow.parameters.map((parameter) => describeParameter(parameter, room)),
    tokens,
  );
  const omitted = flow.expects.length - fields.length + flow.parameters.length - parameters.length;
  return {
    flow_id: flow.flowId,
    name: flow.name,
    version: flow.version,
    revision: flow.revision,
    kind: flow.kind,
    ...(flow.description === null ? {} : { description: cutTo(flow.description, room) }),
    summary: cutTo(flow.summary, room),
    expects: fields,
    parameters,
    ...(omitted === 0 ? {} : { omitted }),
    connectors: [...new Set(flow.connectors.map(({ name }) => shortened(name, 100)))].slice(0, needsAtMost),
    needs: needsInWords(flow),
    ...(flow.chunk === undefined ? {} : { chunk_size: flow.chunk.size }),
    ...(flow.undo === undefined ? {} : { undo: shortened(flow.undo.summary, 200) }),
    retry: retryInWords(flow),
    defaults: {
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(continueOnError === undefined ? {} : { continue_on_error: continueOnError }),
      on_record_failure: flow.batch.onRecordFailure ?? flow.afterFailure,
      ...(maxFailures === undefined ? {} : { max_failures: maxFailures }),
      ...(idField === undefined ? {} : { id_field: idField }),
    },
  };
}

const describeField = ({ path, required, form }: Flow['expects'][number], room: number) => ({
  path: shortened(path, 200),
  required,
  ...(form === undefined ? {} : { form: cutTo(form, room) }),
});

const describeParameter = (
  { name, required, type, byDefault, description }: Flow['parameters'][number],
  room: number,
) => ({
  name,
  required,
  ...(type === undefined ? {} : { type }),
  ...(byDefault === undefined ? {} : { default: shownValue(byDefault, room).value }),
  ...(description === undefined ? {} : { description: cutTo(description, room) }),
});

const confirmations = {
  plan: 'a plan_digest of preview_batch for each start (confirm: plan)',
  human: 'approval of each job by a person at a terminal (confirm: human)',
} as const;

function needsInWords({ connectors, needs, confirm }: Flow): string[] {
  const kinds = [...new Set(needs.codeSteps)];
  const all = [
    ...connectors.map(({ name, type }) => `the connector ${name} (${type})`),
    ...(kinds.length === 0
      ? []
      : [`leave to run programs (${kinds.join(', ')}): SLUICE_ALLOW_CODE_STEPS=1, set by the operator`]),
    ...needs.variables
      .filter((variable) => needs.mayMiss?.includes(variable) !== true)
      .map((variable) => `the environment variable ${variable}`),
    ...(confirm === undefined ? [] : [confirmations[confirm]]),
  ];
  return all.slice(0, needsAtMost).map((need) => shortened(need, 200));
}

function nextStep(
  context: OperationContext,
  flow: Flow,
  draft: Draft | undefined,
  missing: readonly Missing[],
): string {
  if (draft !== undefined) {
    return `This is a draft and does not run. Ask the person to look at it with \`${approveCommand(draft)}\` at a terminal.`;
  }
  const start = runAdvice(flow, context);
  return missing.length === 0 ? start : `${setupAdvice(missing)} Then ${start}`;
}

function retryInWords({ retry }: Flow): string {
  if (retry.retries === 0) return 'no retries inside a run';
  const jitter = retry.jitter ? ', spread' : '';
  return `${retry.retries} retries of transient failures, ${retry.backoff} from ${retry.delayMs / 1000} s${jitter}`;
}
