import { z } from 'zod';
import type { JsonObject } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { compileLate } from '../flows/compile-late.ts';
import type { Flow } from '../flows/flow.ts';
import { formatProblem } from '../flows/flow-identity.ts';
import { completeParams } from './check-params.ts';
import type { OperationContext } from './context.ts';
import { defineOperation } from './operation.ts';
import { errorOf, errorOutput } from './record-error.ts';

/** One record through a flow, for a person who writes it. Not among the operations of every surface. */
export const testFlow = defineOperation({
  name: 'test_flow',
  title: 'Test a flow',
  description: 'Takes one record through a flow and shows what each step gets and gives.',
  effect: 'run',
  input: z.strictObject({
    flow: z
      .union([z.strictObject({ name: z.string() }), z.strictObject({ text: z.string(), file: z.string() })])
      .describe('A flow or draft of the folder, or a text of its own'),
    sample: z.record(z.string(), z.json()),
    params: z.record(z.string(), z.json()).optional(),
    write: z.boolean().describe('Run the steps that change something outside as well'),
  }),
  output: z.object({
    flow: z.string(),
    summary: z.string(),
    steps: z.array(
      z.object({
        step: z.string(),
        kind: z.string(),
        status: z.enum(['done', 'failed', 'skipped', 'withheld']),
        input: z.unknown(),
        output: z.unknown(),
        error: z.string().optional(),
      }),
    ),
    result: z.unknown().optional(),
    failure: errorOutput.optional(),
  }),

  async run(context, given) {
    const flow = await flowOf(context, given.flow);
    const params = completeParams(flow, given.params as JsonObject | undefined);
    const sample = given.sample as JsonObject;
    const trial = { sample, params, write: given.write, signal: context.signal };
    const { steps, result, failure } = await context.tryFlow(flow, trial);
    return {
      flow: flow.name,
      summary: flow.summary,
      steps: steps.map(({ error, ...step }) => ({ ...step, ...(error === undefined ? {} : { error }) })),
      ...(result === undefined ? {} : { result }),
      ...(failure === undefined
        ? {}
        : {
            failure: errorOf(failure),
          }),
    };
  },
});

async function flowOf(
  { flows, drafts }: OperationContext,
  given: { readonly name: string } | { readonly text: string; readonly file: string },
): Promise<Flow> {
  if ('name' in given) return (await drafts.find(given.name))?.flow ?? flows.find(given.name);
  const compiled = await compileLate(given.text, given.file);
  if ('flow' in compiled) return compiled.flow;
  throw new SluiceError('flow_invalid', compiled.problems.map(formatProblem).join('\n'));
}
