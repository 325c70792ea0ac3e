import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { jsonSchemaOf, propertyOf } from './json-schema.ts';
import { schemaOf } from './read-query.ts';
import { apiBase, type OperationRoute, pathNames, type Route, type StreamRoute } from './route.ts';

const problemMedia = 'application/problem+json';

const problemSchema = {
  type: 'object',
  description: 'Problem details (RFC 9457)',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable: clients decide by it' },
    detail: { type: 'string', description: 'What is wrong, and what to do next' },
  },
  required: ['type', 'title', 'status', 'code', 'detail'],
} as const;

const problems: Readonly<Record<string, readonly [description: string, code: string, detail: string]>> = {
  BadRequest: [
    'The request is not understood',
    'invalid_input',
    'There is no query parameter statsu (did you mean status?). Nothing was changed.',
  ],
  Unauthorized: [
    'No token, or one that is not known',
    'unauthorized',
    'A token is needed: send it as Authorization: Bearer TOKEN.',
  ],
  NotFound: [
    'It is not there, or belongs to somebody else',
    'batch_job_not_found',
    'No batch job has the id "0197a4c2". There are no batch jobs yet; start_batch starts one.',
  ],
  Conflict: [
    'The state of what is there stands against it',
    'batch_job_finished',
    'Batch job 0197a4c2-1b7e-7c3a-9b1f-2f6f0c0a1d2e has finished (completed), so there is nothing to change.',
  ],
  TooLarge: [
    'The body is too large',
    'body_too_large',
    'A request holds 16777216 bytes at most. Larger files go to POST /api/v1/uploads.',
  ],
  UnsupportedMediaType: [
    'The body is of another kind',
    'unsupported_media_type',
    'The body has to be sent as Content-Type: application/json. Nothing was changed.',
  ],
  Problem: [
    'Anything else that went wrong',
    'database_unavailable',
    'The database cannot be reached at the moment. Batch jobs are kept and go on when it is back.',
  ],
};

const statusOf = { BadRequest: 400, Unauthorized: 401, NotFound: 404, Conflict: 409, TooLarge: 413 } as const;

/** The OpenAPI 3.1 document of these routes: what it says of each comes from what the route does. */
export function openApiOf(routes: readonly Route[], version: string): JsonObject {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version,
      description:
        'Batch jobs: records through a declared flow, followed to their end. Every answer counts the same: total = pending + processing + succeeded + failed + retried_success + retried_failed + skipped.',
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    tags: [...new Set(routes.map(({ group }) => group))].map((name) => ({ name })),
    paths: pathsOf(routes),
    components: {
      schemas: { Problem: problemSchema },
      responses: Object.fromEntries(
        Object.entries(problems).map(([name, words]) => [name, problemResponse(name, words)]),
      ),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'Not needed on loopback without SLUICE_TOKEN',
        },
      },
    },
  };
}

function problemResponse(name: string, [description, code, detail]: (typeof problems)[string]): JsonObject {
  const status = statusOf[name as keyof typeof statusOf] ?? (name === 'Problem' ? 503 : 415);
  const example = { type: 'about:blank', title: code.replaceAll('_', ' '), status, code, detail };
  return {
    description,
    content: { [problemMedia]: { schema: { $ref: '#/components/schemas/Problem' }, example } },
  };
}

function pathsOf(routes: readonly Route[]): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const route of routes) {
    const path = `${apiBase}${route.path}`;
    paths[path] = { ...paths[path], [route.method]: operationOf(route) };
  }
  return paths;
}

function operationOf(route: Route): JsonObject {
  const { id, group, summary } = route;
  const parts = 'operation' in route ? partsOf(route) : streamParts(route);
  return { operationId: id, tags: [group], summary, ...parts };
}

function streamParts(route: StreamRoute): JsonObject {
  const parameters = [
    ...pathNames(route.path).map((name) => pathParameter(name, { type: 'string' })),
    ...(route.parameters ?? []),
  ];
  const { requestBody } = route;
  return {
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: { ...route.responses, ...refusals(route, requestBody !== undefined) },
  };
}

function partsOf(route: OperationRoute): JsonObject {
  const { example, statuses = [200] } = route;
  const schema = answerSchema(route);
  const answers = statuses.map((status): [string, JsonObject] => [
    String(status),
    { description: answerWords[status] ?? 'Done', content: { 'application/json': { schema } } },
  ]);
  const parameters = parametersOf(route);
  return {
    ...(example?.query === undefined
      ? {}
      : { description: `For example ${route.method.toUpperCase()} ${apiBase}${route.path}${example.query}` }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: bodyOf(route) }),
    responses: { ...Object.fromEntries(answers), ...refusals(route, route.body !== undefined) },
  };
}

const answerWords: Readonly<Record<number, string>> = {
  200: 'The answer',
  201: 'Made',
  202: 'Accepted; it goes on by itself',
};

const refer = (name: keyof typeof problems) => ({ $ref: `#/components/responses/${name}` });

function refusals({ path }: Route, hasBody: boolean): JsonObject {
  return {
    '400': refer('BadRequest'),
    '401': refer('Unauthorized'),
    ...(pathNames(path).length === 0 && !hasBody
      ? {}
      : { '404': refer('NotFound'), '409': refer('Conflict') }),
    ...(hasBody ? { '413': refer('TooLarge'), '415': refer('UnsupportedMediaType') } : {}),
    default: refer('Problem'),
  };
}

function parametersOf(route: OperationRoute): JsonObject[] {
  const input = jsonSchemaOf(route.operation.input, 'input');
  const { header } = route;
  return [
    ...pathNames(route.path).map((name) =>
      pathParameter(name, described(propertyOf(input, name) ?? { type: 'string' }).schema),
    ),
    ...Object.entries(route.query ?? {}).map(([name, parameter]) => {
      const { description, schema } = described(schemaOf(route, name));
      const about = [description, parameter.about].filter((words) => words !== undefined).join('. ');
      const { byDefault } = parameter;
      const words = Object.keys(parameter.words ?? {});
      return {
        name,
        in: 'query',
        ...(about === '' ? {} : { description: about }),
        ...(parameter.isRequired === true ? { required: true } : {}),
        ...(schema.type === 'array' ? { explode: false } : {}),
        schema: {
          ...schema,
          ...(Array.isArray(schema.enum) ? { enum: [...schema.enum, ...words] } : {}),
          ...(byDefault === undefined || schema.type === 'array' ? {} : { default: byDefault }),
        },
      };
    }),
    ...(header === undefined
      ? []
      : [{ name: header.name, in: 'header', description: header.about, schema: { type: 'string' } }]),
  ];
}

const pathParameter = (name: string, schema: JsonObject) => ({ name, in: 'path', required: true, schema });

/** A parameter says what it is beside its schema. */
function described({ description, ...schema }: JsonObject): { description?: JsonValue; schema: JsonObject } {
  return description === undefined ? { schema } : { description, schema };
}

function bodyOf(route: OperationRoute): JsonObject {
  const { example, text, body, aliases = {} } = route;
  const input = jsonSchemaOf(route.operation.input, 'input');
  const elsewhere = new Set([...pathNames(route.path), ...Object.keys(route.fixed ?? {})]);
  const own = isJsonObject(input.properties) ? Object.entries(input.properties) : [];
  const required = (Array.isArray(input.required) ? input.required : []).filter(
    (name) => !elsewhere.has(String(name)),
  );
  const schema = {
    ...input,
    properties: { ...Object.fromEntries(own.filter(([name]) => !elsewhere.has(name))), ...aliases },
    ...requiredOf(required, 'flow' in aliases),
  };
  const texts = (text?.mediaTypes ?? []).map((mediaType): [string, JsonObject] => [
    mediaType,
    { schema: { type: 'string' } },
  ]);
  return {
    ...(body === 'required' ? { required: true } : {}),
    content: {
      'application/json': { schema, ...(example?.request === undefined ? {} : { example: example.request }) },
      ...Object.fromEntries(texts),
    },
  };
}

/** A flow that has to be named may be named by either word. */
function requiredOf(required: readonly JsonValue[], hasOtherWord: boolean): JsonObject {
  if (!hasOtherWord || !required.includes('flow_id')) return { required };
  const others = required.filter((name) => name !== 'flow_id');
  return { required: others, anyOf: [{ required: ['flow_id'] }, { required: ['flow'] }] };
}

function answerSchema({ operation, added = {}, addedWithin }: OperationRoute): JsonObject {
  const schema = jsonSchemaOf(operation.output, 'output');
  const within = addedWithin === undefined ? {} : listWith(schema, addedWithin.list, addedWithin.fields);
  return withProperties(schema, { ...within, ...added });
}

function listWith(schema: JsonObject, name: string, fields: JsonObject): JsonObject {
  const list = propertyOf(schema, name) ?? {};
  const { items } = list;
  return {
    [name]: {
      ...list,
      items: withProperties(isJsonObject(items ?? null) ? (items as JsonObject) : {}, fields),
    },
  };
}

const withProperties = (schema: JsonObject, fields: JsonObject): JsonObject => ({
  ...schema,
  properties: {
    ...(isJsonObject(schema.properties ?? null) ? (schema.properties as JsonObject) : {}),
    ...fields,
  },
});
