import type { z } from 'zod';
import type { FileProblem } from '../connectors/file-problem.ts';
import type { YamlFile } from '../connectors/yaml-file.ts';
import type { Failure } from '../domain/failure.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { Flow } from './flow.ts';
import type { publishedApiSchema } from './flow-file.ts';
import { type InputCheck, inputOf } from './input-schema.ts';
import type { Lookups } from './pipe-arguments.ts';
import { type PublishedResponse, responseOf } from './published-response.ts';

/** How programs reach a flow under a path of its own. */
export interface PublishedApi {
  readonly path: string;
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'GET';
  /** A request brings a list; undefined: one record. */
  readonly list: PublishedList | undefined;
  readonly concurrency: number;
  /** The connector that is told of the end of a job. */
  readonly webhook: string | undefined;
  /** Nothing is started when a record does not fit; otherwise only that record fails. */
  readonly isStrict: boolean;
  /** What each record has to be, as JSON Schema; undefined: the flow does not say. */
  readonly schema: JsonObject | undefined;
  /** What is wrong with a record. `textual`: it comes from a query, which knows texts only. */
  readonly check: (record: JsonValue, textual: boolean) => Failure | undefined;
  /** What is given out of a result; undefined: the result itself, to those who come back for it. */
  readonly response: PublishedResponse | undefined;
}

export interface PublishedList {
  /** Keys that lead to the list in the body; none: the body is the list. */
  readonly path: readonly string[];
  readonly maxSize: number;
}

/** What a `published_api` block says of records and of what comes of them. */
export interface PublishedForm {
  readonly request: InputCheck | undefined;
  readonly response: PublishedResponse | undefined;
}

/** The texts and schemas of the block, compiled, and what is wrong with them in the file. */
export function publishedForm(
  yaml: YamlFile,
  block: unknown,
  lookups: Lookups,
): { form: PublishedForm; problems: FileProblem[] } {
  const schema = isJsonObject(block) ? block.requestSchema : undefined;
  const { input: request, problems } = inputOf(yaml, schema, ['published_api', 'requestSchema']);
  const { response, problems: wrongResponse } = responseOf(yaml, block, lookups);
  return { form: { request, response }, problems: [...problems, ...wrongResponse] };
}

/** The flow with its `published_api` block; a record has to pass every one of the checks. */
export function withPublished(
  flow: Flow,
  block: z.output<typeof publishedApiSchema> | undefined,
  input: InputCheck | undefined,
  { request, response }: PublishedForm,
): Flow {
  if (block === undefined) return flow;
  const checks = [input, request].filter((check) => check !== undefined);
  const [schema, ...more] = checks.map((check) => check.schema);
  return {
    ...flow,
    published: {
      path: block.path,
      method: block.method ?? 'POST',
      list:
        block.batchEnabled === true
          ? { path: block.batchArrayPath?.split('.') ?? [], maxSize: block.batchMaxSize ?? 1000 }
          : undefined,
      concurrency: block.batchConcurrency ?? 5,
      webhook: block.webhook,
      isStrict: block.validationMode !== 'lenient',
      schema: more.length > 0 && schema !== undefined ? { allOf: [schema, ...more] } : schema,
      check(record, textual) {
        for (const { check } of checks) {
          const failure = check(record, textual);
          if (failure !== undefined) return failure;
        }
        return undefined;
      },
      response,
    },
  };
}
