import type { JsonObject } from '../../domain/json.ts';
import { getFlow } from '../../operations/get-flow.ts';
import { getFlowReference } from '../../operations/get-flow-reference.ts';
import { listFlows } from '../../operations/list-flows.ts';
import { putFlow } from '../../operations/put-flow.ts';
import { saveFlow } from '../../operations/save-flow.ts';
import { Refusal } from '../problem.ts';
import { apiBase, type Route, route } from './route.ts';

const group = 'Flows';
const detailed = { response_format: 'detailed' } as const;
const yaml = {
  parameter: 'text',
  mediaTypes: ['application/yaml', 'application/x-yaml', 'text/yaml'],
} as const;
const ifMatch = {
  name: 'If-Match',
  parameter: 'replaces',
  about: 'The revision that is to be replaced; GET answers with it as ETag',
} as const;
const text = 'flow: customer-import\nversion: 1\ntarget: { connector: crm-system, endpoint: /customers }\n';

const withTag = ({ revision }: JsonObject): Record<string, string> =>
  typeof revision === 'string' ? { etag: `"${revision}"` } : {};

/** Nothing was saved, and the answer says why. */
function refuseProblems({ saved, problems }: JsonObject): void {
  if (saved !== false) return;
  const all = (problems as string[]).join('\n');
  throw new Refusal(422, 'flow_invalid', `The flow has problems. Nothing was saved.\n${all}`);
}

export const flowRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: '/flows',
    id: 'listFlows',
    group,
    summary: 'List flows, the connectors they may call, and what is missing',
    operation: listFlows,
    fixed: detailed,
  }),
  route({
    method: 'post',
    path: '/flows',
    id: 'saveFlow',
    group,
    summary: 'Save a flow under the name in its text',
    operation: saveFlow,
    body: 'required',
    text: yaml,
    header: ifMatch,
    refuse: refuseProblems,
    status: () => 201,
    statuses: [201],
    headers: (answer) => ({
      ...withTag(answer),
      location: `${apiBase}/flows/${encodeURIComponent(String(answer.name))}`,
    }),
    example: { request: { text } },
  }),
  route({
    method: 'get',
    path: '/flows/{flow_id}',
    id: 'getFlow',
    group,
    summary: 'Get a flow by its name, name@version or uuid',
    operation: getFlow,
    fixed: detailed,
    headers: withTag,
  }),
  route({
    method: 'put',
    path: '/flows/{name}',
    id: 'putFlow',
    group,
    summary: 'Save a flow under this name, as JSON or as its text in YAML',
    operation: putFlow,
    query: { replaces: {} },
    body: 'required',
    text: yaml,
    header: ifMatch,
    refuse: refuseProblems,
    headers: withTag,
    example: { request: { text, replaces: 'b2c3d4e5f6' } },
  }),
  route({
    method: 'get',
    path: '/flow-reference',
    id: 'getFlowReference',
    group,
    summary: 'How flows are written: the smallest ones and all topics, or one topic',
    operation: getFlowReference,
    query: { topic: {} },
    example: { query: '?topic=http_request' },
  }),
];
