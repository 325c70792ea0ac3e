import { z } from 'zod';
import { authSchema } from '../../connectors/connector-schema.ts';
import { authOf } from '../../connectors/connectors-file.ts';
import { credentialsOf, variablesOf } from '../../connectors/credentials.ts';
import { headerNameProblem } from '../../connectors/header-rules.ts';
import type { HttpAnswer, HttpRequest } from '../../connectors/http.ts';
import type { ConnectorRegistry } from '../../connectors/registry.ts';
import type { JsonValue } from '../../domain/json.ts';
import { type AnswerCheck, answerConditions, refusalOf } from '../answer-check.ts';
import type { Scope } from '../names.ts';
import { answerCheckOf } from './http-answer-check.ts';
import { acceptsOf, successCodes } from './http-success.ts';
import { type HttpTarget, httpTargetOf } from './http-target.ts';
import { isSecretHeader, isSecretParameter } from './http-url.ts';
import { type StepCall, type StepSite, stepKind } from './step-kind.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const scalar = z.union([z.string(), z.number(), z.boolean()], {
  error: 'must be a text, a number, true or false',
});

const settings = z.strictObject({
  method: z
    .preprocess((method) => (typeof method === 'string' ? method.toUpperCase() : method), z.enum(methods))
    .optional()
    .describe('GET unless given; POST when there is a body.'),
  connector: z.string().optional().describe('A name from connectors.yaml: base URL, credentials and limits.'),
  path: z.string().optional().describe('Path below the base URL of the connector; places are encoded.'),
  endpoint: z.string().optional().describe('Another word for path.'),
  url: z.string().optional().describe('A whole URL instead of a connector. A record never fills its host.'),
  hosts: z
    .array(
      z
        .string()
        .regex(/^(\*|(\*\.)?[a-z0-9.-]+(:\d+)?)$/i, 'must be a host such as example.com or *.example.com'),
    )
    .min(1, 'must name at least one host')
    .optional()
    .describe(
      'Hosts that a url of one place, such as {{ item }}, may lead to; ["*"] for all that are public.',
    ),
  headers: z.record(z.string(), scalar).optional().describe('Name: value; places in the value.'),
  query: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      'Parameters; one without a value is left out, and a list or an object is sent as JSON ({{ record.tags | join: "," }} makes one text).',
    ),
  body: z
    .unknown()
    .optional()
    .describe(
      'Sent as JSON; places at any depth. With a Content-Type of another kind a text goes as it is, with the values in it as they are ({{ record.name | escape_xml }} makes one fit for XML), and a map as a form if that is the type; a nested key of a form is written out: "metadata[order]". Multipart is for shell (curl -F) or python.',
    ),
  json: z.unknown().optional().describe('Another word for body.'),
  auth: authSchema.optional().describe('For a url; a connector has its own.'),
  success_codes: successCodes
    .optional()
    .describe('Statuses that count as success, such as [200, 404] or ["2xx"].'),
  ...answerConditions,
  response: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('A mapping of the answer (`response.status`, `.headers`, `.body`), which becomes the result.'),
});

type Settings = z.output<typeof settings>;

export const httpRequest = stepKind({
  name: 'http_request',
  aliases: ['http', 'http.request'],
  doc: [
    'Calls an HTTP API: a declared connector, or a whole URL. The result is `{status, headers, body}`, or what `response` makes of it. Any other status than success fails the step: 408, 425, 429 and 5xx are transient, and a longer `Retry-After` wins. So does an answer of which `success_when` is not true; with a `retry_when` that is true it is transient, too. A whole number of the answer beyond 2^53 comes as a text. Of an answer that is no text, such as an image or a PDF, only type and size are kept: files are downloaded by shell or python.',
    'POST, PUT, PATCH and DELETE carry an `Idempotency-Key`, the same on every attempt. Redirects are followed on the same origin only; addresses that are not public are refused unless the connector (or SLUICE_ALLOW_PRIVATE_HOSTS) allows them.',
  ].join('\n\n'),
  example: `type: http_request
connector: crm
path: /api/customers/{{ record.id }}
method: PATCH
body: { name: "{{ record.name }}" }
response: { customer: response.body.id }
`,
  settings,
  compile(given, site) {
    checkTarget(given, site);
    checkTogether(given, site);
    const target = httpTargetOf(given, site);
    const parts = partsOf(given, site);
    const method = given.method ?? (parts.body === undefined ? 'GET' : 'POST');
    const auth = given.auth === undefined ? undefined : authOf(given.auth);
    const response =
      given.response === undefined ? undefined : site.withNames(['response']).mapping('response');

    const plannedFor = (name: string) => (call: StepCall) => {
      const { path } = target.resolve(call.scope, call.frame.context.connectors, call.step);
      return { connector: name, request: requestOf(parts, method, path, given, call, target) };
    };

    return {
      hasEffects: method !== 'GET' && method !== 'HEAD',
      summary: `${method} ${target.summary}`,
      connectors: given.connector === undefined ? [] : [{ name: given.connector, type: 'http' }],
      method,
      keepsTime: true,
      approval: target.approval,
      variables: auth === undefined ? [] : variablesOf(auth),
      preview(call) {
        const { connector, path } = target.resolve(call.scope, call.frame.context.connectors, call.step);
        const { query = {}, headers = {}, body } = requestOf(parts, method, path, given, call, target);
        return {
          method,
          to: given.hosts === undefined ? target.summary : connector.name,
          path,
          query,
          headers,
          ...(body === undefined ? {} : { body }),
        };
      },
      ...(given.connector === undefined ? {} : { planned: plannedFor(given.connector) }),
      async run(call) {
        const { connector, path } = target.resolve(call.scope, call.frame.context.connectors, call.step);
        const request = requestOf(parts, method, path, given, call, target);
        const answer = await connector.call(auth === undefined ? request : authorised(request, auth, call));
        return response === undefined
          ? resultOf(answer)
          : response.apply({ ...call.scope, response: resultOf(answer) });
      },
    };
  },
});

/** Where the request goes: a connector, or a url. */
function checkTarget({ connector, url }: Settings, site: StepSite): void {
  if (connector === undefined && url === undefined) {
    const advice = 'write connector: NAME, or url: https://host/path';
    site.problem([], 'the step needs a connector or a url', advice);
  }
  if (connector !== undefined && url !== undefined) {
    site.problem(['url'], 'cannot stand beside a connector; give one of the two');
  }
  if (connector?.includes('{{') === true) {
    const words = 'is a name from connectors.yaml; a record never chooses it';
    site.problem(['connector'], words, 'use type: switch');
  }
}

/** Keys that contradict each other. */
function checkTogether({ connector, url, body, json, path, endpoint, auth }: Settings, site: StepSite): void {
  if (body !== undefined && json !== undefined) site.problem(['json'], 'is another word for body; give one');
  if (path !== undefined && endpoint !== undefined)
    site.problem(['endpoint'], 'is another word for path; give one');
  if (url !== undefined && (path ?? endpoint) !== undefined) {
    site.problem(
      [path === undefined ? 'endpoint' : 'path'],
      'belongs to a connector; the url holds its own path',
    );
  }
  if (connector !== undefined && auth !== undefined) {
    site.problem(['auth'], 'belongs into connectors.yaml when there is a connector');
  }
}

const secretAdvice = 'keep it in a variable: {{ env.API_TOKEN }}';

interface Parts {
  readonly headers: ReadonlyMap<string, (scope: Scope) => JsonValue>;
  readonly query: ReadonlyMap<string, (scope: Scope) => JsonValue>;
  readonly body: ((scope: Scope) => JsonValue) | undefined;
  readonly check: AnswerCheck | undefined;
}

function partsOf(given: Settings, site: StepSite): Parts {
  const { headers = {}, query = {}, json, body, connector } = given;
  for (const name of Object.keys(headers)) {
    const isOwn = connector === undefined && /^(authorization|cookie)$/i.test(name);
    const wrong = isOwn ? undefined : headerNameProblem(name);
    if (wrong !== undefined) site.problem(['headers', name], wrong);
    else if (isSecretHeader(name, headers[name])) {
      site.problem(['headers', name], 'holds a secret', secretAdvice);
    }
  }
  for (const [name, value] of Object.entries(query)) {
    if (isSecretParameter(name, value)) site.problem(['query', name], 'holds a secret', secretAdvice);
  }
  const all = (block: object, key: string) =>
    new Map(
      Object.keys(block).flatMap((name) => {
        const value = site.value(key, name);
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
  const bodyKey = json === undefined ? 'body' : 'json';
  return {
    headers: all(headers, 'headers'),
    query: all(query, 'query'),
    body: (json ?? body) === undefined ? undefined : site.value(bodyKey),
    check: answerCheckOf(given, site),
  };
}

function requestOf(
  parts: Parts,
  method: string,
  path: string,
  { success_codes }: Settings,
  { scope, step, idempotencyKey, timeoutMs, signal, frame }: StepCall,
  target: HttpTarget,
): HttpRequest {
  return {
    method,
    path,
    query: filled(parts.query, scope),
    headers: filled(parts.headers, scope),
    ...(parts.body === undefined ? {} : { body: parts.body(scope) }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(success_codes === undefined ? {} : { accepts: acceptsOf(success_codes) }),
    ...(parts.check === undefined ? {} : { judge: judgeOf(parts.check, scope) }),
    whole: true,
    idempotencyKey,
    step,
    endpoint: target.endpoint,
    secrets: frame.secrets,
    signal,
  };
}

function filled(
  parts: ReadonlyMap<string, (scope: Scope) => JsonValue>,
  scope: Scope,
): Record<string, string> {
  const texts: [string, string][] = [];
  for (const [name, part] of parts) {
    const value = part(scope);
    if (value === null) continue;
    texts.push([name, typeof value === 'object' ? JSON.stringify(value) : String(value)]);
  }
  return Object.fromEntries(texts);
}

function authorised(request: HttpRequest, auth: ReturnType<typeof authOf>, { frame }: StepCall): HttpRequest {
  const registry: ConnectorRegistry = frame.context.connectors;
  const { header, value, secrets } = credentialsOf(auth, (name) => registry.variable(name)?.reveal());
  return {
    ...request,
    headers: { ...request.headers, [header]: value.reveal() },
    secrets: [...(request.secrets ?? []), ...secrets],
  };
}

const judgeOf =
  (check: AnswerCheck, scope: Scope): HttpRequest['judge'] =>
  (answer) =>
    refusalOf(check, answer, { ...scope, response: resultOf(answer) });

const resultOf = ({ status, headers, body }: HttpAnswer): JsonValue => ({ status, headers, body });
