import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { getPublishedJob } from '../operations/get-published-job.ts';
import { jsonSchemaOf } from './api/json-schema.ts';
import type { PublishedFlow } from './published-apis.ts';

/** The OpenAPI document of one published flow, for those who send it records. */
export function publishedDocument(flow: PublishedFlow): JsonObject {
  const { path, method } = flow;
  const { version } = flow.flow;
  return {
    openapi: '3.1.0',
    info: {
      title: flow.flow.name,
      version: version === null ? flow.flow.revision : String(version),
      ...(flow.description === null ? {} : { description: flow.description }),
    },
    // Where the document is: behind a proxy nobody here knows how callers reach it.
    servers: [{ url: '/' }],
    security: [{ key: [] }],
    paths: {
      [path]: { [method.toLowerCase()]: send(flow) },
      [`${path}/jobs/{batch_job_id}`]: { get: follow() },
    },
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Record: plain(flow.schema),
        ...(flow.response === undefined ? {} : { Response: plain(flow.response.schema) }),
        Accepted: accepted,
        Job: jsonSchemaOf(getPublishedJob.output, 'output'),
        Problem: problemSchema,
      },
    },
  };
}

function send({ method, list, response }: PublishedFlow): JsonObject {
  const answers = {
    ...(response?.is_awaited === true ? awaited : {}),
    '202': { description: 'The records are accepted and taken one by one.', ...json('Accepted') },
    '400': { description: 'Nothing was started: the records do not fit.', ...problem },
    '409': {
      description:
        'It conflicts: the Idempotency-Key has come with another body, or what the record makes is there.',
      ...problem,
    },
    '413': { description: 'The body is too large.', ...problem },
    '415': { description: 'The body is not JSON.', ...problem },
    ...refusals,
  };
  if (method === 'GET') {
    const parameters = [{ name: 'record', in: 'query', style: 'form', explode: true, schema: ref('Record') }];
    return { operationId: 'send', summary: 'Send a record', parameters, responses: answers };
  }
  const schema = list === undefined ? ref('Record') : listSchema(list.path, list.max_size);
  return {
    operationId: 'send',
    summary: list === undefined ? 'Send a record' : `Send up to ${list.max_size} records`,
    parameters: [
      {
        name: 'Idempotency-Key',
        in: 'header',
        description: 'The same key and body start one job only.',
        schema: { type: 'string', maxLength: 200 },
      },
    ],
    requestBody: { required: true, content: { 'application/json': { schema } } },
    responses: answers,
  };
}

const follow = (): JsonObject => ({
  operationId: 'getJob',
  summary: 'See how far a job has come, and its results when it has finished',
  parameters: [
    { name: 'batch_job_id', in: 'path', required: true, schema: { type: 'string' } },
    { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 } },
    { name: 'after', in: 'query', schema: { type: 'integer', minimum: -1, default: -1 } },
  ],
  responses: {
    '200': { description: 'The job.', ...json('Job') },
    '404': { description: 'There is no such job.', ...problem },
    ...refusals,
  },
});

function listSchema(path: readonly string[], maxItems: number): JsonObject {
  const list: JsonObject = { type: 'array', minItems: 1, maxItems, items: ref('Record') };
  return path.reduceRight<JsonObject>(
    (schema, key) => ({ type: 'object', required: [key], properties: { [key]: schema } }),
    list,
  );
}

/** A schema of the flow's file, as a part of the document. */
function plain(schema: unknown): JsonObject {
  if (!isJsonObject(schema)) return { type: 'object' };
  const { $schema: _, ...rest } = schema;
  return rest;
}

const ref = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` });
const json = (name: string) => ({ content: { 'application/json': { schema: ref(name) } } });
const problem = { content: { 'application/problem+json': { schema: ref('Problem') } } };
const awaited = {
  '200': { description: 'What came of the record; after 25 seconds, 202 instead.', ...json('Response') },
  '422': { description: 'The record was taken and failed.', ...problem },
  '502': { description: 'The system behind could not take the record.', ...problem },
};
const refusals = {
  '401': { description: 'The key is not known.', ...problem },
  '429': { description: 'Too many records at once; Retry-After says when to go on.', ...problem },
  default: { description: 'Anything else that went wrong.', ...problem },
};

const text = { type: 'string' };
const accepted: JsonObject = {
  type: 'object',
  required: ['batch_job_id', 'status_url', 'total'],
  properties: { batch_job_id: text, status: text, total: { type: 'integer' }, status_url: text },
};
const problemSchema: JsonObject = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: text,
    title: text,
    status: { type: 'integer' },
    code: text,
    detail: text,
    untrusted_message: text,
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['message'],
        properties: { index: { type: 'integer' }, field: text, message: text },
      },
    },
  },
};
