import { z } from 'zod';
import type { JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Flow } from '../flows/flow.ts';
import type { PublishedApi } from '../flows/published-api.ts';
import type { OperationContext } from './context.ts';
import { flowOutput, jobOutput } from './counts.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';
import { isTextual, recordsIn } from './published-records.ts';
import { startJob } from './start-batch.ts';

/** Which flow is meant: by its path, and for a key of one flow by its name as well. */
const ofCaller = { path: z.string().max(2000), flow: textInput(100).optional() };

/** What of an address below a published path is asked for. */
const parts = ['records', 'job', 'openapi'] as const;

export const findPublishedApi = defineOperation({
  name: 'find_published_api',
  title: 'Find a published flow',
  description: 'Finds the flow that is published at an address.',
  effect: 'read',
  input: z.strictObject(ofCaller),
  output: z.object({
    found: z
      .object({
        flow: flowOutput,
        description: z.string().nullable(),
        path: z.string(),
        method: z.enum(['POST', 'PUT', 'PATCH', 'GET']),
        list: z.object({ path: z.array(z.string()), max_size: z.number() }).optional(),
        schema: z.unknown(),
        response: z.object({ schema: z.unknown(), is_awaited: z.boolean() }).optional(),
        part: z.enum(parts),
        batch_job_id: z.string().optional(),
      })
      .optional(),
  }),

  async run(context, { path, flow: name }) {
    const meant = (await publishedFlows(context, name)).flatMap((published) => {
      const asked = partOf(published.api, path);
      return asked === undefined ? [] : [{ ...published, asked }];
    });
    // A path may lie below another one.
    const found = meant.find(({ asked }) => asked.part === 'records') ?? meant[0];
    return found === undefined ? {} : { found: { ...described(found), ...found.asked } };
  },
});

export const startPublished = defineOperation({
  name: 'start_published',
  title: 'Start a job of a published flow',
  description: 'Takes the records a program sends to a published flow.',
  effect: 'run',
  input: z.strictObject({
    ...ofCaller,
    body: z.unknown(),
    idempotency_key: textInput(200).optional(),
  }),
  output: z.object({ ...jobOutput, flow: flowOutput, replayed: z.boolean() }),

  async run(context, { path, flow: name, body, idempotency_key }) {
    const [found] = (await publishedFlows(context, name)).filter(({ api }) => api.path === path);
    if (found === undefined) throw notPublished(path);
    const { flow, api } = found;
    const records = recordsIn(api, body as JsonValue);
    return startJob(
      context,
      // What is published may want more of a record than the flow does.
      { ...flow, checkInput: api.check },
      {
        flow_id: flow.name,
        records: records as Parameters<typeof startJob>[2]['records'],
        concurrency: Math.min(api.concurrency, context.limits.maxConcurrency),
        allow_repeat: true,
        ...(api.webhook === undefined ? {} : { batch: { callback: api.webhook } }),
        ...(idempotency_key === undefined ? {} : { idempotency_key }),
      },
      { isTextual: isTextual(api) },
    );
  },
});

function described({ flow, api }: Published) {
  const { flowId: flow_id, name, version, revision, description } = flow;
  const { path, method, list, schema, response } = api;
  return {
    flow: { flow_id, name, version, revision },
    description,
    path,
    method,
    ...(list === undefined ? {} : { list: { path: [...list.path], max_size: list.maxSize } }),
    schema,
    // Many records would keep their sender waiting for the slowest.
    ...(response === undefined
      ? {}
      : { response: { schema: response.schema, is_awaited: list === undefined } }),
  };
}

interface Published {
  readonly flow: Flow;
  readonly api: PublishedApi;
}

/** Of each flow its newest version; a file with problems publishes nothing. */
async function publishedFlows({ flows }: OperationContext, name: string | undefined): Promise<Published[]> {
  const newest = new Map<string, Published>();
  for (const { listing, flow } of await flows.loaded()) {
    if (flow?.published === undefined || listing.problems.length > 0 || newest.has(flow.name)) continue;
    if (name === undefined || name === flow.name) newest.set(flow.name, { flow, api: flow.published });
  }
  return [...newest.values()];
}

function partOf({ path }: PublishedApi, asked: string) {
  if (asked === path) return { part: 'records' as const };
  if (asked === `${path}/openapi.json`) return { part: 'openapi' as const };
  const id = asked.startsWith(`${path}/jobs/`) ? asked.slice(path.length + '/jobs/'.length) : '';
  return /^[^/]{1,100}$/.test(id) ? { part: 'job' as const, batch_job_id: id } : undefined;
}

const notPublished = (path: string) =>
  new SluiceError('flow_not_found', `No flow is published at ${path.slice(0, 200)}. Nothing was started.`);
