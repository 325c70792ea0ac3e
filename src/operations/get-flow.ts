import { z } from 'zod';
import type { Flow } from '../flows/flow.ts';
import { flowOutput } from './counts.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';

export const getFlow = defineOperation({
  name: 'get_flow',
  title: 'Get a flow',
  description: [
    'Shows one flow: what it does with a record, which fields it expects, how it retries, and its text.',
    '',
    'Use it before start_batch to see whether the columns of a file fit.',
  ].join('\n'),
  effect: 'read',
  input: z.strictObject({
    flow_id: textInput(200).describe('Name, name@version, or uuid'),
  }),
  output: z.object({
    ...flowOutput.shape,
    description: z.string().optional(),
    summary: z.string(),
    expects: z.array(z.object({ path: z.string(), required: z.boolean() })),
    connectors: z.array(z.string()),
    retry: z.string(),
    defaults: z.object({
      concurrency: z.number().optional(),
      continue_on_error: z.boolean().optional(),
      on_record_failure: z.string(),
      max_failures: z.number().optional(),
      id_field: z.string().optional(),
    }),
    text: z.string(),
    next_step: z.string(),
  }),

  async run({ flows }, { flow_id }) {
    return describe(await flows.find(flow_id));
  },
});

function describe(flow: Flow) {
  const { concurrency, continueOnError, maxFailures, idField } = flow.batch;
  return {
    flow_id: flow.flowId,
    name: flow.name,
    version: flow.version,
    revision: flow.revision,
    ...(flow.description === null ? {} : { description: flow.description }),
    summary: flow.summary,
    expects: flow.expects.map(({ path, required }) => ({ path, required })),
    connectors: [...flow.connectors],
    retry: retryInWords(flow),
    defaults: {
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(continueOnError === undefined ? {} : { continue_on_error: continueOnError }),
      on_record_failure: flow.batch.onRecordFailure ?? flow.afterFailure,
      ...(maxFailures === undefined ? {} : { max_failures: maxFailures }),
      ...(idField === undefined ? {} : { id_field: idField }),
    },
    text: flow.text.slice(0, 4000),
    next_step: `start_batch {"flow_id": "${flow.name}", "source": {"path": FILE}} takes the rows of a file through this flow.`,
  };
}

function retryInWords({ retry }: Flow): string {
  if (retry.retries === 0) return 'no retries inside a run';
  const jitter = retry.jitter ? ', spread' : '';
  return `${retry.retries} retries of transient failures, ${retry.backoff} from ${retry.delayMs / 1000} s${jitter}`;
}
