import type { HttpAnswer, HttpRequest } from '../../src/connectors/http.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import { compileFlow } from '../../src/flows/compile-flow.ts';
import type { Attempt, Flow } from '../../src/flows/flow.ts';
import { formatProblem } from '../../src/flows/flow-identity.ts';
import { noConnectors } from '../support/connectors.ts';

export const importFlow = `flow: customer-import
version: 1
source:
  connector: import-service
  trigger: manual
target:
  connector: crm-system
  endpoint: /api/customers
  method: POST
mapping:
  name: source.name | trim | required
  email: source.email | lowercase | required
  phone: source.phone | default("")
  company: source.company | omit_if_null
on_error:
  retry: 2x exponential(30s)
  then: dead-letter
`;

export function compiledFlow(text: string): Flow {
  const compiled = compileFlow(text, 'a.yaml');
  if ('flow' in compiled) return compiled.flow;
  throw new Error(compiled.problems.map(formatProblem).join('\n'));
}

/** An attempt at a record with connectors that remember what they were asked and answer 201 unless told otherwise. */
export function attemptAt(
  payload: JsonValue,
  answer: HttpAnswer = { status: 201, headers: {}, body: { created: true } },
): { attempt: Attempt; requests: HttpRequest[] } {
  const requests: HttpRequest[] = [];
  const connectors = noConnectors({
    http: (name) => ({
      name,
      async call(request): Promise<HttpAnswer> {
        requests.push(request);
        return answer;
      },
    }),
  });
  const attempt: Attempt = {
    batchJobId: 'job-1',
    params: {},
    total: 1,
    index: 7,
    id: null,
    revision: 0,
    payload,
    connectors,
    signal: new AbortController().signal,
    state: () => {
      throw new Error('a mapping flow keeps no state');
    },
    glob: async () => [],
    log: () => {},
  };
  return { attempt, requests };
}
